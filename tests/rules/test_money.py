"""Totals: to the cent, the same in whichever order, equal to an oracle of exact fractions."""

import random
from decimal import Decimal

import pytest

from rules.money_oracle import oracle
from slotkeeper.rules.money import LARGEST_AMOUNT, Line, TooMuch, as_decimal, minor_digits, totals

SEED = 20261126


def line(quantity="1", unit_price=1000, tax_rate="19", discount="0"):
    return Line(Decimal(quantity), unit_price, Decimal(tax_rate), Decimal(discount))


def test_tax_is_rounded_once_per_rate_and_not_per_line():
    found = totals([line("1", 3, "19")] * 3)
    assert (found.net, found.tax, found.gross) == (9, 2, 11)


def test_half_a_cent_is_rounded_away_from_zero():
    assert line("0.5", 1, "0").amount == 1
    assert line("-0.5", 1, "0").amount == -1


def test_rates_are_groups_whatever_way_they_are_written():
    found = totals([line(tax_rate="7"), line(tax_rate="19"), line(tax_rate="19.00")])
    assert [(str(group.rate), group.net, group.tax) for group in found.groups] == [("7", 1000, 70), ("19", 2000, 380)]


def test_a_discount_on_the_whole_is_shared_out_by_rate():
    found = totals([line(unit_price=1000, tax_rate="7"), line(unit_price=3000, tax_rate="19")], Decimal(10))
    assert (found.lines, found.discount, found.net) == (4000, 400, 3600)
    assert [group.discount for group in found.groups] == [100, 300]


def test_a_credit_note_is_the_mirror_of_its_invoice():
    lines = [line("2.5", 1999, "19", "3"), line("1", 350, "7")]
    mirrored = [Line(-one.quantity, one.unit_price, one.tax_rate, one.discount) for one in lines]
    assert totals(mirrored, Decimal(5)).gross == -totals(lines, Decimal(5)).gross


def test_absurd_amounts_are_refused():
    with pytest.raises(TooMuch):
        totals([line("1000000", LARGEST_AMOUNT)])


def test_currencies_have_the_digits_they_have():
    assert [minor_digits(one) for one in ("EUR", "JPY", "KWD")] == [2, 0, 3]
    assert as_decimal(1050, "EUR") == Decimal("10.50")
    assert as_decimal(1050, "JPY") == Decimal(1050)


def test_ten_thousand_random_documents_equal_the_oracle_to_the_cent():
    chance = random.Random(SEED)
    for _ in range(10_000):
        rows = [
            (
                f"{chance.choice([-1, 1, 1, 1]) * chance.randrange(1, 100_000) / 1000:.3f}",
                chance.randrange(0, 500_000),
                chance.choice(["0", "7", "7.7", "19", "19.00", "25.5"]),
                chance.choice(["0", "0", "5", "12.5", "33.33"]),
            )
            for _ in range(chance.randrange(1, 12))
        ]
        discount = chance.choice(["0", "0", "2", "10", "3.75"])
        lines = [line(*row) for row in rows]
        found = totals(lines, Decimal(discount))
        assert (found.net, found.tax, found.gross) == oracle(rows, discount)
        chance.shuffle(lines)
        assert totals(lines, Decimal(discount)) == found
