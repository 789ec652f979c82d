"""The form that gives an appointment to somebody, or moves it: what dragging on the day's board does, by keyboard."""

from typing import Any

from slotkeeper.appointments.givers import givers_of
from slotkeeper.appointments.rows import AppointmentRow
from slotkeeper.doors.dashboard.appointment_form import AppointmentForm
from slotkeeper.people.callers import Caller
from slotkeeper.rules.permissions import Permission

_KEPT = frozenset({"start", "offset", "user_id", "version"})


class HandoverForm(AppointmentForm):
    """Who has an appointment, and when it begins; it stays as long as it is."""

    def __init__(self, caller: Caller, row: AppointmentRow, *args: Any, **options: Any) -> None:
        super().__init__(caller, row, *args, **options)
        self.length = row.end_time - row.start_time
        for name in self.fields.keys() - _KEPT:
            del self.fields[name]
        self._choose_givers(row)

    def _choose_givers(self, row: AppointmentRow) -> None:
        """Offer those who give the service, and whoever has it now."""
        field: Any = self.fields.get("user_id")
        if field is None:
            return
        if not self.caller.may(Permission.APPOINTMENTS_ASSIGN):
            del self.fields["user_id"]
            return
        givers = givers_of([row.service_id] if row.service_id else []).get(row.service_id or 0)
        field.choices = [
            (user_id, name)
            for user_id, name in field.choices
            if givers is None or user_id in givers or user_id == row.user_id
        ]

    def clean(self) -> dict[str, Any]:
        """Find the instant that the start means."""
        data = self.cleaned_data
        start = self._start(data["start"]) if "start" in data else None
        if start is not None:
            data["start_time"], data["end_time"] = start, start + self.length
        return data
