"""The guard against a model of a few lines: it refuses what overlaps, and nothing else."""

import random
from dataclasses import dataclass, replace

import pytest
from django.db import IntegrityError

from actions.by_hand import DAY, OVERLAP, sql
from race.harness import out_of_step, overlaps_stored

CLAIMING = {"scheduled", "confirmed", "completed"}
STATUSES = [*sorted(CLAIMING), "canceled", "no_show"]


@dataclass(frozen=True)
class Row:
    """An appointment in five-minute steps of one day."""

    member: int
    start: int
    end: int
    before: int
    after: int
    status: str

    def meets(self, other: "Row") -> bool:
        if self.member != other.member or not {self.status, other.status} <= CLAIMING:
            return False
        first, second = sorted([self, other], key=lambda row: row.start - row.before)
        return second.start - second.before < first.end + first.after

    def columns(self, members: list) -> str:
        times = (self.start, self.end, self.start - self.before, self.end + self.after)
        stamps = ", ".join(f"'{DAY} {step // 12:02}:{step % 12 * 5:02}:00'" for step in times)
        return f"{members[self.member].user_id}, '{self.status}', {stamps}"


def any_row(chance: random.Random) -> Row:
    start = chance.randrange(6, 200)
    buffers = chance.choice([(0, 0), (0, 0), (1, 2), (3, 0)])
    return Row(chance.randrange(2), start, start + chance.randint(1, 24), *buffers, chance.choice(STATUSES))


def any_change(chance: random.Random, row: Row) -> Row:
    other = any_row(chance)
    parts = chance.choice([("status",), ("member",), ("start", "end"), ("before", "after"), ("status", "start", "end")])
    return replace(row, **{part: getattr(other, part) for part in parts})


def test_guard_refuses_what_a_simple_model_refuses_and_nothing_else(cast, soak):
    members, chance, model, refusals = [cast.owner, cast.colleague], random.Random(11), {}, 0
    columns = "user_id, status, start_time, end_time, blocked_from, blocked_until"
    for _ in range(5000 if soak else 500):
        number = chance.choice([None, None, *model]) if len(model) < 40 else chance.choice(list(model))
        if number is not None and chance.random() < 0.15:
            sql(f"DELETE FROM appointments WHERE id = {number}")
            del model[number]
            continue
        row = any_row(chance) if number is None else any_change(chance, model[number])
        if number is None:
            given = f"{cast.owner.business_id}, 'Model', {row.columns(members)}"
            write = f"INSERT INTO appointments (business_id, title, {columns}) VALUES ({given})"
        else:
            write = f"UPDATE appointments SET ({columns}) = ({row.columns(members)}) WHERE id = {number}"
        if any(row.meets(other) for key, other in model.items() if key != number):
            refusals += 1
            with pytest.raises(IntegrityError, match=OVERLAP):
                sql(write)
        else:
            model[sql(f"{write} RETURNING id")[0][0]] = row
    assert refusals > 50
    assert (overlaps_stored(), out_of_step()) == (0, 0)
