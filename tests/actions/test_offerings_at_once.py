"""Changing what a business offers at the same moment."""

from concurrent.futures import ThreadPoolExecutor
from datetime import date

from django.db import connection

from slotkeeper.changes.record import COMMAND
from slotkeeper.offerings import closures, hours
from slotkeeper.offerings.actions import create_service
from slotkeeper.offerings.models import Closure, DateOverride, OpeningHours, Service
from slotkeeper.people.business import SlugTaken, update_business
from slotkeeper.people.models import Business

AT_ONCE = 6
NOW = 1_795_000_000


def at_once(verb):
    """Run a verb in several threads, each with its own connection; errors come back as values."""

    def run(number):
        try:
            return verb(number)
        except Exception as error:  # noqa: BLE001 -- which one it is, the tests say
            return error
        finally:
            connection.close()

    with ThreadPoolExecutor(AT_ONCE) as threads:
        return list(threads.map(run, range(AT_ONCE)))


def errors_of(results) -> list[Exception]:
    return [result for result in results if isinstance(result, Exception)]


def test_services_of_one_name_get_slugs_of_their_own(committed_cast):
    business_id = committed_cast.owner.business_id
    results = at_once(lambda _: create_service(business_id, {"name": "Cut"}, [], COMMAND, NOW))
    assert errors_of(results) == []
    assert len(set(Service.objects.values_list("slug", flat=True))) == AT_ONCE


def test_hours_set_twice_at_once_are_those_of_one_of_the_two(committed_cast):
    owner = hours.Member(committed_cast.owner.business_id, committed_cast.owner.user_id)
    day = date(2027, 12, 24)

    def change(number):
        hours.set_weekly_hours(owner, {0: [(540, 600 + number), (700, 800)]}, COMMAND)
        hours.set_override(owner, day, [(540, 600 + number)], COMMAND)

    assert errors_of(at_once(change)) == []
    assert OpeningHours.objects.count() == 2
    assert DateOverride.objects.count() == 1


def test_holidays_are_closed_once(committed_cast):
    business_id = committed_cast.owner.business_id
    codes = ["DE", "DE-BE", "DE-BY", "AT", "CH", "DE"]
    results = at_once(lambda number: closures.close_on_holidays(business_id, codes[number], COMMAND, NOW))
    assert errors_of(results) == []
    dates = list(Closure.objects.values_list("date", flat=True))
    assert len(dates) == len(set(dates)) > 30


def test_an_address_that_two_businesses_want_goes_to_one(committed_cast):
    ids = [committed_cast.owner.business_id, committed_cast.outsider.business_id]
    results = at_once(lambda number: update_business(ids[number % 2], {"slug": "salon"}, COMMAND))
    assert {type(error) for error in errors_of(results)} <= {SlugTaken}
    assert Business.objects.filter(slug="salon").count() == 1
