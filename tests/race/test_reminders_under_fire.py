"""Reminders while appointments move and are canceled at random, by three workers that are killed at random.

The clock is the test's: a step is half a minute. What is expected comes from an oracle that knows every appointment's
history and nothing of how reminders are planned. 2,000 appointments, 20,000 with --soak.
"""

import random
from collections import Counter, defaultdict
from dataclasses import dataclass
from datetime import UTC, datetime
from zoneinfo import ZoneInfo

from cast import ZONE
from race.reminder_workers import Workers
from race.scratch import database_url
from servers.mail_server import mail_server
from slotkeeper.appointments import actions
from slotkeeper.appointments.actions import Target
from slotkeeper.appointments.insert import Booking
from slotkeeper.appointments.reach import Reach
from slotkeeper.changes.record import COMMAND
from slotkeeper.contacts.models import Contact
from slotkeeper.outbox.kinds import REMINDERS
from slotkeeper.outbox.models import Message
from slotkeeper.people.models import Membership, User
from slotkeeper.rules.permissions import Role

SEED = 20261125
HOUR, STEP, LENGTH = 3600, 30, 900
BEGIN = int(datetime(2030, 10, 26, 0, 0, tzinfo=UTC).timestamp())  # the day before Europe's clocks go back
ZONES = [ZONE, "Europe/Lisbon", "America/New_York", "Asia/Kathmandu", "Pacific/Auckland"]
HOURS = {"reminder_24h": (25, 24, 3), "reminder_2h": (3, 2, 0)}  # its window opens, closes, it helps until
LATE_SECONDS = 60


@dataclass
class Stay:
    """A stretch of the clock in which an appointment had one start."""

    start: int
    since: int
    until: int = 2**62


class Story:
    """Books, moves and cancels by the verbs, and remembers where everything was when."""

    def __init__(self, cast, count, hours):
        self.reach = Reach(cast.owner.business_id)
        self.chance, self.now = random.Random(SEED), BEGIN
        starts = [BEGIN + 26 * HOUR + number * LENGTH for number in range(hours * HOUR // LENGTH)]
        users = make_people(cast, 2 * count // len(starts) + 1)
        self.free = {user: list(starts) for user in users}
        self.zones, self.stays, self.live = {}, defaultdict(list), {}
        contacts = [
            Contact.objects.create(business=cast.owner.business, name=zone, time_zone=zone).pk for zone in ZONES
        ]
        for number in range(count):
            user, zone, start = users[number % len(users)], number % len(ZONES), self._take(users[number % len(users)])
            booking = Booking(
                cast.owner.business_id, user, f"No. {number}", start, start + LENGTH,
                contact_id=contacts[zone], contact_email=f"c{number}@customer.test",
            )  # fmt: skip
            row = actions.book(booking, COMMAND, self.now)
            self.zones[row.id], self.live[row.id] = ZONES[zone], user
            self.stays[row.id].append(Stay(start, self.now))
        self.ids = list(self.live)

    def act(self):
        """Move or cancel one that has not begun."""
        appointment_id = self.chance.choice(self.ids)
        user, last = self.live.get(appointment_id), self.stays[appointment_id][-1]
        if user is None or last.start <= self.now + STEP:
            return
        start = None if self.chance.random() < 0.3 else self._take(user)
        fields = {"status": "canceled"} if start is None else {"start_time": start, "end_time": start + LENGTH}
        actions.update(Target(self.reach, appointment_id), fields, COMMAND, self.now)
        last.until = self.now
        self.free[user].append(last.start)
        if start is None:
            del self.live[appointment_id]
        else:
            self.stays[appointment_id].append(Stay(start, self.now))

    def _take(self, user):
        ahead = [start for start in self.free[user] if start > self.now + HOUR]
        if not ahead:
            return None
        start = self.chance.choice(ahead)
        self.free[user].remove(start)
        return start


def make_people(cast, count):
    """Make people whose time is taken."""
    people = [User(email=f"p{number}@practice.test", name=f"P{number}", time_zone=ZONE) for number in range(count)]
    users = User.objects.bulk_create(people)
    Membership.objects.bulk_create(
        Membership(user=user, business=cast.owner.business, role=Role.PROVIDER) for user in users
    )
    return [user.pk for user in users]


class Oracle:
    """Says of each start that an appointment had which reminders must, may and must not have come, and when."""

    def __init__(self, stays):
        self.must, self.may = {}, {}
        for appointment_id, several in stays.items():
            by_start = defaultdict(list)
            for stay in several:
                by_start[stay.start].append(stay)
            for start, same in by_start.items():
                for kind in HOURS:
                    self._judge((appointment_id, kind, start), same)

    def _judge(self, key, stays):
        """Judge a start: where it was left and taken up again, one reminder does for both."""
        _, kind, start = key
        opens, closes, ends = (start - hours * HOUR for hours in HOURS[kind])
        allowed = []
        for stay in stays:
            due = max(opens, stay.since)
            if stay.since > closes or due >= ends or due > stay.until:  # moved in the same step: before or after
                continue
            allowed.append((due, min(stay.until, due + LATE_SECONDS)))
            if due + LATE_SECONDS <= stay.until:
                self.must[key] = True
        if allowed:
            self.may[key] = allowed


def steps_of(hours):
    """Give the steps in which a reminder can come due, with a little around them."""
    for first in (BEGIN + HOUR, BEGIN + 23 * HOUR):
        yield from range(first - 4 * STEP, first + hours * HOUR + 4 * STEP, STEP)


def run(story, workers, hours, kills, acts):
    """Go through the steps; give the time of each."""
    times = list(steps_of(hours))
    deadly = Counter(story.chance.choices(range(len(times)), k=kills))
    for number, instant in enumerate(times):
        story.now = instant
        workers.run(instant)
        for _ in range(deadly[number]):
            workers.kill(story.chance.randrange(len(workers.pids)))
        is_followed = times[number : number + 4] == list(range(instant, instant + 4 * STEP, STEP))
        for _ in range(acts // len(times) + 1 if is_followed else 0):
            story.act()
        workers.wait()


def test_every_due_reminder_comes_once_in_time_and_none_that_is_not_due(committed_cast, tmp_path, soak):
    count, hours, kills = (20_000, 12, 100) if soak else (2_000, 1, 10)
    story = Story(committed_cast, count, hours)
    with mail_server() as server:
        workers = Workers(3, tmp_path, database_url(), server.url)
        server.clock = lambda: int(workers.board.now.timestamp())
        try:
            run(story, workers, hours, kills, acts=count // 2)
        finally:
            workers.stop()
    oracle = Oracle(story.stays)
    came = defaultdict(list)
    for mail in server.mails:
        came[read_key(mail)].append((mail.at, mail))
    assert set(came) - set(oracle.may) == set(), "reminders of what was canceled, moved or made too late"
    assert set(oracle.must) - set(came) == set(), "reminders that never came"
    for key, arrivals in came.items():
        first = arrivals[0][0]
        assert any(due <= first <= until for due, until in oracle.may[key]), (key, first, oracle.may[key])
        assert len({mail.email["Message-ID"] for _, mail in arrivals}) == 1
        assert local_time(key, story) in arrivals[0][1].email.get_body(("plain",)).get_content()
    doubles = sum(len(arrivals) - 1 for arrivals in came.values())
    assert doubles <= kills, "more came twice than workers were killed"
    sent = Message.objects.filter(kind__in=REMINDERS, state="sent").count()
    assert sent == len(came)


def read_key(mail):
    """Read from a Message-ID which appointment, kind and start it is about."""
    subject, kind, start, _ = str(mail.email["Message-ID"]).strip("<>").split("@")[0].split(".")
    return int(subject.removeprefix("appointment-")), kind, int(start)


def local_time(key, story):
    appointment_id, _, start = key
    return f"{datetime.fromtimestamp(start, UTC).astimezone(ZoneInfo(story.zones[appointment_id])):%H:%M}"
