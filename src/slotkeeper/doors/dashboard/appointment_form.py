"""The form of an appointment: the same for booking, changing and moving."""

from typing import Any

from django import forms
from django.core.exceptions import ValidationError
from django.core.validators import RegexValidator
from django.utils.translation import gettext_lazy as _

from slotkeeper.appointments.rows import AppointmentRow
from slotkeeper.calendars.models import ConnectedCalendar
from slotkeeper.doors.dashboard.asking import (
    LARGEST_ID,
    people_for,
    refuse_control_characters,
)
from slotkeeper.doors.disclosure import customers_of
from slotkeeper.offerings.models import Service
from slotkeeper.people.callers import Caller
from slotkeeper.rules.appointment_status import TERMINAL, Status
from slotkeeper.rules.local_time import (
    MINUTE_SECONDS,
    AmbiguousTime,
    InvalidTime,
    NonexistentTime,
    TimeForm,
    exact_instant,
    parse_time,
)
from slotkeeper.rules.permissions import Permission

USUAL_MINUTES = 30
MOST_MINUTES = 31 * 24 * 60
TEXTS = ("description", "location", "notes", "contact_name", "contact_email", "contact_phone")


class Text(forms.CharField):
    """A line, or with `rows` an area, of text without control characters; empty is None."""

    def __init__(self, label: Any, most: int, rows: int = 0, **options: Any) -> None:
        widget = forms.Textarea(attrs={"rows": rows}) if rows else forms.TextInput(attrs={"autocomplete": "off"})
        options = {"required": False, "empty_value": None, "widget": widget} | options
        super().__init__(label=label, max_length=most, validators=[refuse_control_characters], **options)


class AppointmentForm(forms.Form):
    """What an appointment is; times in the caller's zone."""

    title = Text(_("Title"), 200, required=True)
    start = forms.CharField(
        label=_("Start"), max_length=64, widget=forms.TextInput(attrs={"type": "datetime-local", "step": "60"})
    )
    offset = forms.ChoiceField(label=_("Which of the two?"), required=False, widget=forms.RadioSelect)
    minutes = forms.IntegerField(
        label=_("Minutes"), min_value=1, max_value=MOST_MINUTES, required=False,
        help_text=_("Empty: as long as the service takes."),
    )  # fmt: skip
    service_id = forms.TypedChoiceField(label=_("Service"), required=False, coerce=int, empty_value=None)
    user_id = forms.TypedChoiceField(label=_("With"), coerce=int)
    contact_id = forms.IntegerField(required=False, widget=forms.HiddenInput, max_value=LARGEST_ID, min_value=1)
    contact_name = Text(_("Customer"), 100)
    contact_email = Text(
        _("Customer’s email"), 255,
        widget=forms.EmailInput(attrs={"autocomplete": "off"}),
    )  # fmt: skip
    contact_phone = Text(_("Customer’s phone"), 20)
    location = Text(_("Place"), 500)
    description = Text(_("Description"), 2000, rows=2)
    notes = Text(_("Notes"), 2000, rows=2, help_text=_("For the business only."))
    sync_to_calendar = forms.BooleanField(
        label=_("Put it into the calendar"), required=False, initial=True,
        help_text=_("Into the connected calendars that receive the appointments of the person it is with."),
    )  # fmt: skip
    version = forms.IntegerField(required=False, widget=forms.HiddenInput)

    def __init__(self, caller: Caller, row: AppointmentRow | None, *args: Any, **options: Any) -> None:
        super().__init__(*args, **options)
        self.caller, self.row = caller, row
        self.services = {
            service.pk: service
            for service in Service.objects.in_business(caller.business_id).order_by("name")
            if service.is_active or (row and row.service_id == service.pk)
        }
        self._choose_services()
        self._choose_people()
        self._offer_calendar()
        self.fields["contact_email"].validators.append(
            RegexValidator(r"^[^@\s]+@[^@\s]+$", _("Enter an email address."))
        )
        if not caller.may(Permission.CONTACTS_READ_DETAILS):
            del self.fields["contact_email"], self.fields["contact_phone"]
        if row and Status(row.status) in TERMINAL:
            for name in ("start", "minutes", "service_id", "user_id"):
                self.fields.pop(name, None)
        self._offer_offsets([])

    def _choose_services(self) -> None:
        if not self.services:
            del self.fields["service_id"]
            self.fields["minutes"].help_text = ""
            return
        choices = [(service.pk, str(service)) for service in self.services.values()]
        self.fields["service_id"].choices = [("", _("None")), *choices]  # type: ignore[attr-defined]  # a choice field

    def _choose_people(self) -> None:
        # A new one goes to whose appointments one may write, one that is there to whom one may give it.
        everyones = Permission.APPOINTMENTS_ASSIGN if self.row else Permission.APPOINTMENTS_WRITE_ALL
        people = people_for(self.caller, everyones)
        if self.row and self.row.user_id not in people:
            people[self.row.user_id] = str(_("Somebody who has left"))
        if not self.caller.may(everyones) or len(people) == 1:
            del self.fields["user_id"]
            return
        self.fields["user_id"].choices = list(people.items())  # type: ignore[attr-defined]  # a choice field

    def _offer_calendar(self) -> None:
        """Ask only where somebody has a calendar that would receive the appointment, or it was asked before."""
        field: Any = self.fields.get("user_id")
        own = self.row.user_id if self.row else self.caller.user_id
        people = [own] if field is None else [user_id for user_id, _name in field.choices]
        receiving = ConnectedCalendar.objects.filter(user_id__in=people, receives=True, is_writable=True)
        if not (self.row and self.row.sync_to_calendar) and not receiving.exists():
            del self.fields["sync_to_calendar"]

    def clean_contact_id(self) -> int | None:
        """Accept only customers that the caller sees, and the one it has."""
        contact_id: int | None = self.cleaned_data["contact_id"]
        if contact_id is None or (self.row and contact_id == self.row.contact_id):
            return contact_id
        if not customers_of(self.caller).filter(pk=contact_id).exists():
            raise ValidationError(_("There is no such customer."))
        return contact_id

    def clean(self) -> dict[str, Any]:
        """Find the instants that start and length mean."""
        data = self.cleaned_data
        if "start" in self.fields and "start" in data and "minutes" in data:
            start = self._start(data["start"])
            if start is not None:
                data["start_time"] = start
                data["end_time"] = start + self._seconds(data)
        return data

    def _seconds(self, data: dict[str, Any]) -> int:
        service = self.services.get(data.get("service_id") or 0)
        usual = service.duration_minutes if service else USUAL_MINUTES
        return int(data["minutes"] or usual) * MINUTE_SECONDS

    def _start(self, text: str) -> int | None:
        if self.row and text == self.initial.get("start"):
            return self.row.start_time  # also where the clocks show that time twice
        try:
            read = parse_time(text)
            return exact_instant(read, self.caller.time_zone)
        except AmbiguousTime as error:
            chosen = self.data.get("offset", "")
            if chosen in error.offsets:
                return exact_instant(parse_time(f"{_with_seconds(text)}{chosen}"), self.caller.time_zone)
            self._offer_offsets(list(error.offsets))
            self.add_error("start", _("The clocks show this time twice. Choose which one you mean."))
        except (NonexistentTime, InvalidTime) as error:
            self.add_error("start", str(error))
        return None

    def _offer_offsets(self, offsets: list[str]) -> None:
        """Ask which of two equal times is meant, only where there are two."""
        field = self.fields.get("offset")
        if not offsets:
            self.fields.pop("offset", None)
            return
        field = forms.ChoiceField(
            label=_("Which of the two?"),
            choices=[(offset, f"UTC{offset}") for offset in offsets],
            required=False,
            widget=forms.RadioSelect,
        )
        self.fields["offset"] = field

    def wanted(self) -> dict[str, Any]:
        """Give what the form says, in the verbs' words; for a change only what it changes."""
        names = ("title", "start_time", "end_time", "service_id", "user_id", "contact_id", "sync_to_calendar", *TEXTS)
        given = {name: self.cleaned_data[name] for name in names if name in self.cleaned_data}
        if self.row is None:
            return given
        return {name: value for name, value in given.items() if getattr(self.row, name) != value}


def initial_of(row: AppointmentRow, caller: Caller) -> dict[str, Any]:
    """Fill the form from an appointment."""
    written = TimeForm.with_offset(caller.time_zone).write(row.start_time)
    return row._asdict() | {"start": written[:16], "minutes": -(-(row.end_time - row.start_time) // MINUTE_SECONDS)}


def _with_seconds(text: str) -> str:
    return text if text.count(":") > 1 else f"{text}:00"
