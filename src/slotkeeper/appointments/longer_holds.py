"""Keeping a held slot free for longer than a form takes: while its customer pays."""

from datetime import UTC, datetime

from django.db import transaction

from slotkeeper.appointments.models import Hold, TimeClaim
from slotkeeper.people.models import secret_hash


def prolong_hold(business_id: int, hold: str, until: int, now: int) -> bool:
    """Keep what is held free until then; say whether it still was. What it claims stays as it is."""
    moment = datetime.fromtimestamp(until, UTC)
    with transaction.atomic():
        holds = Hold.objects.select_for_update().filter(business_id=business_id, secret_hash=secret_hash(hold))
        held = holds.filter(expires_at__gt=datetime.fromtimestamp(now, UTC)).first()
        if held is None:
            return False
        Hold.objects.filter(pk=held.pk).update(expires_at=moment)
        TimeClaim.objects.filter(hold=held).update(held_until=moment)
    return True


def is_held(business_id: int, hold: str, now: int) -> bool:
    """Say whether a slot is still kept free."""
    holds = Hold.objects.filter(business_id=business_id, secret_hash=secret_hash(hold))
    return holds.filter(expires_at__gt=datetime.fromtimestamp(now, UTC)).exists()


def give_up_hold(business_id: int, hold: str) -> None:
    """Let go of what is held."""
    Hold.objects.filter(business_id=business_id, secret_hash=secret_hash(hold)).delete()
