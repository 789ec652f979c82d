"""The verbs that close a business on a date: one by one, or on the public holidays of a country."""

from datetime import date
from functools import cache
from typing import Any, NamedTuple

from django.db import transaction

from slotkeeper.changes.record import Actor, Subject, record
from slotkeeper.offerings.models import Closure
from slotkeeper.offerings.refusals import InvalidFields, NotInBusiness
from slotkeeper.people.models import Business
from slotkeeper.rules.local_time import local_day

YEARS = 3  # this one and the next two
_NAME_CHARACTERS = 100
_CODE_CHARACTERS = 16
_LITTLE_WORDS = frozenset({"and", "of", "the"})


class HolidayCalendar(NamedTuple):
    """The public holidays of a country (DE) or of a part of one (DE-BE)."""

    code: str
    name: str
    country: str
    subdivision: str | None = None


def add_closure(business_id: int, day: date, name: str, actor: Actor) -> Closure:
    """Close the whole business on a date. Raises InvalidFields where it is closed already."""
    with transaction.atomic():
        _locked_business(business_id)
        if Closure.objects.filter(business_id=business_id, date=day).exists():
            raise InvalidFields({"date": "The business is closed on that date already."})
        closure = Closure.objects.create(business_id=business_id, date=day, name=name)
        about = {"date": day.isoformat(), "name": name}
        record(Subject(business_id, "closure", closure.pk), "created", actor, None, about)
    return closure


def remove_closure(business_id: int, closure_id: int, actor: Actor) -> None:
    """Open the business on a date again. Raises NotInBusiness."""
    with transaction.atomic():
        _locked_business(business_id)
        closure = Closure.objects.filter(business_id=business_id, pk=closure_id).first()
        if closure is None:
            raise NotInBusiness
        about = {"date": closure.date.isoformat(), "name": closure.name}
        closure.delete()
        record(Subject(business_id, "closure", closure_id), "deleted", actor, about, None)


def close_on_holidays(business_id: int, code: str, actor: Actor, now: int) -> list[Closure]:
    """Close the business on a calendar's holidays of this year and the next two.

    Dates that are closed already stay as they are. Returns all closures that come from this calendar, by
    date. Raises NotInBusiness for a calendar that does not exist.
    """
    calendar = find_calendar(code)
    with transaction.atomic():
        made = _close(_locked_business(business_id), calendar, now)
        if made:
            _record(business_id, "closed", actor, None, {"calendar": code, "dates": made})
    return list(_closures_from(business_id, code))


def open_on_holidays(business_id: int, code: str, actor: Actor, now: int) -> None:
    """Take a calendar's closures back; those that another of the business's calendars also asks for stay.

    Raises NotInBusiness for a calendar that does not exist.
    """
    find_calendar(code)
    with transaction.atomic():
        business = _locked_business(business_id)
        before = [closure.date.isoformat() for closure in _closures_from(business_id, code)]
        if not before:
            return
        _closures_from(business_id, code).delete()
        # Where two calendars share a holiday, the one that came first holds its closure.
        kept = Closure.objects.filter(business_id=business_id).exclude(holiday_calendar="")
        for other in sorted(set(kept.values_list("holiday_calendar", flat=True))):
            try:
                _close(business, find_calendar(other), now)
            except NotInBusiness:  # a newer release of the library may have dropped a calendar
                continue
        _record(business_id, "opened", actor, {"calendar": code, "dates": before}, None)


@cache
def holiday_calendars() -> tuple[HolidayCalendar, ...]:
    """List the calendars there are, by country and part; the first call takes half a second."""
    import holidays  # noqa: PLC0415 -- 250 countries take their time; only these verbs need them

    found = []
    for country in sorted(_countries()):
        found.append(HolidayCalendar(country, _countries()[country], country))
        names = {code: name for name, code in _subdivision_names(country).items()}
        for code in holidays.list_supported_countries(include_aliases=False).get(country, []):
            calendar = HolidayCalendar(f"{country}-{code}", names.get(code, code), country, code)
            # Two codes are longer than the column that remembers where a closure came from.
            found += [calendar] * (len(calendar.code) <= _CODE_CHARACTERS)
    return tuple(found)


def find_calendar(code: str) -> HolidayCalendar:
    """Find a calendar by its code. Raises NotInBusiness."""
    import holidays  # noqa: PLC0415 -- see above

    country, _, subdivision = code.partition("-")
    if country not in _countries() or len(code) > _CODE_CHARACTERS:
        raise NotInBusiness
    if not subdivision and code == country:
        return HolidayCalendar(code, _countries()[country], country)
    known: tuple[str, ...] = holidays.country_holidays(country).subdivisions
    if subdivision not in known:
        raise NotInBusiness
    names = {one: name for name, one in _subdivision_names(country).items()}
    return HolidayCalendar(code, names.get(subdivision, subdivision), country, subdivision)


@cache
def _countries() -> dict[str, str]:
    """Name the countries by their two letters."""
    from holidays.registry import COUNTRIES  # noqa: PLC0415 -- see above

    return {codes[1]: _title(module) for module, codes in COUNTRIES.items()}


def _title(module: str) -> str:
    words = module.split("_")
    return " ".join(word if word in _LITTLE_WORDS else word.capitalize() for word in words)


def _subdivision_names(country: str) -> dict[str, str]:
    import holidays  # noqa: PLC0415 -- see above

    names: dict[str, str] = getattr(holidays.country_holidays(country), "subdivisions_aliases", None) or {}
    return names


def _close(business: Business, calendar: HolidayCalendar, now: int) -> list[str]:
    """Add the closures that are missing, and give their dates."""
    days = _holidays(calendar, local_day(business.time_zone, now).year, business.locale)
    closed = set(Closure.objects.filter(business=business, date__in=days).values_list("date", flat=True))
    missing = [day for day in sorted(days) if day not in closed]
    Closure.objects.bulk_create(
        Closure(business=business, date=day, name=days[day][:_NAME_CHARACTERS], holiday_calendar=calendar.code)
        for day in missing
    )
    return [day.isoformat() for day in missing]


def _holidays(calendar: HolidayCalendar, first_year: int, locale: str) -> dict[date, str]:
    """Name the public holidays of three years, in the language of a locale where the calendar has it."""
    import holidays  # noqa: PLC0415 -- see above

    country: Any = holidays.country_holidays(calendar.country)
    wanted = locale.replace("-", "_")
    languages = sorted(country.supported_languages, key=lambda one: (one != wanted, one))
    same = (one for one in languages if one.split("_")[0] == wanted.split("_")[0])
    years = range(first_year, first_year + YEARS)
    # Without a language the library would take that of the server's environment.
    language = next(same, country.default_language)
    return dict(
        holidays.country_holidays(calendar.country, subdiv=calendar.subdivision, years=years, language=language)
    )


def _locked_business(business_id: int) -> Business:
    # Closing twice at once must not meet the same date; bookings do not wait for this lock.
    return Business.objects.select_for_update(no_key=True).get(pk=business_id)


def _closures_from(business_id: int, code: str) -> Any:
    return Closure.objects.filter(business_id=business_id, holiday_calendar=code).order_by("date")


def _record(business_id: int, verb: str, actor: Actor, before: Any, after: Any) -> None:
    record(Subject(business_id, "holiday_calendar", business_id), verb, actor, before, after)
