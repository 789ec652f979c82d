"""Writing the letters about appointments: to their customers, and to the people whose time they take."""

from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime

from django.conf import settings
from django.urls import reverse
from django.utils.translation import override

from slotkeeper.appointments.addresses import addresses_of
from slotkeeper.appointments.calendar_entry import invitation
from slotkeeper.appointments.customer_links import link_for
from slotkeeper.appointments.letter_facts import (
    Reader,
    customer_of,
    facts_for_members,
    facts_of,
    list_of_appointments,
    list_of_dates,
    reader_of,
    when_of,
)
from slotkeeper.appointments.messages import as_told, known_before, standing_of
from slotkeeper.appointments.models import Appointment
from slotkeeper.appointments.reach import Reach
from slotkeeper.appointments.rows import find
from slotkeeper.outbox.channels.base import Dispatch
from slotkeeper.outbox.frames import frame_of
from slotkeeper.outbox.kinds import CUSTOMER, HANDOVERS, NEWS, ChannelName, Kind, Reason, State, user_id_of
from slotkeeper.outbox.letters import Letter, sms_text, write_letter
from slotkeeper.outbox.models import Message
from slotkeeper.outbox.sending import NotToBeSent, Written
from slotkeeper.outbox.wordings import wording_of
from slotkeeper.outbox.words import kind_in_words
from slotkeeper.people.models import Membership
from slotkeeper.rules.appointment_status import TERMINAL, Status

_WITH_MORE_DATES = "\n\n{{ more_dates }}"


def to_customer(message: Message, appointment: Appointment, now: int) -> Written:
    """Write a message to an appointment's customer. Raises NotToBeSent."""
    channel, kind = ChannelName(message.channel), Kind(message.kind)
    address = addresses_of(appointment).get(channel)
    if address is None:
        raise NotToBeSent(State.SKIPPED, Reason.NO_ADDRESS)
    row = find(Reach(appointment.business_id), appointment.pk)
    assert row is not None
    reader, current = customer_of(appointment), standing_of(appointment)
    with override(reader.language):
        link = settings.CONFIGURATION.url + reverse("booking", args=[link_for(row, message.message_id)])
        values = _facts(message, appointment, reader, now) | {
            "manage_link": link,
            "more_dates": list_of_dates(_companions(message), reader, now),
        }
        wording = wording_of(appointment.business_id, kind, channel, reader.language)
        wording = replace(wording, body=wording.body + _WITH_MORE_DATES)
        told = as_told(current, known_before(message, current)) if kind in NEWS else message.told
        if channel is ChannelName.SMS:
            return Written(_dispatch(message, appointment, (address, ""), Letter("", sms_text(wording, values))), told)
        frame = frame_of(kind, values, appointment.business.name, appointment.business.accent_color)
        letter = write_letter(wording, values, frame)
        entry = invitation(row, appointment.business, appointment.service, link)
    mail = _dispatch(message, appointment, (address, reader.name), letter)
    return Written(replace(mail, invitation=entry), told)


def to_member(message: Message, appointment: Appointment, now: int) -> Written:
    """Write to a member whose time an appointment takes. Raises NotToBeSent."""
    members = Membership.objects.active().in_business(message.business_id).select_related("user")
    member = members.filter(user_id=user_id_of(message.recipient)).first()
    if member is None:
        raise NotToBeSent(State.SKIPPED, Reason.LEFT)
    user, kind = member.user, Kind(message.kind)
    reader = reader_of(user)
    with override(reader.language):
        values = _facts(message, appointment, reader, now) | facts_for_members(appointment)
        if kind is Kind.UNDELIVERABLE:
            values |= _facts_of_failure(message)
        wording = wording_of(appointment.business_id, kind, ChannelName.EMAIL, reader.language)
        if kind in HANDOVERS:
            others = [one for one in handed_over(message, datetime.fromtimestamp(now, UTC)) if one.pk != appointment.pk]
            values["more_dates"] = list_of_appointments(others, reader, now)
            wording = replace(wording, body=wording.body + _WITH_MORE_DATES)
        if kind is Kind.UNASSIGNED:
            home = settings.CONFIGURATION.url + reverse("home")
            values |= {"appointment_link": "", "link": home}  # the appointment may be out of their sight
        frame = frame_of(kind, values, appointment.business.name, appointment.business.accent_color)
        letter = write_letter(wording, values, frame)
    return Written(_dispatch(message, appointment, (user.email, user.name), letter))


def handed_over(message: Message, now: datetime) -> Iterator[Appointment]:
    """Give those of the appointments that a message about giving them away tells of, for which it still holds."""
    told_id = user_id_of(message.recipient)
    found = Appointment.objects.filter(
        pk__in=[message.subject_id, *(message.companions or [])], business_id=message.business_id, end_time__gt=now
    )
    for one in found.select_related("business", "user", "service", "contact").order_by("start_time", "pk"):
        is_theirs = one.user_id == told_id
        if is_theirs == (message.kind == Kind.ASSIGNED) and Status(one.status) not in TERMINAL:
            yield one


def _companions(message: Message) -> list[Appointment]:
    if not message.companions:
        return []
    found = Appointment.objects.filter(pk__in=message.companions, business_id=message.business_id)
    return list(found.select_related("business").order_by("start_time"))


def _facts(message: Message, appointment: Appointment, reader: Reader, now: int) -> dict[str, str]:
    """Gather the facts; when it was before is what the reader of news knew, or what the record has for a member."""
    current = standing_of(appointment)
    known = known_before(message, current)
    before = when_of(known, appointment, reader, now) if known else None
    return facts_of(appointment, when_of(current, appointment, reader, now), before)


def _facts_of_failure(message: Message) -> dict[str, str]:
    """Say which message could not be delivered, and why."""
    failed = Message.objects.filter(pk=message.occasion.partition(".")[0], business_id=message.business_id).first()
    if failed is None:
        raise NotToBeSent(State.SKIPPED, Reason.ERASED)
    return {"address": failed.address, "problem": failed.reason, "message_name": kind_in_words(Kind(failed.kind))}


def _dispatch(message: Message, appointment: Appointment, to: tuple[str, str], letter: Letter) -> Dispatch:
    address, name = to
    business = appointment.business
    reply_to = business.contact_email if message.recipient == CUSTOMER else ""
    return Dispatch(message.message_id, address, name, business.name, reply_to, letter)
