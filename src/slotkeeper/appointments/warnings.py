"""What a member should know about an appointment they made all the same: rules that bind customers only."""

from slotkeeper import hot_sql
from slotkeeper.appointments.free_busy import Person, read_open_windows
from slotkeeper.appointments.rows import AppointmentRow
from slotkeeper.appointments.slots import SlotQuery, UnknownService, read_obstacles
from slotkeeper.rules.intervals import Interval
from slotkeeper.rules.slots import Reason

_WARNED = (Reason.OUTSIDE_HOURS, Reason.OFF_GRID, Reason.TOO_SOON, Reason.BEYOND_HORIZON, Reason.DAILY_LIMIT)


def read_warnings(row: AppointmentRow, business_id: int, now: int, keeps_hours: bool | None = None) -> list[Reason]:
    """Say which rules of its service, or of its person's hours, an appointment goes past.

    `keeps_hours` spares a look where it is known whether the person keeps any.
    """
    own_time = Interval(row.start_time, row.end_time)
    if row.service_id is not None:
        within = Interval(row.start_time, row.start_time + 1)
        query = SlotQuery(business_id, row.service_id, within, now, row.user_id, row.id)
        try:
            met = {obstacle.reason for obstacle in read_obstacles(query)}
        except UnknownService:
            return []
        return [reason for reason in _WARNED if reason in met]
    person = Person(business_id, row.user_id)
    if not (_has_hours(person) if keeps_hours is None else keeps_hours):
        return []
    windows = read_open_windows(person, own_time)
    is_inside = any(window.start <= own_time.start and own_time.end <= window.end for window in windows)
    return [] if is_inside else [Reason.OUTSIDE_HOURS]


def _has_hours(person: Person) -> bool:
    found = hot_sql.row(
        "SELECT 1 FROM memberships m JOIN opening_hours o ON o.membership_id = m.id "
        "WHERE m.business_id = %s AND m.user_id = %s LIMIT 1",
        [person.business_id, person.user_id],
    )
    return found is not None
