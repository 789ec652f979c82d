from collections import Counter

from hypothesis import given
from hypothesis import strategies as st

from slotkeeper.rules.sharing_out import Because, Candidate, Sharing, share_out

ANN, BEN, CARL = 1, 2, 3
HOUR = 3600
people = st.lists(
    st.builds(
        Candidate,
        user_id=st.integers(1, 50),
        day_seconds=st.integers(0, 8).map(lambda hours: hours * HOUR),
        week_seconds=st.integers(0, 40).map(lambda hours: hours * HOUR),
        priority=st.integers(1, 9),
        weight=st.integers(1, 5),
    ),
    min_size=1,
    max_size=8,
    unique_by=lambda one: one.user_id,
)


def book_in_turn(candidates, times, sharing=Sharing.ROTATION):
    """Share out one appointment after another; everybody stays free."""
    turns = []
    for _ in range(times):
        turns.insert(0, share_out(candidates, sharing, turns).user_ids[0])
    return turns[::-1]


# Least busy


def test_least_busy_takes_whoever_has_least_that_day_and_then_that_week():
    ann, ben = Candidate(ANN, 2 * HOUR, 9 * HOUR), Candidate(BEN, HOUR, 20 * HOUR)
    assert share_out([ann, ben], Sharing.LEAST_BUSY) == ((BEN, ANN), Because.LEAST_THAT_DAY)
    ann, ben = Candidate(ANN, HOUR, 9 * HOUR), Candidate(BEN, HOUR, 8 * HOUR)
    assert share_out([ann, ben], Sharing.LEAST_BUSY) == ((BEN, ANN), Because.LEAST_THAT_WEEK)


def test_people_equally_busy_are_told_apart_by_their_last_turn_and_then_by_the_list():
    both = [Candidate(BEN), Candidate(ANN)]
    assert share_out(both, Sharing.LEAST_BUSY, [ANN]) == ((BEN, ANN), Because.LONGEST_AGO)
    assert share_out(both, Sharing.LEAST_BUSY) == ((ANN, BEN), Because.FIRST_IN_LIST)


def test_the_only_one_who_is_free_needs_no_other_reason():
    for sharing in Sharing:
        assert share_out([Candidate(BEN)], sharing, [BEN]) == ((BEN,), Because.ONLY_ONE_FREE)


# Priority


def test_priority_one_goes_first_however_busy():
    busy, idle = Candidate(BEN, 8 * HOUR, 40 * HOUR, priority=1), Candidate(ANN, priority=2)
    assert share_out([idle, busy], Sharing.PRIORITY) == ((BEN, ANN), Because.HIGHEST_PRIORITY)


def test_people_of_one_priority_are_told_apart_by_how_busy_they_are():
    assert share_out([Candidate(ANN, HOUR), Candidate(BEN)], Sharing.PRIORITY).because is Because.LEAST_THAT_DAY


# Rotation


def test_rotation_goes_to_whoever_was_given_the_service_longest_ago():
    three = [Candidate(ANN), Candidate(BEN), Candidate(CARL)]
    assert share_out(three, Sharing.ROTATION, [ANN, CARL, BEN]) == ((BEN, CARL, ANN), Because.LONGEST_AGO)
    assert share_out(three, Sharing.ROTATION, [ANN, BEN, BEN]).user_ids == (CARL, BEN, ANN)


def test_weight_two_gets_two_turns_of_three():
    turns = book_in_turn([Candidate(ANN, weight=2), Candidate(BEN)], 9)
    assert [turns[start : start + 3].count(ANN) for start in range(7)] == [2] * 7


def test_who_was_away_is_not_owed_what_they_missed():
    both = [Candidate(ANN), Candidate(BEN)]
    turns = [BEN] * 30
    for _ in range(4):
        turns.insert(0, share_out(both, Sharing.ROTATION, turns).user_ids[0])
    assert turns[:4] == [BEN, ANN, BEN, ANN]


@given(st.integers(1, 9), st.integers(0, 60))
def test_after_any_number_of_bookings_nobody_is_more_than_one_ahead(count, times):
    candidates = [Candidate(number) for number in range(1, count + 1)]
    given_to = Counter({one.user_id: 0 for one in candidates} | Counter(book_in_turn(candidates, times)))
    assert max(given_to.values()) - min(given_to.values()) <= 1


@given(people, st.integers(0, 40), st.integers(1, 3))
def test_every_full_round_is_shared_out_exactly_by_weight(candidates, first, rounds):
    weights = {one.user_id: one.weight for one in candidates}
    length = sum(weights.values())
    turns = book_in_turn(candidates, first + rounds * length)
    assert Counter(turns[first : first + rounds * length]) == {user: rounds * each for user, each in weights.items()}


@given(people, st.lists(st.integers(1, 50), max_size=30), st.integers(1, 3))
def test_from_any_past_a_rotation_of_equals_is_fair_from_the_next_round_on(candidates, past, rounds):
    equals = [Candidate(one.user_id) for one in candidates]
    turns = list(past)
    for _ in range(rounds * len(equals)):
        turns.insert(0, share_out(equals, Sharing.ROTATION, turns).user_ids[0])
    assert Counter(turns[: rounds * len(equals)]) == {one.user_id: rounds for one in equals}


# Whatever the method


@given(people, st.sampled_from(Sharing), st.lists(st.integers(1, 50), max_size=30), st.randoms())
def test_everybody_is_in_the_order_once_and_the_same_question_has_one_answer(candidates, sharing, turns, chance):
    choice = share_out(candidates, sharing, turns)
    assert sorted(choice.user_ids) == sorted(one.user_id for one in candidates)
    mixed = list(candidates)
    chance.shuffle(mixed)
    assert share_out(mixed, sharing, turns) == choice


@given(people.filter(lambda candidates: len(candidates) > 1), st.lists(st.integers(1, 50), max_size=30))
def test_the_reason_is_true_of_the_first_and_the_second(candidates, turns):
    of = {one.user_id: one for one in candidates}
    user_ids, because = share_out(candidates, Sharing.LEAST_BUSY, turns)
    first, second = (of[user_id] for user_id in user_ids[:2])
    assert first.day_seconds <= second.day_seconds
    assert (because is Because.LEAST_THAT_DAY) == (first.day_seconds < second.day_seconds)
    if because is Because.LEAST_THAT_WEEK:
        assert first.week_seconds < second.week_seconds
    if because is Because.FIRST_IN_LIST:
        assert first.user_id < second.user_id
