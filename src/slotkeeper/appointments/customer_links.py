"""Links by which a customer sees, moves or cancels one appointment, without an account.

The text in a link is random, signed for this one purpose, and kept as a hash: neither the database nor
a link of another kind gives one away. It ends some time after the appointment, or when it is revoked.
"""

import secrets
from dataclasses import dataclass
from datetime import UTC, datetime

from django.core.signing import BadSignature, Signer
from django.db.models import Q

from slotkeeper.appointments.models import CustomerLink
from slotkeeper.appointments.reach import Reach
from slotkeeper.appointments.rows import AppointmentRow, find
from slotkeeper.changes.record import Actor
from slotkeeper.people.models import secret_hash
from slotkeeper.rules.local_time import DAY_SECONDS, MINUTE_SECONDS

KEPT_SECONDS = 30 * DAY_SECONDS  # after the appointment's end
_PURPOSE = "slotkeeper: a customer's appointment"
_OCCASION = "slotkeeper: a secret for an occasion"


class UnknownLink(Exception):
    """The link is not, or no longer, valid."""


@dataclass(frozen=True, slots=True)
class LinkedAppointment:
    """What a link leads to; `may_change_until` is the business's cut-off, in seconds since 1970."""

    row: AppointmentRow
    business_id: int
    may_change_until: int
    source: str = ""  # the door, and the address of who follows the link

    @property
    def actor(self) -> Actor:
        """Name the customer in the record of changes."""
        return Actor("customer", self.row.contact_id, self.row.contact_name or "customer", self.source)


def make_link(row: AppointmentRow) -> str:
    """Make a link to an appointment and give its text; the caller's transaction keeps both or neither."""
    secret = secrets.token_urlsafe(24)
    CustomerLink.objects.create(
        appointment_id=row.id,
        secret_hash=secret_hash(secret),
        expires_at=datetime.fromtimestamp(row.end_time + KEPT_SECONDS, UTC),
    )
    return Signer(salt=_PURPOSE).sign(secret)


def link_for(row: AppointmentRow, occasion: str) -> str:
    """Make a link as `make_link` does, the same one for the same occasion: a mail that is tried again has no other."""
    secret = Signer(salt=_OCCASION).signature(f"{row.id} {occasion}")
    expires_at = datetime.fromtimestamp(row.end_time + KEPT_SECONDS, UTC)
    link = CustomerLink(appointment_id=row.id, secret_hash=secret_hash(secret), expires_at=expires_at)
    CustomerLink.objects.bulk_create([link], ignore_conflicts=True)  # it stands there from an earlier try
    return Signer(salt=_PURPOSE).sign(secret)


def open_link(text: str, now: int, source: str = "") -> LinkedAppointment:
    """Find what a link leads to. Raises UnknownLink when it is forged, expired or revoked."""
    try:
        secret = Signer(salt=_PURPOSE).unsign(text)
    except BadSignature:
        raise UnknownLink from None
    moment = datetime.fromtimestamp(now, UTC)
    links = CustomerLink.objects.filter(secret_hash=secret_hash(secret), revoked_at=None, expires_at__gt=moment)
    found = links.values_list(
        "appointment_id", "appointment__business_id", "appointment__business__self_service_cutoff_minutes"
    ).first()
    row = None if found is None else find(Reach(found[1]), found[0])
    if found is None or row is None:
        raise UnknownLink
    return LinkedAppointment(row, found[1], row.start_time - found[2] * MINUTE_SECONDS, source)


def revoke_links(appointment_id: int, business_id: int, now: int) -> int:
    """End every link to an appointment; give how many there were."""
    open_ones = CustomerLink.objects.filter(
        Q(revoked_at=None), appointment_id=appointment_id, appointment__business_id=business_id
    )
    return open_ones.update(revoked_at=datetime.fromtimestamp(now, UTC))
