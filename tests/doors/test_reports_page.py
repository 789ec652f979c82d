"""The page of charts."""

from datetime import date

import pytest
from django.test import Client

from offered import offer
from slotkeeper.appointments.reports import ServiceCount, Utilization, Week
from slotkeeper.doors.dashboard.reports import columns, heat_map, lines


@pytest.fixture
def pages(cast):
    client = Client(HTTP_HOST="localhost")

    def get(who, query=""):
        client.force_login(getattr(cast, who).user, "allauth.account.auth_backends.AuthenticationBackend")
        return client.get(f"/reports{query}")

    return get


def test_the_page_shows_its_three_charts(cast, pages):
    offer(cast.owner)
    answer = pages("owner")
    text = answer.content.decode()
    assert answer.status_code == 200
    assert all(title in text for title in ("How full the week is", "Kept, canceled, missed", "Bookings per service"))


def test_without_hours_the_page_says_so(cast, pages):
    assert "No opening hours are set yet" in pages("owner").content.decode()


def test_reports_are_not_for_providers(cast, pages):
    assert pages("colleague").status_code == 403


@pytest.mark.parametrize(
    "query", ["?weeks=0", "?weeks=x", "?weeks=99999999999999999999", "?person=x", "?person=999999"]
)
def test_what_is_no_choice_is_ignored(cast, pages, query):
    assert pages("owner", query).status_code == 200


def test_the_heat_map_shows_hours_that_are_ever_open():
    opened, booked = [[0] * 24 for _ in range(7)], [[0] * 24 for _ in range(7)]
    opened[0][9], opened[2][11], booked[0][9] = 3600, 3600, 3600
    rows = heat_map(Utilization(opened, booked))
    assert [cell.hour for cell in rows[0].cells] == ["09:00", "10:00", "11:00"]
    assert [(cell.percent, cell.level) for cell in rows[0].cells] == [(100, 4), (None, 0), (None, 0)]
    assert (rows[2].cells[2].percent, rows[2].cells[2].level) == (0, 1)


def test_columns_stand_on_the_ground_and_the_fullest_is_as_high_as_the_chart():
    full, half = columns([Week(date(2027, 1, 4), 8, 2, 2), Week(date(2027, 1, 11), 4, 0, 0)])
    assert (full.kept, full.canceled, full.missed) == ((60, 60), (30, 30), (0, 30))
    assert (half.kept, half.canceled[1], half.missed[1]) == ((60, 60), 0, 0)


def test_many_services_end_in_others():
    found = lines([ServiceCount(number, f"S{number}", 20 - number, 3600) for number in range(15)])
    assert (len(found), found[-1].name, found[-1].appointments) == (13, "Others", 8 + 7 + 6)
    assert max(line.width for line in found) == 100
