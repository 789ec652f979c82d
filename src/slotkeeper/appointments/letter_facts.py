"""What messages about an appointment say: facts by the names that a wording uses, in their reader's words and zone."""

from collections.abc import Iterable
from dataclasses import dataclass

from django.conf import settings
from django.urls import reverse
from django.utils.translation import gettext

from slotkeeper.appointments.messages import standing_of
from slotkeeper.appointments.models import Appointment
from slotkeeper.changes.models import Change
from slotkeeper.languages import known_language
from slotkeeper.outbox.moments import When, when_in_words
from slotkeeper.people.models import User
from slotkeeper.rules.appointment_status import Status
from slotkeeper.rules.intervals import Interval
from slotkeeper.rules.news import Standing


@dataclass(frozen=True, slots=True)
class Reader:
    """Who reads a message: in which of our languages, by the clocks of which zone, and what they are called."""

    language: str
    time_zone: str
    name: str


def customer_of(appointment: Appointment) -> Reader:
    """Say how to write to an appointment's customer; what is not known of them is as the business has it."""
    contact, business = appointment.contact, appointment.business
    locale = (contact and contact.locale) or business.locale
    zone = (contact and contact.time_zone) or business.time_zone
    language = known_language(locale) or known_language(business.locale) or settings.LANGUAGE_CODE
    return Reader(language, zone, appointment.contact_name or "")


def reader_of(user: User) -> Reader:
    """Say how to write to a member."""
    return Reader(known_language(user.locale) or settings.LANGUAGE_CODE, user.time_zone, user.name)


def when_of(standing: Standing, appointment: Appointment, reader: Reader, now: int) -> When:
    """Say when an appointment is, or was."""
    time = Interval(standing.start, standing.end)
    return when_in_words(time, reader.time_zone, appointment.business.time_zone, now)


def facts_of(appointment: Appointment, when: When, before: When | None) -> dict[str, str]:
    """Gather the facts of an appointment that anybody may be told; `before`: when it was, as its reader knew."""
    return {
        "business_name": appointment.business.name,
        "service_name": appointment.service.name if appointment.service else appointment.title,
        "provider_name": appointment.user.name,
        "customer_name": appointment.contact_name or "",
        "day": when.day,
        "time": when.time,
        "time_zone": when.time_zone,
        "location": appointment.location or "",
        "old_day": before.day if before else "",
        "old_time": before.time if before else "",
        "reason": _reason_of(appointment),
    }


def facts_for_members(appointment: Appointment) -> dict[str, str]:
    """Gather what only messages to members may name."""
    return {
        "customer_email": appointment.contact_email or "",
        "customer_phone": appointment.contact_phone or "",
        "notes": appointment.notes or "",
        "appointment_link": page_of(appointment.pk),
        "link": page_of(appointment.pk),
    }


def page_of(appointment_id: int) -> str:
    """Give the address of an appointment's page in the dashboard."""
    return settings.CONFIGURATION.url + reverse("appointment", args=[appointment_id])


def list_of_dates(appointments: Iterable[Appointment], reader: Reader, now: int) -> str:
    """Write the further dates that a message tells of, one a line; "" for none."""
    moments = [when_of(standing_of(one), one, reader, now) for one in appointments]
    dates = [f"{when.day}, {when.time}" for when in moments]
    return "\n".join([gettext("The same goes for these dates:"), *dates]) if dates else ""


def list_of_appointments(appointments: Iterable[Appointment], reader: Reader, now: int) -> str:
    """Write further appointments that a message to a member tells of, one a line; "" for none."""
    lines = []
    for one in appointments:
        when = when_of(standing_of(one), one, reader, now)
        about = (one.service.name if one.service else one.title, one.contact_name)
        lines.append(f"{when.day}, {when.time}: {', '.join(part for part in about if part)}")
    return "\n".join([gettext("The same goes for these appointments:"), *lines]) if lines else ""


def _reason_of(appointment: Appointment) -> str:
    if appointment.status != Status.CANCELED:
        return ""
    canceled = Change.objects.filter(
        business_id=appointment.business_id, subject_kind="appointment", subject_id=appointment.pk, verb="canceled"
    )
    change = canceled.order_by("-pk").first()
    return str((change.after or {}).get("reason") or "") if change else ""
