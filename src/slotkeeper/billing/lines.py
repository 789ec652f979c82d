"""The lines of a document, as they are stored: `{description, quantity, unit_price, tax_rate, discount}`.

Quantities and percentages are decimal strings, prices minor units: as the API has them.
"""

from collections.abc import Sequence
from decimal import Decimal, InvalidOperation
from typing import Any, TypedDict

from slotkeeper.billing.models import Document
from slotkeeper.rules.money import LARGEST_AMOUNT, MOST_LINES, MOST_QUANTITY, Line, TooMuch, Totals, totals

MOST_DESCRIPTION = 1_000


class StoredLine(TypedDict):
    """A line as a document keeps it."""

    description: str
    quantity: str
    unit_price: int
    tax_rate: str
    discount: str


class BadLines(Exception):
    """The lines cannot be so; `reasons` says why, by field such as `lines.0.quantity`."""

    def __init__(self, reasons: dict[str, str]) -> None:
        super().__init__(" ".join(f"{field}: {reason}" for field, reason in reasons.items()))
        self.reasons = reasons


def read_lines(document: Document) -> list[Line]:
    """Read a document's lines for adding up."""
    return [
        Line(Decimal(one["quantity"]), one["unit_price"], Decimal(one["tax_rate"]), Decimal(one["discount"]))
        for one in document.lines
    ]


def totals_of(document: Document) -> Totals:
    """Add a document up."""
    return totals(read_lines(document), Decimal(document.discount))


def checked_lines(given: Sequence[dict[str, Any]], *, allows_negative: bool = False) -> list[StoredLine]:
    """Check lines and write numbers in one way. Raises BadLines, which names every bad field.

    Only a credit note may have negative quantities, and those we write ourselves.
    """
    reasons: dict[str, str] = {}
    if not given:
        reasons["lines"] = "There must be at least one line."
    if len(given) > MOST_LINES:
        raise BadLines({"lines": f"At most {MOST_LINES} lines."})
    stored: list[StoredLine] = []
    for number, line in enumerate(given):
        wrong: dict[str, str] = {}
        quantity = _decimal(line.get("quantity", "1"), 3, wrong, "quantity")
        tax_rate = _decimal(line.get("tax_rate", "0"), 2, wrong, "tax_rate", most=Decimal(100))
        discount = _decimal(line.get("discount", "0"), 2, wrong, "discount", most=Decimal(100))
        description = str(line.get("description", "")).strip()
        if not description or len(description) > MOST_DESCRIPTION:
            wrong["description"] = f"Say what it is, in at most {MOST_DESCRIPTION} characters."
        if abs(quantity) > MOST_QUANTITY or (quantity <= 0 and not allows_negative and "quantity" not in wrong):
            wrong["quantity"] = f"It must be more than 0 and at most {MOST_QUANTITY:,}."
        unit_price = line.get("unit_price", 0)
        if not isinstance(unit_price, int) or not 0 <= unit_price <= LARGEST_AMOUNT:
            wrong["unit_price"] = "It must be a whole number of minor units, and not negative."
        reasons |= {f"lines.{number}.{name}": why for name, why in wrong.items()}
        stored.append(
            {
                "description": description,
                "quantity": f"{quantity.normalize():f}",
                "unit_price": unit_price,
                "tax_rate": f"{tax_rate:.2f}",
                "discount": f"{discount:.2f}",
            }
        )
    if reasons:
        raise BadLines(reasons)
    return stored


def add_up(document: Document) -> None:
    """Write what a document's lines come to into it. Raises BadLines where that is absurd."""
    try:
        found = totals_of(document)
    except TooMuch:
        raise BadLines({"lines": f"Together they come to more than {LARGEST_AMOUNT:,} minor units."}) from None
    document.net, document.tax, document.gross = found.net, found.tax, found.gross


def _decimal(text: Any, digits: int, wrong: dict[str, str], name: str, most: Decimal | None = None) -> Decimal:
    try:
        value = Decimal(str(text))
    except InvalidOperation:
        value = Decimal("NaN")
    if not value.is_finite() or abs(value) > MOST_QUANTITY * 1000:
        wrong[name] = "Write a decimal number such as 19.00."
        return Decimal(1)
    if value != round(value, digits):
        wrong[name] = f"At most {digits} digits after the point."
    elif most is not None and not 0 <= value <= most:
        wrong[name] = f"It must be from 0 to {most}."
    return value
