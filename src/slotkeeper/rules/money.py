"""Totals of quotes and invoices, in minor units, as EN 16931 computes them.

Prices are net. A line's amount is rounded once, to a whole minor unit, half away from zero. Tax is computed per rate on
the sum of its lines, less their share of a discount on the whole, and rounded once per rate (EN 16931-1, BR-CO-10 to
BR-CO-17): so the same lines always give the same total, in whichever order they stand.
"""

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from decimal import ROUND_HALF_UP, Decimal

MOST_LINES = 500
LARGEST_AMOUNT = 100_000_000_000  # minor units; beyond it somebody has mistyped
MOST_QUANTITY = Decimal(1_000_000)
# Currencies whose minor unit is not the hundredth (ISO 4217).
_WITHOUT_DIGITS = "BIF CLP DJF GNF ISK JPY KMF KRW PYG RWF UGX UYI VND VUV XAF XOF XPF"
_WITH_THREE_DIGITS = "BHD IQD JOD KWD LYD OMR TND"
_HUNDRED = Decimal(100)


class TooMuch(Exception):
    """The amounts are larger than a document may have."""


@dataclass(frozen=True, slots=True)
class Line:
    """A line: how many of what at which price; percentages as decimals, 19 for 19 %."""

    quantity: Decimal
    unit_price: int
    tax_rate: Decimal = Decimal(0)
    discount: Decimal = Decimal(0)  # per cent of this line

    @property
    def amount(self) -> int:
        """What it comes to without tax."""
        return rounded(self.quantity * self.unit_price * (_HUNDRED - self.discount) / _HUNDRED)


@dataclass(frozen=True, slots=True)
class TaxGroup:
    """What is taxed at one rate: the sum before tax, less its share of the discount, and the tax on it."""

    rate: Decimal
    lines: int
    discount: int
    net: int
    tax: int


@dataclass(frozen=True, slots=True)
class Totals:
    """What a document comes to."""

    lines: int
    discount: int
    net: int
    tax: int
    gross: int
    groups: tuple[TaxGroup, ...]  # by rate, the lowest first


def totals(lines: Sequence[Line], discount: Decimal = Decimal(0)) -> Totals:
    """Add up a document; `discount` is per cent of the whole, shared out by rate. Raises TooMuch."""
    by_rate: dict[Decimal, int] = defaultdict(int)
    for line in lines:
        by_rate[line.tax_rate.normalize()] += line.amount
    if any(abs(amount) > LARGEST_AMOUNT for amount in by_rate.values()):
        raise TooMuch
    groups = tuple(_group(rate, by_rate[rate], discount) for rate in sorted(by_rate))
    net, tax = sum(group.net for group in groups), sum(group.tax for group in groups)
    if abs(net + tax) > LARGEST_AMOUNT:
        raise TooMuch
    return Totals(
        lines=sum(group.lines for group in groups),
        discount=sum(group.discount for group in groups),
        net=net,
        tax=tax,
        gross=net + tax,
        groups=groups,
    )


def rounded(amount: Decimal) -> int:
    """Round to a whole minor unit, half away from zero."""
    return int(amount.quantize(Decimal(1), ROUND_HALF_UP))


def minor_digits(currency: str) -> int:
    """Say how many digits an amount has after the point (ISO 4217)."""
    if currency in _WITHOUT_DIGITS.split():
        return 0
    return 3 if currency in _WITH_THREE_DIGITS.split() else 2


def as_decimal(amount: int, currency: str) -> Decimal:
    """Write minor units as a number of the currency: 1050 of EUR is 10.50."""
    return Decimal(amount).scaleb(-minor_digits(currency))


def _group(rate: Decimal, lines: int, discount: Decimal) -> TaxGroup:
    taken_off = rounded(lines * discount / _HUNDRED)
    net = lines - taken_off
    return TaxGroup(rate, lines, taken_off, net, rounded(net * rate / _HUNDRED))
