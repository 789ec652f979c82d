"""Amounts, quantities and percentages as people of the language that is spoken now write them."""

from decimal import Decimal

from django.utils.formats import number_format
from django.utils.translation import pgettext

from slotkeeper.rules.money import as_decimal, minor_digits

_SIGNS = {"EUR": "€", "USD": "$", "GBP": "£", "JPY": "¥", "INR": "₹"}
_MINUS = "\N{MINUS SIGN}"


def amount_in_words(amount: int, currency: str) -> str:
    """Write minor units to the last digit: `€1,048.50`, in German `1.048,50 €`."""
    digits = minor_digits(currency)
    number = number_format(as_decimal(abs(amount), currency), decimal_pos=digits, force_grouping=True)
    sign = _SIGNS.get(currency, f"{currency}\N{NO-BREAK SPACE}")
    text = pgettext("a price", "%(sign)s%(number)s") % {"sign": sign, "number": number}
    return f"{_MINUS}{text}" if amount < 0 else text


def quantity_in_words(quantity: Decimal) -> str:
    """Write how many: `1`, `2.5`, and not one zero more than is needed."""
    text = number_format(abs(quantity).normalize().__format__("f"), force_grouping=True)
    return f"{_MINUS}{text}" if quantity < 0 else text


def percent_in_words(rate: Decimal) -> str:
    """Write a percentage: `19%`, in German `19 %`."""
    number = number_format(rate.normalize().__format__("f"))
    return pgettext("a percentage", "%(number)s%%") % {"number": number}
