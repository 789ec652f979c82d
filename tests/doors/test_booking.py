"""Booking over HTTP."""


def test_booking_answers_with_the_row_and_its_place(cast):
    answer = cast.api().book()
    assert answer.status_code == 201
    assert answer["Location"] == f"/api/appointments/{answer.json()['id']}"
    assert answer.json()["start_time"] == "2027-01-15T14:00:00+01:00"


def test_second_booking_of_same_slot_is_refused_with_three_alternatives(cast):
    api = cast.api()
    api.book()
    answer = api.book("2027-01-15T14:45:00", "2027-01-15T15:15:00")
    assert answer.status_code == 409
    assert answer.json()["code"] == "SLOT_TAKEN"
    assert [slot["start"][11:16] for slot in answer.json()["suggested_slots"]] == ["15:00", "15:30", "16:00"]
