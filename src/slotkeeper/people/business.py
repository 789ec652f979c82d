"""The verbs that change a business."""

from collections.abc import Mapping

from django.db import IntegrityError, transaction

from slotkeeper.changes.record import Actor, Subject, changed_fields, record
from slotkeeper.changes.versions import StaleVersion
from slotkeeper.outbox.channels.addresses import mailbox_of
from slotkeeper.outbox.channels.base import Refused
from slotkeeper.people.authority import acting_member
from slotkeeper.people.models import Business
from slotkeeper.people.second_factor import has_second_factor
from slotkeeper.people.sign_up import RESERVED_SLUGS


class SlugTaken(Exception):
    """That address is taken, by another business or by a page of ours."""


class UnusableContactEmail(Exception):
    """Write exactly one e-mail address, of the form name@example.com."""


class OwnSecondFactorMissing(Exception):
    """Set up a second factor of your own first: under Account. Else you would lock yourself out."""


class BusinessVersionConflict(StaleVersion):
    """The business was changed in the meantime."""


def update_business(
    business_id: int, fields: Mapping[str, str | int], actor: Actor, versions: frozenset[int] | None = None
) -> Business:
    """Change the fields given: any column that describes the business or its public page.

    Raises SlugTaken, UnusableContactEmail, OwnSecondFactorMissing, and BusinessVersionConflict where it has none of
    `versions` (None: any will do).
    """
    with transaction.atomic():
        business = Business.objects.select_for_update().get(pk=business_id)
        if versions is not None and business.version not in versions:
            raise BusinessVersionConflict(business)
        before, after = changed_fields({name: getattr(business, name) for name in fields}, fields)
        if after:
            if "slug" in after:
                _require_free(str(after["slug"]))
            if after.get("contact_email"):
                _require_mailbox(str(after["contact_email"]))
            if after.get("requires_second_factor"):
                _require_own_second_factor(business_id, actor)
            for name, value in after.items():
                setattr(business, name, value)
            business.version += 1
            _save(business, [*after, "version"])
            record(Subject(business_id, "business", business_id, business.version), "updated", actor, before, after)
    return business


def _require_free(slug: str) -> None:
    if slug in RESERVED_SLUGS or Business.objects.filter(slug=slug).exists():
        raise SlugTaken


def _require_own_second_factor(business_id: int, actor: Actor) -> None:
    acting = acting_member(business_id, actor)
    if acting is not None and not has_second_factor(acting.user_id):
        raise OwnSecondFactorMissing


def _require_mailbox(address: str) -> None:
    try:
        mailbox_of(address)
    except Refused:
        raise UnusableContactEmail from None


def _save(business: Business, names: list[str]) -> None:
    """Save some fields; two businesses may ask for one slug at once, and the database lets one have it."""
    try:
        with transaction.atomic():
            business.save(update_fields=names)
    except IntegrityError:
        if "slug" in names:
            raise SlugTaken from None
        raise
