"""Decide who of several free people is given an appointment, and say why this one.

Every method is a list of criteria; who is first by the first criterion that tells two people apart goes first. The
last one is the user id, so the same question always has the same answer.
"""

from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from enum import StrEnum
from fractions import Fraction
from typing import Any, NamedTuple

FIRST_PRIORITY, USUAL_PRIORITY, LAST_PRIORITY = 1, 5, 9
MOST_WEIGHT = 10


class Sharing(StrEnum):
    """How appointments are shared out among those who are free."""

    LEAST_BUSY = "least_busy"
    ROTATION = "rotation"
    PRIORITY = "priority"


class Because(StrEnum):
    """What told the one who was chosen from the next in line."""

    ONLY_ONE_FREE = "only_one_free"
    LEAST_THAT_DAY = "least_that_day"
    LEAST_THAT_WEEK = "least_that_week"
    FEWEST_TURNS = "fewest_turns"
    LONGEST_AGO = "longest_ago"
    HIGHEST_PRIORITY = "highest_priority"
    FIRST_IN_LIST = "first_in_list"


@dataclass(frozen=True, slots=True)
class Candidate:
    """Somebody who is free: what they have that day and that week (seconds), and their place in the service.

    Priority 1 is asked first. Weight 2 gets twice as many turns as weight 1.
    """

    user_id: int
    day_seconds: int = 0
    week_seconds: int = 0
    priority: int = USUAL_PRIORITY
    weight: int = 1


class Choice(NamedTuple):
    """Everybody who is free, the one to be given the appointment first, and why it is them."""

    user_ids: tuple[int, ...]
    because: Because


_Key = Callable[[Candidate], Any]


def share_out(candidates: Sequence[Candidate], sharing: Sharing, turns: Sequence[int] = ()) -> Choice:
    """Put those who are free in order. `turns` are the user ids who were given the service, the last one first.

    Rotation gives everybody as many of the last turns as their weight says; with equal weights it goes to whoever
    was given the service longest ago. There must be a candidate.
    """
    criteria = list(_criteria(candidates, sharing, turns))
    ordered = sorted(candidates, key=lambda one: tuple(key(one) for _, key in criteria))
    user_ids = tuple(one.user_id for one in ordered)
    if len(ordered) == 1:
        return Choice(user_ids, Because.ONLY_ONE_FREE)
    first, second = ordered[:2]
    return Choice(user_ids, next(because for because, key in criteria if key(first) != key(second)))


def _criteria(
    candidates: Sequence[Candidate], sharing: Sharing, turns: Sequence[int]
) -> Iterator[tuple[Because, _Key]]:
    if sharing is Sharing.ROTATION:
        if len({one.weight for one in candidates}) > 1:
            yield Because.FEWEST_TURNS, _turns_by_weight(candidates, turns)
    else:
        if sharing is Sharing.PRIORITY:
            yield Because.HIGHEST_PRIORITY, lambda one: one.priority
        yield Because.LEAST_THAT_DAY, lambda one: one.day_seconds
        yield Because.LEAST_THAT_WEEK, lambda one: one.week_seconds
    last = {user_id: -ago for ago, user_id in reversed(list(enumerate(turns)))}
    never = -len(turns)
    yield Because.LONGEST_AGO, lambda one: last.get(one.user_id, never)
    yield Because.FIRST_IN_LIST, lambda one: one.user_id


def _turns_by_weight(candidates: Sequence[Candidate], turns: Sequence[int]) -> _Key:
    """Count each one's share after a further turn, among the turns that make a full round with it.

    A round has as many turns as all weights together, and what happened before it is forgotten: nobody is owed the
    turns of the weeks they were away. This is D'Hondt's method, which gives a full round exactly as the weights say.
    """
    weights = {one.user_id: one.weight for one in candidates}
    of_them = [user_id for user_id in turns if user_id in weights]
    taken = Counter(of_them[: sum(weights.values()) - 1])
    return lambda one: Fraction(taken[one.user_id] + 1, one.weight)
