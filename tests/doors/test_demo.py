"""The demo on days other than today; test_cli_data.py has today's."""

from datetime import datetime

import pytest

from slotkeeper.appointments.models import Appointment
from slotkeeper.doors.cli import demo


@pytest.mark.parametrize(
    "moment",
    [
        "2026-11-27T23:08:00+00:00",  # rooms are chosen as the days fill: one visit finds none
        "2027-03-28T01:00:00+00:00",  # the clocks go forward
    ],
)
def test_the_practice_fits_into_any_day(db, tmp_path, monkeypatch, moment):
    monkeypatch.setattr(demo, "_MARKER", tmp_path / "demo")
    demo._fill(int(datetime.fromisoformat(moment).timestamp()))
    assert Appointment.objects.count() > 500
