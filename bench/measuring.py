"""Measuring: rounds of requests against several installations in turn, and what they cost."""

import statistics
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass, field

from cpu import cpu_seconds
from engine_limits import Limit
from installation import Installation
from load import booking_request, free_busy_request, send_all
from week import free_start

CONNECTIONS = 16
BOOKING, FREE_BUSY = "booking", "free/busy"
_SUCCESS = {BOOKING: 201, FREE_BUSY: 200}


@dataclass(frozen=True)
class Round:
    """What one request of a round cost, in milliseconds of CPU, and how many a second there were."""

    application_ms: float
    database_ms: float
    per_second: float


@dataclass
class Case:
    """One line of the table: a kind of request, whose calendars it goes to, where, and its rounds."""

    kind: str
    title: str
    installation: Installation
    providers: range
    rounds: list[Round] = field(default_factory=list)
    limits: list[Limit] = field(default_factory=list)
    sent: int = 0

    def median(self, name: str) -> float:
        """Give the median over the rounds of one figure."""
        return statistics.median(getattr(one, name) for one in self.rounds)

    @property
    def cpu_ms(self) -> float:
        """Median CPU of application and database together."""
        return statistics.median(one.application_ms + one.database_ms for one in self.rounds)

    def median_limit(self, name: str) -> float | None:
        """Give the median of one figure of the engine's own limit, where that was measured."""
        return statistics.median(getattr(one, name) for one in self.limits) if self.limits else None

    @property
    def share_of_limit(self) -> float | None:
        """Median over the rounds of requests a second through HTTP, as a share of the engine's own."""
        pairs = zip(self.rounds, self.limits, strict=False)
        return statistics.median(one.per_second / limit.per_second for one, limit in pairs) if self.limits else None

    def next_requests(self, count: int) -> list[bytes]:
        """Write the next requests; every booking gets a free half hour of its own."""
        plan, numbers = self.installation.plan, range(self.sent, self.sent + count)
        self.sent += count
        if self.kind == BOOKING:
            places = (free_start(plan.monday, number, self.providers) for number in numbers)
            return [
                booking_request(self.installation.token(provider), self.installation.ids_of(provider), start)
                for provider, start in places
            ]
        providers = (self.providers[number % len(self.providers)] for number in numbers)
        return [
            free_busy_request(self.installation.token(provider), self.installation.ids_of(provider), plan.monday)
            for provider in providers
        ]


def run_round(case: Case, count: int, postmaster: int | None, client: ProcessPoolExecutor) -> Round:
    """Send `count` requests from the client's process and read what the server's and PostgreSQL's spent."""
    requests = case.next_requests(count)
    pids = [case.installation.pid] + ([postmaster] if postmaster else [])
    before = [cpu_seconds(pid) for pid in pids]
    outcome = client.submit(send_all, case.installation.port, requests, CONNECTIONS).result()
    spent = [(cpu_seconds(pid) - earlier) * 1000 / count for pid, earlier in zip(pids, before, strict=True)]
    if set(outcome.statuses) != {_SUCCESS[case.kind]}:
        raise RuntimeError(f"{case.kind}, {case.title}: not every request succeeded: {dict(outcome.statuses)}.")
    return Round(spent[0], spent[1] if postmaster else 0.0, count / outcome.seconds)
