"""Where an appointment's customer can be reached."""

from functools import cache

from babel.core import get_global
from django.conf import settings

from slotkeeper.appointments.models import Appointment
from slotkeeper.outbox.channels.phones import as_e164
from slotkeeper.outbox.kinds import ChannelName

Addresses = dict[ChannelName, str]


def addresses_of(appointment: Appointment) -> Addresses:
    """Say where an appointment's customer can be reached by the ways that are set up, the usual one first.

    A phone number is as networks want it, E.164; one that is written without its country is of the business's.
    """
    found: Addresses = {}
    email = (appointment.contact_email or "").strip()
    if email:
        found[ChannelName.EMAIL] = email
    if appointment.contact_phone and settings.CONFIGURATION.twilio_account_sid:
        number = as_e164(appointment.contact_phone, _country_of(appointment.business.time_zone))
        if number:
            found[ChannelName.SMS] = number
    return found


@cache
def _country_of(time_zone: str) -> str | None:
    """Say in which country a zone lies (ISO 3166), from CLDR; None for UTC and the like."""
    territory: str | None = get_global("zone_territories").get(time_zone)
    return territory if territory and len(territory) == 2 else None
