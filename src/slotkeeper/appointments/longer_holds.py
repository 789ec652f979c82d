"""Keeping a held slot free for longer than a form takes: while its customer pays."""

from datetime import UTC, datetime

from django.db import transaction

from slotkeeper.appointments.guard import lock_claimants
from slotkeeper.appointments.models import Hold, TimeClaim
from slotkeeper.people.models import secret_hash


def prolong_hold(business_id: int, hold: str, until: int, now: int) -> bool:
    """Keep what is held free until then; say whether it still was. What it claims stays as it is."""
    moment = datetime.fromtimestamp(until, UTC)
    with transaction.atomic():
        holds = Hold.objects.filter(business_id=business_id, secret_hash=secret_hash(hold))
        held = holds.filter(expires_at__gt=datetime.fromtimestamp(now, UTC)).first()
        if held is None:
            return False
        claims = TimeClaim.objects.filter(hold=held)
        found = list(claims.values_list("user_id", "resource_id"))
        # Claimants, then claims, then their hold: the order of whoever books it or gives it up.
        lock_claimants([one for one, _ in found if one is not None], [one for _, one in found if one is not None])
        is_whole = claims.update(held_until=moment) == len(found)
        if not is_whole or not holds.update(expires_at=moment):  # booked or given up meanwhile, or in part expired
            transaction.set_rollback(True)
            return False
    return True


def is_held(business_id: int, hold: str, now: int) -> bool:
    """Say whether a slot is still kept free."""
    holds = Hold.objects.filter(business_id=business_id, secret_hash=secret_hash(hold))
    return holds.filter(expires_at__gt=datetime.fromtimestamp(now, UTC)).exists()


def give_up_hold(business_id: int, hold: str) -> None:
    """Let go of what is held."""
    Hold.objects.filter(business_id=business_id, secret_hash=secret_hash(hold)).delete()
