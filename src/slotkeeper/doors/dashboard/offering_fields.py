"""Fields that the pages of what a business offers share: lengths of time, money, colours."""

import re
from typing import Any

from django import forms
from django.core.exceptions import ValidationError
from django.core.validators import MaxValueValidator, MinValueValidator, RegexValidator
from django.forms.renderers import get_default_renderer
from django.utils.formats import number_format
from django.utils.html import format_html_join
from django.utils.safestring import SafeString
from django.utils.translation import gettext_lazy as _

from slotkeeper.rules.money import minor_digits

HOUR_MINUTES = 60
DAY_MINUTES = 24 * HOUR_MINUTES
MOST_MINUTES_AHEAD = 365 * DAY_MINUTES
LARGEST_AMOUNT = 10**12
# What is paid with today (ISO 4217), those of most readers first.
CURRENCIES = (
    *("EUR", "USD", "GBP", "CHF", "SEK", "NOK", "DKK", "PLN", "CZK", "HUF", "RON", "BGN", "ISK", "TRY", "UAH"),
    *("AED", "AFN", "ALL", "AMD", "AOA", "ARS", "AUD", "AZN", "BAM", "BBD", "BDT", "BHD", "BIF", "BND", "BOB"),
    *("BRL", "BSD", "BTN", "BWP", "BYN", "BZD", "CAD", "CDF", "CLP", "CNY", "COP", "CRC", "CUP", "CVE", "DJF"),
    *("DOP", "DZD", "EGP", "ERN", "ETB", "FJD", "GEL", "GHS", "GMD", "GNF", "GTQ", "GYD", "HKD", "HNL", "HTG"),
    *("IDR", "ILS", "INR", "IQD", "IRR", "JMD", "JOD", "JPY", "KES", "KGS", "KHR", "KMF", "KRW", "KWD", "KZT"),
    *("LAK", "LBP", "LKR", "LRD", "LSL", "LYD", "MAD", "MDL", "MGA", "MKD", "MMK", "MNT", "MOP", "MRU", "MUR"),
    *("MVR", "MWK", "MXN", "MYR", "MZN", "NAD", "NGN", "NIO", "NPR", "NZD", "OMR", "PAB", "PEN", "PGK", "PHP"),
    *("PKR", "PYG", "QAR", "RSD", "RUB", "RWF", "SAR", "SBD", "SCR", "SDG", "SGD", "SLE", "SOS", "SRD", "SSP"),
    *("STN", "SYP", "SZL", "THB", "TJS", "TMT", "TND", "TOP", "TTD", "TWD", "TZS", "UGX", "UYU", "UZS", "VES"),
    *("VND", "VUV", "WST", "XAF", "XCD", "XOF", "XPF", "YER", "ZAR", "ZMW"),
)
_AMOUNT = re.compile(r"([0-9]{1,13})(?:[.,]([0-9]{1,3}))?")


class _LengthInput(forms.MultiWidget):
    """A number, and what it counts."""

    def __init__(self, units: list[tuple[str, Any]]) -> None:
        super().__init__([forms.NumberInput(attrs={"min": 0, "inputmode": "numeric"}), forms.Select(choices=units)])

    def render(self, name: str, value: Any, attrs: Any = None, renderer: Any = None) -> SafeString:
        """Give each of the two a label that only screen readers say."""
        widgets = self.get_context(name, value, attrs)["widget"]["subwidgets"]
        labels, drawing = (_("How many"), _("Of what")), renderer or get_default_renderer()
        return format_html_join(
            "",
            '<label class="unseen" for="{}">{}</label>{}',
            (
                (one["attrs"]["id"], label, SafeString(drawing.render(one["template_name"], {"widget": one})))
                for one, label in zip(widgets, labels, strict=True)
            ),
        )

    def decompress(self, value: Any) -> list[Any]:
        """Say a length in its largest unit: 120 is two hours."""
        minutes = int(value or 0)
        for unit in (DAY_MINUTES, HOUR_MINUTES):
            if minutes % unit == 0 and (minutes or unit == HOUR_MINUTES):
                return [minutes // unit, str(unit)]
        return [minutes, "1"]


class LengthField(forms.MultiValueField):
    """A length of time in minutes, written as minutes, hours or days."""

    def __init__(self, **options: Any) -> None:
        units = [("1", _("minutes")), (str(HOUR_MINUTES), _("hours")), (str(DAY_MINUTES), _("days"))]
        number = forms.IntegerField(min_value=0, max_value=MOST_MINUTES_AHEAD)
        super().__init__([number, forms.ChoiceField(choices=units)], widget=_LengthInput(units), **options)

    def compress(self, data_list: list[Any]) -> int:
        """Count the minutes. Raises ValidationError beyond a year."""
        number, unit = data_list or (0, "1")
        minutes = int(number) * int(unit)
        if minutes > MOST_MINUTES_AHEAD:
            raise ValidationError(_("At most a year."))
        return minutes


class ColorField(forms.CharField):
    """A colour, picked or typed: `#b5552b`."""

    def __init__(self, **options: Any) -> None:
        widget = forms.TextInput(attrs={"type": "color"})
        sign = RegexValidator(r"^#[0-9a-fA-F]{6}\Z", _("Write a colour like #b5552b."))
        super().__init__(max_length=7, widget=widget, validators=[sign], **options)

    def clean(self, value: Any) -> Any:
        """Keep colours in lower case."""
        return super().clean(value).lower()


def minutes_field(label: Any, least: int, help_text: Any = "", *, required: bool = True) -> forms.IntegerField:
    """Ask for minutes of at most a day."""
    return forms.IntegerField(
        label=label,
        help_text=help_text,
        required=required,
        validators=[MinValueValidator(least), MaxValueValidator(DAY_MINUTES)],
        widget=forms.NumberInput(attrs={"min": least, "max": DAY_MINUTES, "inputmode": "numeric"}),
    )


def currency_choices(*stored: str) -> list[tuple[str, str]]:
    """List the currencies, those in use already first."""
    ordered = dict.fromkeys([*(one for one in stored if one), *CURRENCIES])
    return [(one, one) for one in ordered]


def read_amount(text: str, currency: str) -> int:
    """Read an amount in major units as minor ones: `48.50` is 4850. Raises ValidationError."""
    match = _AMOUNT.fullmatch(text.strip())
    if match is None:
        raise ValidationError(_("Write an amount like 48 or 48.50."))
    whole, part = match[1], match[2] or ""
    digits = minor_digits(currency)
    if len(part) > digits:
        raise ValidationError(
            _("Amounts in %(currency)s have at most %(number)d digits after the point."),
            params={"currency": currency, "number": digits},
        )
    amount: int = int(whole) * 10**digits + int(part.ljust(digits, "0") or 0)
    if amount > LARGEST_AMOUNT:
        raise ValidationError(_("This is too much."))
    return amount


def write_amount(amount: int | None, currency: str) -> str:
    """Write an amount of minor units as the form takes it."""
    if amount is None:
        return ""
    digits = minor_digits(currency)
    whole, part = divmod(amount, 10**digits)
    return number_format(f"{whole}.{part:0{digits}}" if digits and part else whole, force_grouping=False)
