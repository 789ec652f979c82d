"""What customers do by themselves: hold a slot, book it, move it, cancel it.

Each verb is one transaction. It locks the people and resources concerned first, then asks the rules, so that two
customers cannot both be told that a slot, the last place of a day, or the last room is theirs.
"""

import secrets
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime

from django.db import transaction

from slotkeeper.appointments import actions
from slotkeeper.appointments.actions import Target
from slotkeeper.appointments.customer_links import LinkedAppointment, make_link, open_link
from slotkeeper.appointments.givers import NotGiven
from slotkeeper.appointments.guard import lock_claimants
from slotkeeper.appointments.insert import Booking, Entry
from slotkeeper.appointments.models import Appointment, Hold, IntakeAnswer, TimeClaim
from slotkeeper.appointments.needed import ids_of, read_needs
from slotkeeper.appointments.reach import Reach
from slotkeeper.appointments.resources import choose_resources, claim, claimants_of
from slotkeeper.appointments.rows import AppointmentRow
from slotkeeper.appointments.sharing import WEEK_REACH_SECONDS, Given, give
from slotkeeper.appointments.slots import (
    Offer,
    SlotQuery,
    UnknownService,
    next_slots_of,
    obstacles_of,
    read_offer,
    read_supply,
)
from slotkeeper.calendars.live import ask_live, is_anybody_asked_live
from slotkeeper.changes.record import Actor
from slotkeeper.contacts.actions import create_contact
from slotkeeper.contacts.models import Contact
from slotkeeper.people.models import secret_hash
from slotkeeper.rules import slots as rules
from slotkeeper.rules.appointment_status import TERMINAL, Status
from slotkeeper.rules.intervals import Interval
from slotkeeper.rules.slots import Obstacle, Slot

HOLD_SECONDS = 5 * 60
ALTERNATIVES = 3


class NotOffered(Exception):
    """The time cannot be booked."""

    def __init__(self, obstacles: list[Obstacle], alternatives: list[Slot]) -> None:
        super().__init__(obstacles, alternatives)
        self.obstacles, self.alternatives = obstacles, alternatives


class HoldExpired(NotOffered):
    """The time was held for you until now; meanwhile it is gone."""


class TooLate(Exception):
    """It is too late to change this appointment here; please call."""


@dataclass(frozen=True, slots=True)
class CustomerBooking:
    """What a customer books; `answers` are pairs of question and answer, as asked."""

    business_id: int
    service_id: int
    start: int
    contact_name: str
    contact_email: str
    contact_phone: str | None = None
    notes: str | None = None
    user_id: int | None = None
    answers: tuple[tuple[str, str], ...] = ()
    time_zone: str | None = None
    locale: str | None = None
    source: str = ""  # the door, and the address of who books


@dataclass(frozen=True, slots=True)
class HeldSlot:
    """A slot kept free; `hold` is the secret that books it until `expires_at` (seconds since 1970)."""

    hold: str
    expires_at: int
    slot: Slot


@dataclass(frozen=True, slots=True)
class BookedSlot:
    """An appointment, and the text of the link by which its customer reaches it."""

    row: AppointmentRow
    link: str


class _Obstructed(Exception):
    """The rules refuse; raised inside a transaction so that nothing of it stays."""

    def __init__(self, obstacles: list[Obstacle]) -> None:
        super().__init__(obstacles)
        self.obstacles = obstacles


def ask_calendars(query: SlotQuery) -> None:
    """Ask those calendars of a service's people that want to be asked at every booking; not in a transaction.

    Raises UnknownService.
    """
    if is_anybody_asked_live():
        ask_live(read_offer(query.business_id, query.service_id, query.user_id).user_ids)


def hold_slot(query: SlotQuery, former: str | None = None) -> HeldSlot:
    """Keep the slot at the start of the query's range free for five minutes; a former hold is given up for it.

    Raises UnknownService and NotOffered; then the former hold stays.
    """
    offer = read_offer(query.business_id, query.service_id, query.user_id)
    secret, expires_at = secrets.token_urlsafe(24), query.now + HOLD_SECONDS
    with _refusing(offer, query), transaction.atomic():
        slot, given = _locked_slot(offer, query, former)
        moment = datetime.fromtimestamp(expires_at, UTC)
        hold = Hold.objects.create(business_id=offer.business_id, secret_hash=secret_hash(secret), expires_at=moment)
        blocked, place = offer.terms.blocked_by(slot.start), (offer.business_id, offer.service_id)
        rooms = choose_resources(place, given.user_ids, blocked, query.now) if offer.has_needs else []
        claim(TimeClaim(hold=hold, held_until=moment), blocked, given.user_ids, rooms)
    return HeldSlot(secret, expires_at, slot._replace(user_ids=given.user_ids))


def book_slot(booking: CustomerBooking, now: int, hold: str | None = None) -> BookedSlot:
    """Book a slot that is offered, as a customer; a hold of theirs is given up for it.

    Raises UnknownService, NotOffered, and HoldExpired where the hold is over and the slot is gone.
    """
    within = Interval(booking.start, booking.start + 1)
    query = SlotQuery(booking.business_id, booking.service_id, within, now, booking.user_id)
    offer = read_offer(booking.business_id, booking.service_id, booking.user_id)
    is_over = hold is not None and not _is_held(hold, booking.business_id, now)
    with _refusing(offer, query, HoldExpired if is_over else NotOffered), transaction.atomic():
        slot, given = _locked_slot(offer, query, hold)
        row = _book(booking, offer, slot, given, now)
        link = make_link(row)
    return BookedSlot(row, link)


def move_by_customer(link: str, start: int, now: int, source: str = "") -> AppointmentRow:
    """Move an appointment to another slot of its service. Raises UnknownLink, TooLate and NotOffered."""
    linked = open_link(link, now, source)
    row = _changeable(linked, now)
    within = Interval(start, start + 1)
    query = SlotQuery(linked.business_id, row.service_id or 0, within, now, row.user_id, row.id)
    try:
        offer = read_offer(query.business_id, query.service_id, query.user_id)
    except UnknownService:
        raise NotOffered([], []) from None
    with _refusing(offer, query), transaction.atomic():
        # Whoever changes an appointment locks its row before its claimants: see resources.py.
        Appointment.objects.select_for_update().get(pk=row.id)
        _locked_slot(offer, query)
        fields = {"start_time": start, "end_time": start + offer.terms.duration_seconds}
        return actions.update(Target(Reach(linked.business_id), row.id), fields, linked.actor, now)


def cancel_by_customer(link: str, reason: str | None, now: int, source: str = "") -> AppointmentRow:
    """Cancel an appointment; a second time changes nothing. Raises UnknownLink and TooLate."""
    linked = open_link(link, now, source)
    if linked.row.status == Status.CANCELED:
        return linked.row
    row = _changeable(linked, now)
    return actions.cancel(Target(Reach(linked.business_id), row.id), linked.actor, now, reason)


def _changeable(linked: LinkedAppointment, now: int) -> AppointmentRow:
    if now > linked.may_change_until or Status(linked.row.status) in TERMINAL:
        raise TooLate
    return linked.row


def _is_held(hold: str, business_id: int, now: int) -> bool:
    moment = datetime.fromtimestamp(now, UTC)
    return Hold.objects.filter(business_id=business_id, secret_hash=secret_hash(hold), expires_at__gt=moment).exists()


@contextmanager
def _refusing(offer: Offer, query: SlotQuery, refusal: type[NotOffered] = NotOffered) -> Iterator[None]:
    """Turn obstacles into a refusal with the next slots, read after the transaction is undone."""
    try:
        yield
    except _Obstructed as error:
        obstacles = error.obstacles
    except (actions.SlotTaken, NotGiven):  # written past our lock: by hand, or by an older server
        obstacles = obstacles_of(offer, query)
    else:
        return
    raise refusal(obstacles, next_slots_of(offer, query, ALTERNATIVES))


def _locked_slot(offer: Offer, query: SlotQuery, given_up: str | None = None) -> tuple[Slot, Given]:
    """Lock the people and resources of an offer, give up a hold, find the slot at the query's start, and who gives it.

    Raises _Obstructed.
    """
    _lock(offer, query)
    if given_up is not None:
        Hold.objects.filter(business_id=offer.business_id, secret_hash=secret_hash(given_up)).delete()
    start, together = query.within.start, offer.is_together
    providers, terms = read_supply(offer, query, WEEK_REACH_SECONDS)
    slot = next(rules.slots(providers, terms, query.within, query.now, together=together), None)
    if slot is None:
        raise _Obstructed(rules.obstacles(providers, terms, start, query.now, together=together))
    return slot, give(offer, query, slot, providers)


def _lock(offer: Offer, query: SlotQuery) -> None:
    """Lock everybody and everything that may be claimed, and what the appointment that is to be moved claims now."""
    place = offer.business_id, offer.service_id
    rooms = ids_of(read_needs(place, query.within, query.now)) if offer.has_needs else set()
    moved = [] if query.besides_appointment_id is None else [query.besides_appointment_id]
    people, taken = claimants_of(moved) if moved else (set(), set())
    lock_claimants({*offer.user_ids, *people}, rooms | taken)


def _book(booking: CustomerBooking, offer: Offer, slot: Slot, given: Given, now: int) -> AppointmentRow:
    actor = Actor("customer", None, booking.contact_name, booking.source)
    status = Status.SCHEDULED if offer.requires_confirmation else Status.CONFIRMED
    entry = Entry(status, "booked", note={"assignment": given.assignment})
    main, *others = given.user_ids
    row, _ = actions.enter(
        Booking(
            business_id=offer.business_id,
            user_id=main,
            title=f"{offer.name}: {booking.contact_name}"[:200],
            start_time=slot.start,
            end_time=slot.end,
            contact_id=_contact_id(booking, actor, now),
            contact_name=booking.contact_name,
            contact_email=booking.contact_email,
            contact_phone=booking.contact_phone,
            location=offer.location or None,
            notes=booking.notes,
            sync_to_calendar=True,  # whoever has a calendar that receives wants customers' bookings in it
            service_id=offer.service_id,
        ),
        entry,
        actor,
        now,
    )
    claim(TimeClaim(appointment_id=row.id), offer.terms.blocked_by(slot.start), others)
    IntakeAnswer.objects.bulk_create(
        IntakeAnswer(appointment_id=row.id, position=position, question=question, answer=answer)
        for position, (question, answer) in enumerate(booking.answers)
    )
    return row


def _contact_id(booking: CustomerBooking, actor: Actor, now: int) -> int:
    """Find the customer by address, or store a new one; what an old one's row says stays as it is."""
    known = Contact.objects.in_business(booking.business_id).filter(email__iexact=booking.contact_email)
    found = known.order_by("pk").values_list("pk", flat=True).first()
    if found is not None:
        return found
    fields = {
        "name": booking.contact_name,
        "email": booking.contact_email,
        "phone": booking.contact_phone,
        "time_zone": booking.time_zone,
        "locale": booking.locale,
    }
    return create_contact(booking.business_id, fields, actor, now).pk
