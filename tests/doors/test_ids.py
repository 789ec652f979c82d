"""Ids out of addresses and forms: whatever stands there is an id, or calmly none."""

import pytest

from slotkeeper.doors.ids import LARGEST_ID, is_id, known_id, number_from


@pytest.mark.parametrize(("text", "number"), [("1", 1), ("007", 7), (str(LARGEST_ID), LARGEST_ID)])
def test_digits_are_an_id(text, number):
    assert number_from(text) == number
    assert is_id(text)


@pytest.mark.parametrize(
    "text", ["", "0", "-1", "+1", "1.0", " 1", "1_0", "one", "٣", "1\n", str(LARGEST_ID + 1), "1" * 5000]
)
def test_anything_else_is_none(text):
    assert number_from(text) is None
    assert not is_id(text)


def test_a_number_may_be_bounded():
    assert number_from("20", 20) == 20
    assert number_from("21", 20) is None
    assert number_from(None) is None


@pytest.mark.parametrize(("value", "known"), [(1, 1), (LARGEST_ID, LARGEST_ID), (LARGEST_ID + 1, 0), (0, 0), (-5, 0)])
def test_an_id_that_no_row_can_have_becomes_one_that_no_row_has(value, known):
    assert known_id(value) == known
