"""The message to a customer whose payment came when the time they wanted was gone: their money goes back."""

from collections.abc import Sequence
from datetime import datetime, timedelta

from django.conf import settings
from django.utils.translation import override

from slotkeeper.amounts import amount_in_words
from slotkeeper.billing.gateway_models import Prepayment, PrepaymentStatus
from slotkeeper.billing.prepayments import SUBJECT
from slotkeeper.changes.models import Change
from slotkeeper.languages import current_language, known_language
from slotkeeper.outbox.channels.base import Dispatch
from slotkeeper.outbox.choices import channels_of
from slotkeeper.outbox.frames import frame_of
from slotkeeper.outbox.kinds import CUSTOMER, ChannelName, Kind, Reason, State
from slotkeeper.outbox.ledger import Draft, enter, skip
from slotkeeper.outbox.letters import write_letter
from slotkeeper.outbox.models import Message
from slotkeeper.outbox.moments import when_in_words
from slotkeeper.outbox.sending import NotToBeSent, Written
from slotkeeper.outbox.wordings import wording_of
from slotkeeper.rules.intervals import Interval

_HELPS_FOR = timedelta(days=7)
_KEPT_FOR = timedelta(days=30)  # who it was, in case that somebody asks where their money is


def plan_missed(changes: Sequence[Change], now: datetime) -> None:
    """Enter the messages about what was paid too late, in the transaction that marks the changes as handled."""
    ids = {one.subject_id for one in changes if one.subject_kind == SUBJECT and one.verb == PrepaymentStatus.MISSED}
    for prepayment in Prepayment.objects.filter(pk__in=ids):
        draft = Draft(
            business_id=prepayment.business_id,
            subject_kind=SUBJECT,
            subject_id=prepayment.pk,
            kind=Kind.PAID_TOO_LATE,
            occasion="missed",
            recipient=CUSTOMER,
            address=(prepayment.booking or {}).get("contact_email") or "",
            useful_until=now + _HELPS_FOR,
        )
        if ChannelName.EMAIL not in channels_of(prepayment.business_id, Kind.PAID_TOO_LATE):
            skip([(draft, Reason.SWITCHED_OFF)], now)
        elif not draft.address:
            skip([(draft, Reason.NO_ADDRESS)], now)
        else:
            enter([draft], now)


def forget_missed(now: datetime) -> None:
    """Forget who paid too late, some time after they were told."""
    gone = Prepayment.objects.filter(status=PrepaymentStatus.REFUNDED, created_at__lt=now - _KEPT_FOR)
    gone.exclude(booking=None).update(booking=None)


class MissedCorrespondent:
    """Writes to customers whose payment came too late."""

    def write(self, message: Message, now: datetime) -> Written:
        """Write the message. Raises NotToBeSent."""
        found = Prepayment.objects.filter(pk=message.subject_id, business_id=message.business_id)
        prepayment = found.select_related("business", "service").first()
        known = (prepayment and prepayment.booking) or {}
        if prepayment is None or not known.get("contact_email"):
            raise NotToBeSent(State.SKIPPED, Reason.ERASED)
        business, service = prepayment.business, prepayment.service
        start = int(prepayment.starts_at.timestamp())
        asked = Interval(start, start + service.duration_minutes * 60)
        locale = known_language(known.get("locale") or "") or known_language(business.locale)
        with override(locale or settings.LANGUAGE_CODE):
            when = when_in_words(asked, business.time_zone, business.time_zone, int(now.timestamp()))
            facts = {
                "customer_name": known.get("contact_name") or "",
                "business_name": business.name,
                "service_name": service.name,
                "day": when.day,
                "time": when.time,
                "amount": amount_in_words(prepayment.amount, prepayment.currency),
                "link": f"{settings.CONFIGURATION.url}/{business.slug}/{service.slug}",
            }
            wording = wording_of(business.pk, Kind.PAID_TOO_LATE, ChannelName.EMAIL, current_language())
            frame = frame_of(Kind.PAID_TOO_LATE, facts, business.name, business.accent_color)
            letter = write_letter(wording, facts, frame)
        name, address = facts["customer_name"], known["contact_email"]
        return Written(Dispatch(message.message_id, address, name, business.name, business.contact_email, letter))

    def lock(self, message: Message) -> None:
        """Nothing to lock: nothing follows."""

    def settled(self, message: Message, now: datetime) -> None:
        """Nothing follows; what cannot be delivered is shown in the ledger and on the home page."""
