"""The verbs: what they refuse, what they store, and the one change each writes."""

from datetime import UTC, datetime, timedelta

import pytest
from msgspec.structs import replace

from slotkeeper.appointments import actions
from slotkeeper.appointments.actions import Target
from slotkeeper.appointments.free_busy import UnknownMember
from slotkeeper.appointments.insert import Booking
from slotkeeper.appointments.models import Appointment
from slotkeeper.appointments.reach import Reach, own_reach
from slotkeeper.changes.models import Change
from slotkeeper.changes.record import COMMAND
from slotkeeper.contacts.models import Contact
from slotkeeper.offerings.models import Service
from slotkeeper.rules.appointment_status import TRANSITIONS, InvalidTransition, Status

NOW = int(datetime(2027, 1, 15, 8, tzinfo=UTC).timestamp())
HOUR, DAY = 3600, 24 * 3600
TEN = NOW + 2 * HOUR
ALL_MOVES = [(old, new) for old in Status for new in Status]


@pytest.fixture
def wish(cast) -> Booking:
    """What the owner wants to book: 10:00 to 11:00."""
    return Booking(cast.owner.business_id, cast.owner.user_id, "Haircut", TEN, TEN + HOUR)


@pytest.fixture
def service(cast) -> Service:
    """A service with ten minutes before it and twenty after."""
    return Service.objects.create(
        business=cast.owner.business, name="Haircut", buffer_before_minutes=10, buffer_after_minutes=20,
        created_at=datetime.now(UTC),
    )  # fmt: skip


def book(wish: Booking, **fields):
    return actions.book(replace(wish, **fields), COMMAND, NOW)


def update(row, versions=None, **fields):
    target = Target(Reach(Appointment.objects.get(pk=row.id).business_id), row.id, versions)
    return actions.update(target, fields, COMMAND, NOW)


def blocked(row) -> tuple[int, int]:
    stored = Appointment.objects.get(pk=row.id)
    return int(stored.blocked_from.timestamp()), int(stored.blocked_until.timestamp())


def verbs() -> list[str]:
    """Read the verbs recorded for appointments, oldest first."""
    return list(Change.objects.filter(subject_kind="appointment").order_by("id").values_list("verb", flat=True))


def in_status(wish: Booking, status: Status):
    """Book an appointment and put its row into a status, whatever the way there."""
    row = book(wish)
    Appointment.objects.filter(pk=row.id).update(status=status)
    return row


# The status machine


@pytest.mark.parametrize(("old", "new"), ALL_MOVES)
def test_status_moves_along_its_table_only(wish, old, new):
    row = in_status(wish, old)
    if old is new:
        assert update(row, status=new).version == 1
        assert verbs() == ["booked"]
    elif new in TRANSITIONS[old]:
        moved = update(row, status=new)
        assert (moved.status, moved.version) == (new, 2)
        assert verbs() == ["booked", new.value]
    else:
        with pytest.raises(InvalidTransition):
            update(row, status=new)
        assert Appointment.objects.get().status == old
        assert verbs() == ["booked"]


@pytest.mark.parametrize(
    ("verb", "status"),
    [(actions.confirm, "confirmed"), (actions.cancel, "canceled"), (actions.mark_no_show, "no_show")],
)
def test_each_verb_sets_its_status(wish, verb, status):
    row = book(wish)
    assert verb(Target(Reach(wish.business_id), row.id), COMMAND, NOW).status == status


def test_confirmed_appointment_can_be_completed(wish):
    target = Target(Reach(wish.business_id), book(wish).id)
    actions.confirm(target, COMMAND, NOW)
    assert actions.complete(target, COMMAND, NOW).status == "completed"


def test_second_cancel_changes_nothing(wish):
    target = Target(Reach(wish.business_id), book(wish).id)
    first = actions.cancel(target, COMMAND, NOW, "rain")
    assert actions.cancel(target, COMMAND, NOW + 60, "again") == first
    assert verbs() == ["booked", "canceled"]
    assert Change.objects.last().after == {"status": "canceled", "reason": "rain"}


@pytest.mark.parametrize("status", ["canceled", "no_show", "completed"])
@pytest.mark.parametrize("field", ["start_time", "end_time", "user_id", "service_id"])
def test_final_status_fixes_times_person_and_service(wish, cast, service, status, field):
    row = in_status(wish, Status(status))
    value = {"user_id": cast.colleague.user_id, "service_id": service.pk}.get(field, TEN + 2 * HOUR)
    with pytest.raises(actions.FixedInFinalStatus):
        update(row, **{field: value})
    assert verbs() == ["booked"]


def test_final_status_leaves_words_and_contact_editable(wish, cast):
    row = in_status(wish, Status.CANCELED)
    words = {
        "title": "T",
        "description": "D",
        "notes": "N",
        "location": "L",
        "contact_name": "C",
        "contact_id": cast.customer.pk,
    }
    changed = update(row, **words)
    assert {name: getattr(changed, name) for name in words} == words


# Times


@pytest.mark.parametrize(
    ("start", "end", "refusal"),
    [
        (TEN, TEN, actions.EndBeforeStart),
        (TEN, TEN - 1, actions.EndBeforeStart),
        (TEN, TEN + 31 * DAY + 1, actions.TooLong),
        (NOW - 1, NOW + HOUR, actions.InThePast),
    ],
    ids=["empty", "backwards", "too long", "past"],
)
def test_impossible_time_is_refused_for_a_booking_and_a_move(wish, start, end, refusal):
    with pytest.raises(refusal):
        book(wish, start_time=start, end_time=end)
    row = book(wish)
    with pytest.raises(refusal):
        update(row, start_time=start, end_time=end)
    assert (Appointment.objects.count(), verbs()) == (1, ["booked"])


def test_limits_themselves_are_allowed(wish):
    assert book(wish, start_time=NOW, end_time=NOW + 31 * DAY).version == 1


def test_appointment_under_way_may_be_prolonged_but_not_past_its_start(wish):
    row = book(wish)
    target = Target(Reach(wish.business_id), row.id)
    actions.update(target, {"end_time": TEN + 2 * HOUR}, COMMAND, TEN + 60)
    with pytest.raises(actions.InThePast):
        actions.update(target, {"start_time": TEN + 30}, COMMAND, TEN + 60)
    with pytest.raises(actions.EndBeforeStart):
        actions.update(target, {"end_time": TEN}, COMMAND, TEN + 60)


def test_past_appointment_is_recorded_as_completed_and_claims_its_time(wish):
    row = actions.record_begun(replace(wish, start_time=NOW - HOUR, end_time=NOW), COMMAND, NOW)
    assert (row.status, verbs()) == ("completed", ["recorded"])
    with pytest.raises(actions.SlotTaken):
        actions.record_begun(replace(wish, start_time=NOW - HOUR, end_time=NOW), COMMAND, NOW)


def test_appointment_under_way_is_recorded_as_scheduled(wish):
    row = actions.record_begun(replace(wish, start_time=NOW - HOUR, end_time=NOW + HOUR), COMMAND, NOW)
    assert (row.status, verbs()) == ("scheduled", ["recorded"])


# Buffers and services


def test_buffers_are_copied_from_the_service_and_kept_when_it_changes(wish, service):
    row = book(wish, service_id=service.pk)
    Service.objects.update(buffer_before_minutes=90, buffer_after_minutes=90, is_active=False)
    assert blocked(row) == (TEN - 600, TEN + HOUR + 1200)
    update(row, start_time=TEN + HOUR, end_time=TEN + 2 * HOUR)
    assert blocked(row) == (TEN + HOUR - 600, TEN + 2 * HOUR + 1200)


def test_appointment_of_a_service_no_longer_offered_can_be_reassigned_and_given_a_contact(wish, service, cast):
    row = book(wish, service_id=service.pk)
    Service.objects.update(is_active=False, buffer_before_minutes=90)
    row = update(row, user_id=cast.colleague.user_id, contact_id=cast.customer.pk)
    assert (row.service_id, row.user_id, row.contact_name) == (
        service.pk,
        cast.colleague.user_id,
        "Carla Customer",
    )
    assert blocked(row)[0] == TEN - 600


def test_another_service_brings_its_buffers_and_no_service_has_none(wish, service):
    row = book(wish)
    assert blocked(row) == (TEN, TEN + HOUR)
    update(row, service_id=service.pk)
    assert blocked(row) == (TEN - 600, TEN + HOUR + 1200)
    update(row, service_id=None)
    assert blocked(row) == (TEN, TEN + HOUR)


def test_service_whose_buffers_reach_into_a_neighbour_is_refused(wish, service):
    row = book(wish)
    book(wish, start_time=TEN + HOUR, end_time=TEN + 2 * HOUR)
    with pytest.raises(actions.SlotTaken):
        update(row, service_id=service.pk)
    assert blocked(row) == (TEN, TEN + HOUR)


@pytest.mark.parametrize("field", ["service_id", "contact_id"])
def test_references_into_another_business_are_unknown(wish, cast, service, field):
    Service.objects.update(business=cast.outsider.business)
    Contact.objects.update(business=cast.outsider.business)
    foreign = {"service_id": service.pk, "contact_id": cast.customer.pk}[field]
    row = book(wish)
    for refused in (lambda: book(wish, **{field: foreign}), lambda: update(row, **{field: foreign})):
        with pytest.raises(actions.UnknownReference):
            refused()
    assert verbs() == ["booked"]


# People


def test_contact_is_copied_at_booking_and_stays_as_it_was(wish, cast):
    row = book(wish, contact_id=cast.customer.pk, contact_phone="+1 555")
    Contact.objects.update(name="Married", email="new@customer.test")
    assert (row.contact_name, row.contact_email, row.contact_phone) == (
        "Carla Customer",
        "carla@customer.test",
        "+1 555",
    )
    assert update(row, notes="on time").contact_name == "Carla Customer"


def test_reassigning_moves_the_claim_and_is_recorded_as_such(wish, cast):
    row = book(wish)
    assert update(row, user_id=cast.colleague.user_id).user_id == cast.colleague.user_id
    book(wish)
    assert verbs() == ["booked", "reassigned", "booked"]


def test_reassigning_to_somebody_busy_a_stranger_or_a_suspended_member_is_refused(wish, cast):
    row = book(wish)
    book(wish, user_id=cast.colleague.user_id)
    with pytest.raises(actions.SlotTaken):
        update(row, user_id=cast.colleague.user_id)
    with pytest.raises(UnknownMember):
        update(row, user_id=cast.outsider.user_id)
    cast.colleague.is_suspended = True
    cast.colleague.save()
    for refused in (
        lambda: update(row, user_id=cast.colleague.user_id),
        lambda: book(wish, user_id=cast.colleague.user_id),
    ):
        with pytest.raises(UnknownMember):
            refused()
    assert verbs() == ["booked", "booked"]


def test_nobody_reaches_into_another_business_or_a_colleagues_calendar(wish, cast):
    row = book(wish)
    for reach in (Reach(cast.outsider.business_id), own_reach(wish.business_id, cast.colleague.user_id)):
        with pytest.raises(actions.UnknownAppointment):
            actions.cancel(Target(reach, row.id), COMMAND, NOW)


# Changes and versions


def test_every_change_raises_the_version_and_writes_one_row(wish, cast):
    row = book(wish)
    steps = [
        ("updated", {"title": "Cut"}),
        ("rescheduled", {"start_time": TEN + HOUR, "end_time": TEN + 2 * HOUR}),
        ("reassigned", {"user_id": cast.colleague.user_id}),
        ("confirmed", {"status": Status.CONFIRMED}),
    ]
    for version, (_, fields) in enumerate(steps, 2):
        assert update(row, **fields).version == version
    assert verbs() == ["booked", *(verb for verb, _ in steps)]
    assert list(Change.objects.filter(subject_kind="appointment").values_list("subject_version", flat=True)) == [
        1,
        2,
        3,
        4,
        5,
    ]
    moved = Change.objects.get(verb="rescheduled")
    assert moved.before == {"start_time": "2027-01-15T10:00:00Z", "end_time": "2027-01-15T11:00:00Z"}
    assert moved.after == {"start_time": "2027-01-15T11:00:00Z", "end_time": "2027-01-15T12:00:00Z"}


def test_fields_that_have_the_value_already_change_nothing(wish):
    row = book(wish)
    assert update(row, title="Haircut", start_time=TEN, status=Status.SCHEDULED) == row
    assert verbs() == ["booked"]


def test_stale_version_is_refused_with_the_current_row(wish):
    row = book(wish)
    update(row, frozenset({1}), title="Cut")
    with pytest.raises(actions.VersionConflict) as refused:
        update(row, frozenset({1}), title="Colour")
    assert (refused.value.current.title, refused.value.current.version) == ("Cut", 2)
    assert update(row, frozenset({2}), title="Colour").version == 3


def test_moving_resets_the_reminders_and_prolonging_does_not(wish):
    row = book(wish)
    Appointment.objects.update(reminder_24h_sent=True, reminder_2h_sent=True)
    kept = update(row, end_time=TEN + 2 * HOUR)
    assert (kept.reminder_24h_sent, kept.reminder_2h_sent) == (True, True)
    moved = update(row, start_time=TEN + HOUR)
    assert (moved.reminder_24h_sent, moved.reminder_2h_sent) == (False, False)


def test_refused_verb_stores_nothing_at_all(wish):
    row = book(wish)
    later = book(wish, start_time=TEN + HOUR, end_time=TEN + 2 * HOUR)
    before = [list(Appointment.objects.values()), verbs()]
    with pytest.raises(actions.SlotTaken):
        book(wish, title="Other")
    with pytest.raises(actions.SlotTaken):
        update(later, title="Other", start_time=TEN + 60)
    with pytest.raises(InvalidTransition):
        update(row, title="Other", status=Status.COMPLETED)
    assert [list(Appointment.objects.values()), verbs()] == before


def test_times_are_stored_as_they_were_asked_for(wish):
    row = book(wish)
    stored = Appointment.objects.get()
    assert stored.start_time == datetime(2027, 1, 15, 10, tzinfo=UTC)
    assert stored.end_time - stored.start_time == timedelta(hours=1)
    assert (row.start_time, row.end_time) == (TEN, TEN + HOUR)


# Refusals


def test_refusal_says_what_is_in_the_way_and_what_is_free_next(wish):
    row = book(wish)
    with pytest.raises(actions.SlotTaken) as refused:
        book(wish, start_time=TEN + 2700, end_time=TEN + 4500)
    assert [conflict.appointment_id for conflict in refused.value.conflicts] == [row.id]
    assert [slot.start - TEN for slot in refused.value.alternatives] == [HOUR, HOUR + 1800, 2 * HOUR]


def test_alternatives_leave_room_for_the_services_buffers(wish, service):
    book(wish)
    book(wish, start_time=TEN + 2 * HOUR, end_time=TEN + 3 * HOUR)
    asked = {"start_time": TEN + 1800, "end_time": TEN + HOUR, "service_id": service.pk}
    with pytest.raises(actions.SlotTaken) as refused:
        book(wish, **asked)
    assert [slot.start - TEN for slot in refused.value.alternatives] == [
        HOUR + 600,
        3 * HOUR + 600,
        3 * HOUR + 2400,
    ]
    first = refused.value.alternatives[0]
    book(wish, **asked | {"start_time": first.start, "end_time": first.end})


def test_moving_an_appointment_onto_another_offers_its_own_time_too(wish):
    row = book(wish)
    book(wish, start_time=TEN + HOUR, end_time=TEN + 2 * HOUR)
    with pytest.raises(actions.SlotTaken) as refused:
        update(row, end_time=TEN + HOUR + 60)
    assert [slot.start - TEN for slot in refused.value.alternatives] == [0, 1800, 2 * HOUR]
