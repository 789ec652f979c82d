"""The verbs that give a business a logo and take it away, and finding it."""

from hashlib import sha256

from django.db import transaction

from slotkeeper.changes.record import Actor, Subject, record
from slotkeeper.people.models import Business, BusinessLogo
from slotkeeper.rules.pictures import Picture, read_picture

MOST_BYTES = 500_000
MOST_PIXELS = 2_000  # on a side


class UnusableLogo(Exception):
    """What was sent cannot be a logo."""


class LogoIsNoPicture(UnusableLogo):
    """It is no PNG, JPEG or WebP picture, or was cut off."""


class LogoTooHeavy(UnusableLogo):
    """The file is larger than 500 kB."""


class LogoTooLarge(UnusableLogo):
    """The picture has more than 2,000 pixels on a side."""


def set_logo(business_id: int, content: bytes, actor: Actor) -> BusinessLogo:
    """Show a picture on the business's public page, instead of the one before. Raises UnusableLogo."""
    picture = _checked(content)
    digest = sha256(content).hexdigest()[:32]
    with transaction.atomic():
        business, before = _locked(business_id)
        columns = picture._asdict() | {"content": content, "digest": digest}
        logo, _ = BusinessLogo.objects.update_or_create(business_id=business_id, defaults=columns)
        if before != digest:
            _record(business, before, digest, actor)
    return logo


def remove_logo(business_id: int, actor: Actor) -> None:
    """Show no logo any more; where there was none, nothing changes."""
    with transaction.atomic():
        business, before = _locked(business_id)
        if before is not None:
            BusinessLogo.objects.filter(business_id=business_id).delete()
            _record(business, before, None, actor)


def find_logo(business_id: int) -> BusinessLogo | None:
    """Find what a page needs to show a business's logo; its content is left in the database."""
    return BusinessLogo.objects.filter(business_id=business_id).defer("content").first()


def _checked(content: bytes) -> Picture:
    if len(content) > MOST_BYTES:
        raise LogoTooHeavy
    picture = read_picture(content)
    if picture is None:
        raise LogoIsNoPicture
    if max(picture.width, picture.height) > MOST_PIXELS:
        raise LogoTooLarge
    return picture


def _locked(business_id: int) -> tuple[Business, str | None]:
    """Give the business and the digest of its logo; another change of them waits until this one is done."""
    business = Business.objects.select_for_update(no_key=True).get(pk=business_id)
    return business, BusinessLogo.objects.filter(business=business).values_list("digest", flat=True).first()


def _record(business: Business, before: str | None, after: str | None, actor: Actor) -> None:
    business.version += 1
    business.save(update_fields=["version"])
    subject = Subject(business.pk, "business", business.pk, business.version)
    record(subject, "updated", actor, {"logo": before}, {"logo": after})
