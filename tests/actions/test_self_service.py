"""What customers do by themselves: holds, bookings, links."""

from datetime import UTC, datetime, time, timedelta
from zoneinfo import ZoneInfo

import pytest

from offered import offer
from slotkeeper.appointments.customer_links import UnknownLink, open_link, revoke_links
from slotkeeper.appointments.models import Appointment, Hold, IntakeAnswer, TimeClaim
from slotkeeper.appointments.self_service import (
    HOLD_SECONDS,
    CustomerBooking,
    HoldExpired,
    NotOffered,
    TooLate,
    book_slot,
    cancel_by_customer,
    hold_slot,
    move_by_customer,
)
from slotkeeper.appointments.slots import SlotQuery, UnknownService, read_next_slots, read_obstacles, read_slots
from slotkeeper.changes.models import Change
from slotkeeper.contacts.models import Contact
from slotkeeper.offerings.models import TimeOff
from slotkeeper.rules.intervals import Interval
from slotkeeper.rules.slots import Reason

HOUR = 3600
NOW = int(datetime.now(UTC).timestamp())
_MONDAY = datetime.now(UTC).date() + timedelta(days=14 - datetime.now(UTC).weekday())


@pytest.fixture
def nine():
    """Nine o'clock in Berlin, on a Monday to come."""
    return int(datetime.combine(_MONDAY, time(9), ZoneInfo("Europe/Berlin")).timestamp())


def at(service, start, user_id=None):
    return SlotQuery(service.business_id, service.pk, Interval(start, start + 1), NOW, user_id)


def wish(service, start, **fields):
    about = {"contact_name": "Nina Neu", "contact_email": "nina@customer.test"} | fields
    return CustomerBooking(service.business_id, service.pk, start, **about)


def reasons(error):
    return {obstacle.reason for obstacle in error.value.obstacles}


def test_offered_means_bookable_and_a_booked_slot_is_offered_no_more(cast, nine):
    service = offer(cast.owner)
    day = SlotQuery(service.business_id, service.pk, Interval(nine, nine + 8 * HOUR), NOW)
    starts = [slot.start for slot in read_slots(day)]
    assert starts == [nine + number * HOUR for number in range(8)]
    booked = book_slot(wish(service, starts[2]), NOW)
    assert (booked.row.start_time, booked.row.status, booked.row.user_id) == (
        starts[2],
        "confirmed",
        cast.owner.user_id,
    )
    assert [slot.start for slot in read_slots(day)] == starts[:2] + starts[3:]


def test_a_service_that_needs_confirmation_is_booked_as_scheduled(cast, nine):
    assert book_slot(wish(offer(cast.owner, requires_confirmation=True), nine), NOW).row.status == "scheduled"


@pytest.mark.parametrize(
    ("minutes", "reason"),
    [(-HOUR // 60, Reason.OUTSIDE_HOURS), (7 * 60 + 30, Reason.OUTSIDE_HOURS), (30, Reason.OFF_GRID)],
)
def test_a_forged_time_is_refused_with_its_reason_and_the_next_three(cast, nine, minutes, reason):
    service = offer(cast.owner)
    with pytest.raises(NotOffered) as error:
        book_slot(wish(service, nine + minutes * 60), NOW)
    assert reasons(error) == {reason}
    assert len(error.value.alternatives) == 3
    assert not Appointment.objects.exists()
    assert not Contact.objects.filter(email="nina@customer.test").exists()


def test_notice_and_horizon_bind_customers(cast, nine):
    service = offer(cast.owner, minimum_notice_minutes=60 * 24 * 365)
    assert [one.reason for one in read_obstacles(at(service, nine))] == [Reason.TOO_SOON]
    service.minimum_notice_minutes, service.horizon_days = 0, 1
    service.save()
    assert [one.reason for one in read_obstacles(at(service, nine))] == [Reason.BEYOND_HORIZON]
    assert read_next_slots(at(service, nine), 3) == []


def test_time_off_is_never_offered(cast, nine):
    service = offer(cast.owner)
    start, end = (datetime.fromtimestamp(moment, UTC) for moment in (nine, nine + HOUR))
    TimeOff.objects.create(user_id=cast.owner.user_id, start_time=start, end_time=end)
    with pytest.raises(NotOffered) as error:
        book_slot(wish(service, nine), NOW)
    assert reasons(error) == {Reason.TIME_OFF}


def test_the_day_is_full_when_its_limit_is_reached(cast, nine):
    service = offer(cast.owner, daily_limit_count=1)
    book_slot(wish(service, nine), NOW)
    with pytest.raises(NotOffered) as error:
        book_slot(wish(service, nine + 2 * HOUR), NOW)
    assert reasons(error) == {Reason.DAILY_LIMIT}
    assert book_slot(wish(service, nine + 24 * HOUR), NOW)


def test_any_provider_who_is_free_gets_it_until_none_is(cast, nine):
    service = offer(cast.owner, cast.colleague)
    people = {book_slot(wish(service, nine), NOW).row.user_id for _ in range(2)}
    assert people == {cast.owner.user_id, cast.colleague.user_id}
    with pytest.raises(NotOffered) as error:
        book_slot(wish(service, nine), NOW)
    assert reasons(error) == {Reason.BOOKED}


def test_a_chosen_provider_gives_it_or_nobody(cast, nine):
    service = offer(cast.owner, cast.colleague, assignment="chosen")
    book_slot(wish(service, nine, user_id=cast.colleague.user_id), NOW)
    with pytest.raises(NotOffered):
        book_slot(wish(service, nine, user_id=cast.colleague.user_id), NOW)


def test_all_needed_claims_everybodys_time_and_frees_it_again(cast, nine):
    service = offer(cast.owner, cast.colleague, assignment="all", buffer_after_minutes=15)
    booked = book_slot(wish(service, nine), NOW)
    claims = TimeClaim.objects.filter(appointment_id=booked.row.id).order_by("user_id")
    assert [claim.user_id for claim in claims] == sorted([cast.owner.user_id, cast.colleague.user_id])
    assert {int(claim.claimed_until.timestamp()) for claim in claims} == {nine + HOUR + 900}
    single = offer(cast.colleague, name="Shave", slug="shave")
    assert {one.reason for one in read_obstacles(at(single, nine))} == {Reason.BOOKED}
    cancel_by_customer(booked.link, None, NOW)
    assert read_obstacles(at(single, nine)) == []


def test_a_hold_keeps_the_slot_for_its_holder(cast, nine):
    service = offer(cast.owner)
    held = hold_slot(at(service, nine))
    assert held.expires_at == NOW + HOLD_SECONDS
    with pytest.raises(NotOffered) as error:
        book_slot(wish(service, nine), NOW)
    assert reasons(error) == {Reason.HELD}
    assert book_slot(wish(service, nine), NOW, held.hold).row.start_time == nine
    assert not Hold.objects.exists()


def test_an_expired_hold_books_while_the_slot_is_free_and_says_so_when_it_is_not(cast, nine):
    service = offer(cast.owner)
    held = hold_slot(at(service, nine))
    Hold.objects.update(expires_at=datetime.fromtimestamp(NOW - 1, UTC))
    TimeClaim.objects.update(held_until=datetime.fromtimestamp(NOW - 1, UTC))
    book_slot(wish(service, nine), NOW)
    with pytest.raises(HoldExpired) as error:
        book_slot(wish(service, nine), NOW, held.hold)
    assert len(error.value.alternatives) == 3


def test_another_business_cannot_spend_a_hold(cast, nine):
    held = hold_slot(at(offer(cast.owner), nine))
    theirs = offer(cast.outsider, hours=((0, 1440),), weekdays=range(7), step_minutes=30)
    book_slot(wish(theirs, nine), NOW, held.hold)
    assert Hold.objects.count() == 1


def test_a_customer_is_known_by_address_and_keeps_their_row(cast, nine):
    service = offer(cast.owner)
    row = book_slot(wish(service, nine, contact_email=cast.customer.email.upper(), contact_name="C. C."), NOW).row
    assert (row.contact_id, row.contact_name) == (cast.customer.pk, "C. C.")
    cast.customer.refresh_from_db()
    assert cast.customer.name == "Carla Customer"


def test_answers_and_the_customer_stand_in_the_record(cast, nine):
    row = book_slot(wish(offer(cast.owner), nine, answers=(("Allergies?", "Nuts"),)), NOW).row
    assert IntakeAnswer.objects.values_list("question", "answer").get() == ("Allergies?", "Nuts")
    change = Change.objects.get(subject_kind="appointment", subject_id=row.id)
    assert (change.verb, change.actor_kind, change.actor_name) == ("booked", "customer", "Nina Neu")


def test_a_link_moves_and_cancels_until_the_cut_off(cast, nine):
    service = offer(cast.owner)
    booked = book_slot(wish(service, nine), NOW)
    moved = move_by_customer(booked.link, nine + HOUR, NOW)
    assert (moved.start_time, moved.end_time) == (nine + HOUR, nine + 2 * HOUR)
    with pytest.raises(NotOffered):
        move_by_customer(booked.link, nine + HOUR + 60, NOW)
    too_late = nine - 60
    with pytest.raises(TooLate):
        cancel_by_customer(booked.link, None, too_late)
    assert cancel_by_customer(booked.link, "ill", NOW).status == "canceled"
    assert cancel_by_customer(booked.link, "ill", NOW).version == 3
    with pytest.raises(TooLate):
        move_by_customer(booked.link, nine + 2 * HOUR, NOW)


def test_moving_by_half_a_step_does_not_meet_ones_own_appointment(cast, nine):
    service = offer(cast.owner, step_minutes=30, daily_limit_count=1)
    booked = book_slot(wish(service, nine), NOW)
    assert move_by_customer(booked.link, nine + HOUR // 2, NOW).start_time == nine + HOUR // 2


def test_forged_expired_and_revoked_links_lead_nowhere(cast, nine):
    booked = book_slot(wish(offer(cast.owner), nine), NOW)
    assert open_link(booked.link, NOW).row.id == booked.row.id
    secret, _, signature = booked.link.partition(":")
    for forged in ("", "x", f"{secret}x:{signature}", secret, f"{secret}:{signature[:-1]}", "\x00", "é" * 300):
        with pytest.raises(UnknownLink):
            open_link(forged, NOW)
    with pytest.raises(UnknownLink):
        open_link(booked.link, booked.row.end_time + 31 * 24 * HOUR)
    assert revoke_links(booked.row.id, cast.outsider.business_id, NOW) == 0
    assert revoke_links(booked.row.id, cast.owner.business_id, NOW) == 1
    with pytest.raises(UnknownLink):
        open_link(booked.link, NOW)


def test_a_service_nobody_gives_or_of_another_business_is_unknown(cast, nine):
    service = offer(cast.owner)
    for query in (
        SlotQuery(cast.outsider.business_id, service.pk, Interval(nine, nine + 1), NOW),
        SlotQuery(service.business_id, service.pk, Interval(nine, nine + 1), NOW, cast.outsider.user_id),
    ):
        with pytest.raises(UnknownService):
            read_slots(query)
    cast.owner.is_suspended = True
    cast.owner.save()
    with pytest.raises(UnknownService):
        read_slots(at(service, nine))


def test_reading_a_month_takes_four_statements(cast, nine, django_assert_max_num_queries):
    service = offer(cast.owner, cast.colleague)
    with django_assert_max_num_queries(4):
        assert read_slots(SlotQuery(service.business_id, service.pk, Interval(nine, nine + 31 * 24 * HOUR), NOW))


def test_members_are_refused_over_time_off_unless_they_insist(cast, nine):
    start, end = (datetime.fromtimestamp(moment, UTC) for moment in (nine, nine + HOUR))
    TimeOff.objects.create(user_id=cast.owner.user_id, start_time=start, end_time=end)
    api = cast.api()
    body = {"start": start.isoformat(), "end": end.isoformat()}
    refused = api.book(**body)
    assert (refused.status_code, refused.json()["conflicts"][0]["reason"]) == (409, "time_off")
    assert api.book(**body, allow_conflicts=True).status_code == 201
