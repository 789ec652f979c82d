"""Times, lengths and prices as people of the page's language write them."""

from datetime import date, datetime

from django import template
from django.utils import timezone
from django.utils.formats import date_format, number_format
from django.utils.translation import gettext, ngettext, pgettext

from slotkeeper.moments import clock, clock_twice, dated_day, day_of_year, full_day, short_day
from slotkeeper.rules.money import minor_digits

register = template.Library()

_SIGNS = {"EUR": "€", "USD": "$", "GBP": "£", "JPY": "¥", "INR": "₹"}


for write in (clock, clock_twice, full_day, dated_day, short_day):
    register.filter(write.__name__, write, expects_localtime=True)


@register.filter(expects_localtime=True)
def day(moment: date) -> str:
    """Write a day: `Thursday 3 December`, of another year `Friday 15 January 2027`."""
    return day_of_year(moment, timezone.localdate().year)


@register.filter(expects_localtime=True)
def short_date(moment: date) -> str:
    """Write a day of any year shortly: `3 Dec 2026`."""
    return date_format(moment, pgettext("date format: day, month and year, short", "j M Y"))


@register.filter(expects_localtime=True)
def short_moment(moment: datetime) -> str:
    """Write a day and time shortly: `3 Dec 2026, 14:00`."""
    return date_format(moment, pgettext("date format: day, month, year and time, short", "j M Y, H:i"))


@register.filter(expects_localtime=True)
def moment(moment: datetime) -> str:
    """Write a day and time: `Thu 3 Dec 2026, 14:00`."""
    return date_format(moment, pgettext("date format: weekday, day, month, year and time", "D j M Y, H:i"))


@register.filter
def length_in_words(minutes: int) -> str:
    """Write how long something takes: `25 min`, `1 h 30 min`, `2 h`."""
    hours, rest = divmod(minutes, 60)
    texts = [gettext("%(number)d h") % {"number": hours}] if hours else []
    return " ".join(texts + ([gettext("%(number)d min") % {"number": rest}] if rest or not hours else []))


@register.filter
def notice(minutes: int) -> str:
    """Write how long before: `24 hours`, `3 days`, `45 minutes`."""
    if minutes % 1440 == 0 and minutes > 1440:
        return ngettext("%(number)d day", "%(number)d days", minutes // 1440) % {"number": minutes // 1440}
    if minutes % 60 == 0 and minutes:
        return ngettext("%(number)d hour", "%(number)d hours", minutes // 60) % {"number": minutes // 60}
    return ngettext("%(number)d minute", "%(number)d minutes", minutes) % {"number": minutes}


@register.filter
def price(amount: int, currency: str) -> str:
    """Write an amount of minor units: `€48`, `€48.50`."""
    digits = minor_digits(currency)
    whole = amount % 10**digits == 0
    number = number_format(amount / 10**digits, decimal_pos=0 if whole else digits)
    sign = _SIGNS.get(currency, f"{currency}\N{NO-BREAK SPACE}")
    return pgettext("a price", "%(sign)s%(number)s") % {"sign": sign, "number": number}
