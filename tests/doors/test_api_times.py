"""How the API reads and writes times."""

from urllib.parse import urlencode

import pytest

DAY = {"start": "2027-01-15T10:00:00", "end": "2027-01-15T18:00:00"}


def freebusy(api, **query):
    return api.get(f"/api/appointments/freebusy?{urlencode(query)}")


def test_the_documents_example_works_to_the_letter(cast):
    api = cast.api()
    booked = api.book("2027-01-15T14:00:00", "2027-01-15T15:00:00").json()
    answer = freebusy(api, **DAY).json()
    assert list(answer) == ["start", "end", "busy", "free", "source"]
    assert (answer["start"], answer["end"], answer["source"]) == (DAY["start"], DAY["end"], "internal_only")
    assert answer["busy"] == [
        {
            "start": "2027-01-15T14:00:00",
            "end": "2027-01-15T15:00:00",
            "appointment_id": booked["id"],
            "title": "Meeting",
        }
    ]
    assert answer["free"][0] == {"start": "2027-01-15T10:00:00", "end": "2027-01-15T10:30:00"}
    assert len(answer["free"]) == 14


@pytest.mark.parametrize(("suffix", "first"), [("", "10:00:00"), ("Z", "10:00:00Z"), ("-03:00", "10:00:00-03:00")])
def test_free_busy_answers_in_the_form_of_the_question(cast, suffix, first):
    answer = freebusy(cast.api(), start=f"2027-01-15T10:00:00{suffix}", end=f"2027-01-15T12:00:00{suffix}").json()
    assert answer["start"] == f"2027-01-15T10:00:00{suffix}"
    assert answer["free"][0]["start"] == f"2027-01-15T{first}"


def test_start_and_end_are_each_read_by_their_own_form(cast):
    answer = freebusy(cast.api(), start="2027-01-15T10:00:00", end="2027-01-15T10:00:00Z").json()
    assert [slot["start"] for slot in answer["free"]] == ["2027-01-15T10:00:00", "2027-01-15T10:30:00"]
    assert answer["end"] == "2027-01-15T10:00:00Z"


def test_a_plus_that_arrived_as_a_space_is_still_read(cast):
    answer = cast.api().get("/api/appointments/freebusy?start=2027-01-15T10:00:00+01:00&end=2027-01-15T11:00:00+01:00")
    assert answer.status_code == 200
    assert answer.json()["start"] == "2027-01-15T10:00:00+01:00"


def test_time_without_offset_is_read_in_the_zone_of_the_query(cast):
    answer = freebusy(cast.api(), time_zone="America/New_York", **DAY)
    assert answer.json()["free"][0]["start"] == "2027-01-15T10:00:00"
    booked = cast.api().book("2027-01-15T10:00:00", "2027-01-15T11:00:00", time_zone="America/New_York").json()
    assert booked["start_time"] == "2027-01-15T10:00:00-05:00"


def test_entries_that_would_be_ambiguous_carry_an_offset(cast):
    answer = freebusy(cast.api(), start="2027-10-31T02:00:00", end="2027-10-31T03:00:00").json()
    starts = [slot["start"] for slot in answer["free"]]
    assert starts == [
        "2027-10-31T02:00:00+02:00",
        "2027-10-31T02:30:00+02:00",
        "2027-10-31T02:00:00+01:00",
        "2027-10-31T02:30:00+01:00",
    ]


def test_a_bare_date_is_its_local_midnight(cast):
    answer = freebusy(cast.api(), start="2027-03-28", end="2027-03-29").json()
    assert len(answer["free"]) == 46  # the day the clocks go forward has 23 hours


@pytest.mark.parametrize(
    ("start", "end", "field", "code", "words"),
    [
        ("2027-03-28T02:30:00", "2027-03-28T04:00:00", "start_time", "NONEXISTENT_TIME", "+01:00"),
        ("2027-10-31T01:00:00", "2027-10-31T02:30:00", "end_time", "AMBIGUOUS_TIME", "+02:00"),
        ("2027-01-15", "2027-01-15T15:00:00", "start_time", "INVALID_DATE", "date"),
        ("tomorrow", "2027-01-15T15:00:00", "start_time", "INVALID_DATE", ""),
        ("2200-12-31T23:00:00-12:00", "2027-01-15T15:00:00", "start_time", "INVALID_DATE", ""),
        ("1969-12-31T23:00:00Z", "1970-01-01T00:30:00Z", "start_time", "INVALID_DATE", ""),
        ("2027-01-15T15:00:00", "2027-01-15T14:00:00", "end_time", "END_BEFORE_START", ""),
        ("2027-01-15T15:00:00", "2027-01-15T15:00:00", "end_time", "END_BEFORE_START", ""),
        ("2027-01-15T15:00:00", "2027-02-16T15:00:00", "end_time", "TOO_LONG", "31"),
        ("2020-01-15T15:00:00", "2020-01-15T16:00:00", "start_time", "IN_THE_PAST", ""),
        (0, "2027-01-15T15:00:00", "start_time", "INVALID_FIELD", ""),
    ],
)
def test_bad_times_are_refused_by_name(cast, start, end, field, code, words):
    answer = cast.api().book(start, end)
    assert answer.status_code == 400
    assert answer["Content-Type"] == "application/problem+json"
    assert answer.json()["code"] == code
    assert [error["field"] for error in answer.json()["errors"]] == [field]
    assert words in answer.json()["detail"]


def test_every_bad_time_is_listed_at_once(cast):
    errors = cast.api().book("2027-03-28T02:30:00", "2027-10-31T02:30:00").json()["errors"]
    assert [(error["field"], error["code"]) for error in errors] == [
        ("start_time", "NONEXISTENT_TIME"),
        ("end_time", "AMBIGUOUS_TIME"),
    ]


def test_fractions_of_a_second_are_cut_off(cast):
    assert (
        cast.api()
        .book("2027-01-15T14:00:00.999Z", "2027-01-15T15:00:00.5Z")
        .json()["start_time"]
        .endswith("15:00:00+01:00")
    )


def test_free_busy_of_more_than_92_days_is_refused(cast):
    assert freebusy(cast.api(), start="2027-01-01", end="2027-04-04").json()["code"] == "TOO_LONG"
    assert freebusy(cast.api(), start="2027-01-02", end="2027-01-01").json()["code"] == "END_BEFORE_START"


def test_a_check_without_conflict_lists_no_alternatives(cast):
    body = {"start_time": "2027-01-15T14:00:00", "end_time": "2027-01-15T15:00:00"}
    assert cast.api().post("/api/appointments/check-conflicts", body).json() == {
        "has_conflicts": False,
        "conflicts": [],
        "suggested_slots": [],
    }


def test_a_conflict_lists_the_next_three_slots_of_the_asked_length(cast):
    api = cast.api()
    booked = api.book("2027-01-15T14:00:00", "2027-01-15T15:00:00").json()
    body = {"start_time": "2027-01-15T14:45:00", "end_time": "2027-01-15T15:15:00"}
    answer = api.post("/api/appointments/check-conflicts", body).json()
    assert answer["conflicts"] == [
        {
            "start": "2027-01-15T14:00:00",
            "end": "2027-01-15T15:00:00",
            "reason": "appointment",
            "appointment_id": booked["id"],
            "title": "Meeting",
        }
    ]
    assert [slot["start"][11:16] for slot in answer["suggested_slots"]] == ["15:00", "15:30", "16:00"]
    longer = api.post("/api/appointments/check-conflicts", body | {"slot_minutes": 60}).json()
    assert [slot["start"][11:16] for slot in longer["suggested_slots"]] == ["15:00", "16:00", "17:00"]
    without_itself = api.post("/api/appointments/check-conflicts", body | {"exclude_id": booked["id"]}).json()
    assert without_itself["has_conflicts"] is False


def test_a_check_in_the_past_is_refused_and_still_carries_alternatives(cast):
    body = {"start_time": "2020-01-15T14:00:00", "end_time": "2020-01-15T15:00:00"}
    answer = cast.api().post("/api/appointments/check-conflicts", body)
    assert answer.status_code == 400
    assert answer.json()["code"] == "IN_THE_PAST"
    assert len(answer.json()["suggested_slots"]) == 3
