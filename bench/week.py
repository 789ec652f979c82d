"""Where the stored appointments lie, and where the bookings that are measured go.

Every provider has the same week, Monday to Friday: 30 appointments of half an hour, six a day, one an hour
from 9:00 UTC. The half hours after them stay free: there the measured bookings go, each into one of its own.
"""

from dataclasses import dataclass

PROVIDERS = 500
PROVIDERS_PER_BUSINESS, CONTACTS_PER_BUSINESS = 10, 20
PER_WEEK, PER_DAY = 30, 6
HALF_HOUR, HOUR, DAY, WEEK = 1800, 3600, 24 * 3600, 7 * 24 * 3600

# Whose calendars the parts of the bench write to, as numbers of providers; the parts never meet.
HTTP = range(30)
ENGINE = range(100, 130)
SAMPLE = 200  # one booking, whose statements the engine's own limit repeats
BUSIEST = 498  # has another 100,000 in the past, back to back, in the larger database
IDLE = 499  # has nothing: a week of 336 free slots


@dataclass(frozen=True)
class Plan:
    """How much is stored, and the Monday (epoch seconds, UTC) that begins the measured week."""

    shared: int
    on_busiest: int
    monday: int

    @property
    def stored(self) -> int:
        """How many appointments that makes."""
        return self.shared + self.on_busiest

    @property
    def sharing_providers(self) -> int:
        """How many providers share the appointments: as many as get a full week each."""
        return min(IDLE, self.shared // PER_WEEK)

    @property
    def first_monday(self) -> int:
        """The Monday of everybody's first appointment; about half of the weeks lie in the past."""
        return self.monday - self.shared // self.sharing_providers // PER_WEEK // 2 * WEEK


def start_of(monday: int, number: int) -> int:
    """Say when a provider's appointment starts, counted from a Monday."""
    week, place = divmod(number, PER_WEEK)
    day, hour = divmod(place, PER_DAY)
    return monday + week * WEEK + day * DAY + (9 + hour) * HOUR


def sql_start_of(monday: str, number: str) -> str:
    """Write `start_of` as integer arithmetic, as SQL and pgbench both read it."""
    return (
        f"({monday} + ({number}) / {PER_WEEK} * {WEEK} + ({number}) % {PER_WEEK} / {PER_DAY} * {DAY}"
        f" + (9 + ({number}) % {PER_DAY}) * {HOUR})"
    )


def free_start(monday: int, number: int, providers: range) -> tuple[int, int]:
    """Give the provider and the start of the n-th measured booking, in the weeks after the measured one."""
    turn, place = divmod(number, len(providers))
    return providers[place], start_of(monday + WEEK, turn) + HALF_HOUR
