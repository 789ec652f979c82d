"""Fields of the pages about money: decimal numbers as people write them, percentages, the lines of a paper."""

import re
from collections.abc import Mapping, Sequence
from decimal import Decimal
from typing import Any

from django import forms
from django.core.exceptions import ValidationError
from django.http import QueryDict
from django.utils.formats import number_format
from django.utils.translation import gettext_lazy as _

from slotkeeper.billing.lines import MOST_DESCRIPTION
from slotkeeper.doors.dashboard.appointment_form import Text
from slotkeeper.doors.dashboard.offering_fields import read_amount, write_amount
from slotkeeper.doors.ids import number_from
from slotkeeper.rules.money import MOST_QUANTITY

MOST_LINES_OF_A_FORM = 100  # more come over the API
PREFIX = "lines"
_DECIMAL = re.compile(r"[0-9]{1,12}(?:[.,][0-9]{1,9})?")


class DecimalField(forms.CharField):
    """A decimal number, with a point or a comma; gives it as the verbs take it, or `usual` where it is empty."""

    def __init__(self, label: Any, digits: int, most: Decimal, *, usual: str | None = None, **options: Any) -> None:
        widget = forms.TextInput(attrs={"inputmode": "decimal", "autocomplete": "off"})
        known: dict[str, Any] = {"widget": widget, "required": usual is None} | options
        super().__init__(label=label, max_length=20, **known)
        self.digits, self.most, self.usual = digits, most, usual

    def clean(self, value: Any) -> Any:
        """Read it. Raises ValidationError."""
        text = super().clean(value).replace(" ", "")
        if not text:
            return self.usual
        if not _DECIMAL.fullmatch(text):
            raise ValidationError(_("Write a number like 1 or 1.5."))
        number = Decimal(text.replace(",", "."))
        if number != round(number, self.digits):
            raise ValidationError(_("At most %(number)d digits after the point."), params={"number": self.digits})
        if number > self.most:
            most = number_format(self.most, force_grouping=True)
            raise ValidationError(_("At most %(number)s."), params={"number": most})
        return f"{number:f}"


def percent_field(label: Any, *, usual: str | None = "0", **options: Any) -> DecimalField:
    """Ask for per cent."""
    return DecimalField(label, 2, Decimal(100), usual=usual, **options)


def write_decimal(text: str) -> str:
    """Write a stored decimal number as people of the page's language do, and not one zero more than is needed."""
    number = Decimal(text).normalize()
    return number_format(f"{number:f}")


class LineForm(forms.Form):
    """One line of a paper; without a text and a price there is none."""

    description = Text(_("What"), MOST_DESCRIPTION, empty_value="")
    quantity = DecimalField(_("Quantity"), 3, MOST_QUANTITY, usual="1")
    unit_price = forms.CharField(
        label=_("Price before tax"), max_length=20, required=False,
        widget=forms.TextInput(attrs={"inputmode": "decimal", "autocomplete": "off"}),
    )  # fmt: skip
    tax_rate = percent_field(_("Tax %"), usual=None, required=False)
    discount = percent_field(_("Discount %"))

    def clean_quantity(self) -> Any:
        """Refuse nothing of something."""
        quantity = self.cleaned_data["quantity"]
        if Decimal(quantity) == 0:
            raise ValidationError(_("It must be more than 0."))
        return quantity

    def clean(self) -> dict[str, Any]:
        """Ask for what is missing of a line that was begun."""
        data = self.cleaned_data
        description, price = data.get("description"), data.get("unit_price")
        if price and description == "":
            self.add_error("description", _("Say what it is."))
        if description and price == "":
            self.add_error("unit_price", _("Write a price; 0 where it is free."))
        return data

    @property
    def is_begun(self) -> bool:
        """Whether something stands in it that makes it a line."""
        return bool(self["description"].value() or self["unit_price"].value())

    def wanted(self, currency: str) -> dict[str, Any] | None:
        """Give the line in the verbs' words; None where its price cannot be in the currency, which it then says."""
        data = self.cleaned_data
        try:
            price = read_amount(data["unit_price"], currency)
        except ValidationError as error:
            self.add_error("unit_price", error)
            return None
        line = {name: data[name] for name in ("description", "quantity", "discount")} | {"unit_price": price}
        return line | ({"tax_rate": data["tax_rate"]} if data["tax_rate"] else {})


_LINES = forms.formset_factory(
    LineForm, extra=0, min_num=1, max_num=MOST_LINES_OF_A_FORM, absolute_max=MOST_LINES_OF_A_FORM, validate_max=True
)


def line_forms(data: Any, stored: Sequence[Mapping[str, Any]], currency: str, usual_rate: Decimal) -> Any:
    """Give the lines as forms: those stored, or an empty one."""
    initial = [_initial(line, currency) for line in stored]
    empty = {"quantity": "1", "tax_rate": write_decimal(str(usual_rate)), "discount": "0"}
    return _LINES(data, prefix=PREFIX, initial=initial or [empty])


def rearranged_lines(data: QueryDict, usual_rate: Decimal) -> QueryDict:
    """Add an empty line, or take one away, where a button asked for that; all that was typed stays."""
    count = number_from(data.get(f"{PREFIX}-TOTAL_FORMS"), MOST_LINES_OF_A_FORM)
    if count is None or not {"more", "remove"} & data.keys():
        return data
    data = data.copy()
    gone = number_from(data.get("remove", ""), count)  # counted from 1
    if gone is not None:
        for place in range(gone - 1, count):
            for name in LineForm.base_fields:
                data.setlist(f"{PREFIX}-{place}-{name}", data.getlist(f"{PREFIX}-{place + 1}-{name}"))
        data[f"{PREFIX}-TOTAL_FORMS"] = str(count - 1)
    if (gone is None and count < MOST_LINES_OF_A_FORM) or count == 1:
        last = count if gone is None else 0
        data[f"{PREFIX}-TOTAL_FORMS"] = str(last + 1)
        usual = {"quantity": "1", "tax_rate": write_decimal(str(usual_rate)), "discount": "0"}
        for name in LineForm.base_fields:
            data[f"{PREFIX}-{last}-{name}"] = usual.get(name, "")
    return data


def wanted_lines(lines: Any, currency: str) -> list[dict[str, Any]] | None:
    """Give the lines that were begun; None where a price cannot be in the currency."""
    wanted = [form.wanted(currency) for form in lines.forms if form.is_begun]
    return None if None in wanted else [line for line in wanted if line is not None]


def _initial(line: Mapping[str, Any], currency: str) -> dict[str, str]:
    decimals = {name: write_decimal(line[name]) for name in ("quantity", "tax_rate", "discount")}
    return {"description": line["description"], "unit_price": write_amount(line["unit_price"], currency), **decimals}
