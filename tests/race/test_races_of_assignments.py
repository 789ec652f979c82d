"""Appointments that change hands, singly and by the day, while others book and move: none overlaps, none is lost."""

import random
from datetime import UTC, datetime
from functools import partial

from cast import Cast, add_member
from race.contestants import DAWN, HOUR, NOW, Verbs
from race.harness import LANES, query, race, shuffled
from slotkeeper.appointments import assignment
from slotkeeper.appointments.actions import SlotTaken, Target, UnknownAppointment
from slotkeeper.appointments.assignment import Absence, Gift, Manner, NotAllMovable
from slotkeeper.appointments.models import Appointment
from slotkeeper.appointments.reach import Reach
from slotkeeper.changes.models import Change
from slotkeeper.changes.record import COMMAND
from slotkeeper.rules.intervals import Interval
from slotkeeper.rules.permissions import Role

HOURS = [(DAWN + number * HOUR, DAWN + (number + 1) * HOUR) for number in range(8)]
ALL_DAY = Interval(HOURS[0][0], HOURS[-1][1])


class Team:
    """Three people of one practice, and what they do with each other's appointments."""

    def __init__(self, cast: Cast) -> None:
        self.cast, self.reach = cast, Reach(cast.owner.business_id)
        third = add_member(cast.owner, "third@practice.test", Role.PROVIDER)
        self.people = [cast.owner.user_id, cast.colleague.user_id, third.user_id]

    def assign(self, appointment_id: int, user_id: int) -> str:
        try:
            assignment.assign(Target(self.reach, appointment_id), user_id, COMMAND, NOW)
        except SlotTaken:
            return "refused"
        return "done"

    def give_away(self, from_id: int, to_ids: tuple[int, ...], *, is_partial: bool = False) -> str:
        absence = Absence(self.reach, from_id, to_ids, ALL_DAY)
        try:
            outcome = assignment.reassign(absence, Manner(is_partial=is_partial), COMMAND, NOW)
        except NotAllMovable:
            return "refused"
        return "done" if outcome.moved else "nothing"

    def hand_over(self, gifts: list[Gift]) -> str:
        try:
            assignment.hand_over(self.reach, gifts, Manner(), COMMAND, NOW)
        except (NotAllMovable, UnknownAppointment):
            return "refused"
        return "done"


def ids() -> list[int]:
    return list(Appointment.objects.order_by("pk").values_list("pk", flat=True))


def test_days_change_hands_while_others_book_assign_move_and_cancel(calendar, rounds):
    team, verbs, chance = Team(calendar), Verbs(calendar), random.Random(11)
    for number, slot in enumerate(HOURS):
        verbs.book(*slot, user_id=team.people[number % 3])
    first = ids()
    attempts = []
    for _ in range(rounds(320)):
        giver, *takers = chance.sample(team.people, 3)
        attempts += [partial(team.give_away, giver, tuple(takers), is_partial=chance.random() < 0.5) for _ in range(3)]
        attempts += [partial(team.give_away, giver, (takers[0],)) for _ in range(2)]
        attempts += [partial(team.assign, chance.choice(first), chance.choice(team.people)) for _ in range(5)]
        attempts += [partial(verbs.move, chance.choice(first), *chance.choice(HOURS)) for _ in range(3)]
        attempts += [partial(verbs.book, *chance.choice(HOURS), chance.choice(team.people)) for _ in range(3)]
    outcomes = race(shuffled(12, attempts))
    assert outcomes["done"] > 0
    assert set(first) <= set(ids())
    assert query("SELECT count(*) FROM appointments WHERE status <> 'scheduled'") == [(0,)]
    booked = Change.objects.filter(subject_kind="appointment", verb="booked").count()
    assert booked == len(ids())


def test_all_or_none_is_never_a_part(calendar, rounds):
    """One hands over her whole morning while another books into it: it arrives as a whole, or stays as a whole."""
    team, verbs = Team(calendar), Verbs(calendar)
    giver, taker, _ = team.people
    for day in range(rounds(160)):
        Appointment.objects.all().delete()
        for slot in HOURS[:4]:
            verbs.book(*slot, user_id=giver)
        mine = ids()
        attempts = [partial(team.give_away, giver, (taker,)) for _ in range(LANES // 2)]
        attempts += [partial(verbs.book, *HOURS[number % 4], taker) for number in range(LANES // 2)]
        race(shuffled(day, attempts))
        assert len(set(Appointment.objects.filter(pk__in=mine).values_list("user_id", flat=True))) == 1


def test_two_who_confirm_the_same_preview_do_it_once(calendar, rounds):
    team, verbs = Team(calendar), Verbs(calendar)
    giver, taker, third = team.people
    for slot in HOURS:
        verbs.book(*slot, user_id=giver)
    for number in range(rounds(96)):
        at, to = ((giver, taker), (taker, third), (third, giver))[number % 3]
        rows = Appointment.objects.filter(user_id=at)
        gifts = [Gift(row.pk, row.version, to) for row in rows]
        outcomes = race([partial(team.hand_over, gifts) for _ in range(LANES)])
        assert outcomes == {"done": 1, "refused": LANES - 1}
    assert Appointment.objects.filter(updated_at__gt=datetime.fromtimestamp(NOW - 1, UTC)).count() == len(HOURS)
