"""The verbs that change services and who gives them."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from django.db import transaction
from django.db.models import ProtectedError
from django.utils.text import slugify
from django.utils.translation import gettext_noop

from slotkeeper.changes.record import Actor, Subject, changed_fields, record
from slotkeeper.changes.versions import StaleVersion
from slotkeeper.offerings.models import PrepaymentKind, Service, ServiceProvider
from slotkeeper.offerings.needs import needs_of, set_needs
from slotkeeper.offerings.refusals import InvalidFields, NotInBusiness
from slotkeeper.people.models import Business, Membership, free_slug

FIELDS = (
    "name",
    "slug",
    "description",
    "duration_minutes",
    "buffer_before_minutes",
    "buffer_after_minutes",
    "step_minutes",
    "minimum_notice_minutes",
    "horizon_days",
    "daily_limit_count",
    "daily_limit_minutes",
    "price_amount",
    "price_currency",
    "prepayment",
    "deposit_percent",
    "location",
    "color",
    "requires_confirmation",
    "assignment",
    "sharing",
    "reminder_minutes",
    "questions",
    "is_active",
)
_SLUG = re.compile(r"[a-z0-9](?:[a-z0-9-]{0,58}[a-z0-9])?")


class ServiceVersionConflict(StaleVersion):
    """The service was changed in the meantime."""


@dataclass(frozen=True, slots=True)
class ServiceTarget:
    """Which service to change, and which versions of it will do (None: any)."""

    business_id: int
    service_id: int
    versions: frozenset[int] | None = None


def create_service(
    business_id: int, fields: Mapping[str, Any], user_ids: Sequence[int], actor: Actor, now: int
) -> Service:
    """Store a service and who gives it; its slug comes from its name where none is given.

    Beside columns `fields` may hold `providers`, `{"user_id", "priority", "weight"}` for some of those who give it, and
    `needs`, as needs.py describes them. Raises InvalidFields, and NotInBusiness for a person who is no active member.
    """
    moment = datetime.fromtimestamp(now, UTC)
    fields, around = _parted(fields)
    with transaction.atomic():
        _lock_business(business_id)
        service = Service(business_id=business_id, created_at=moment, updated_at=moment, **fields)
        if "slug" not in fields:
            service.slug = _slug_from(service)
        _check(service, fields)
        service.save(force_insert=True)
        given_by = _set_providers(service, user_ids)
        after = {name: getattr(service, name) for name in {"slug": "", **fields}} | {"user_ids": given_by}
        after |= _set_around(service, around)
        record(Subject(business_id, "service", service.pk), "created", actor, None, after)
    return service


def update_service(
    target: ServiceTarget, fields: Mapping[str, Any], user_ids: Sequence[int] | None, actor: Actor
) -> Service:
    """Change the fields given, and who gives the service unless None. Stored appointments stay as they are.

    `fields` as for `create_service`. Raises NotInBusiness, InvalidFields and ServiceVersionConflict.
    """
    fields, around = _parted(fields)
    with transaction.atomic():
        _lock_business(target.business_id)
        service = _locked_service(target)
        state = {name: getattr(service, name) for name in FIELDS} | {"user_ids": user_ids_of(service)}
        state |= {"needs": needs_of(service), "providers": providers_of(service)}
        for name, value in fields.items():
            setattr(service, name, value)
        _check(service, fields)
        wanted = dict(fields)
        if user_ids is not None:
            wanted["user_ids"] = _set_providers(service, user_ids)
        wanted |= _set_around(service, around)
        before, after = changed_fields(state, wanted)
        if after:
            service.version += 1
            service.updated_at = datetime.now(UTC)
            service.save(force_update=True)
            subject = Subject(target.business_id, "service", service.pk, service.version)
            record(subject, "updated", actor, before, after)
    return service


def delete_service(target: ServiceTarget, actor: Actor) -> None:
    """Delete a service that no appointment refers to; any other is taken off offer and kept. Raises NotInBusiness."""
    with transaction.atomic():
        _lock_business(target.business_id)
        service = _locked_service(target)
        service_id, version, was_active = service.pk, service.version, service.is_active
        try:
            service.delete()
        except ProtectedError:
            if was_active:
                service.is_active, service.version, service.updated_at = False, version + 1, datetime.now(UTC)
                service.save(force_update=True)
                subject = Subject(target.business_id, "service", service_id, service.version)
                record(subject, "updated", actor, {"is_active": True}, {"is_active": False})
        else:
            subject = Subject(target.business_id, "service", service_id, version)
            record(subject, "deleted", actor, {"name": service.name, "slug": service.slug}, None)


def user_ids_of(service: Service) -> list[int]:
    """List who gives a service, by user id."""
    return sorted(provider.membership.user_id for provider in service.providers.select_related("membership"))


def providers_of(service: Service) -> list[dict[str, int]]:
    """List who gives a service, by user id, each with their priority and weight."""
    given = {one.membership.user_id: one for one in service.providers.select_related("membership")}
    return [
        {"user_id": user_id, "priority": given[user_id].priority, "weight": given[user_id].weight}
        for user_id in sorted(given)
    ]


def is_slug(text: str) -> bool:
    """Say whether a text can stand in an address: a-z, 0-9 and - inside, at most 60 characters."""
    return _SLUG.fullmatch(text) is not None


def _lock_business(business_id: int) -> None:
    # Two services that ask for one slug at once wait for one another here; bookings do not wait.
    Business.objects.select_for_update(no_key=True).get(pk=business_id)


def _locked_service(target: ServiceTarget) -> Service:
    found = Service.objects.in_business(target.business_id).select_for_update().filter(pk=target.service_id).first()
    if found is None:
        raise NotInBusiness
    if target.versions is not None and found.version not in target.versions:
        raise ServiceVersionConflict(found)
    return found


def _others(service: Service) -> Any:
    return Service.objects.in_business(service.business_id).exclude(pk=service.pk)


def _slug_from(service: Service) -> str:
    wanted = slugify(service.name).replace("_", "-")[:50].strip("-") or "service"
    return free_slug(wanted, _others(service).filter(slug__startswith=wanted).values_list("slug", flat=True))


def _check(service: Service, fields: Mapping[str, Any]) -> None:
    """Refuse what the types of the fields given let pass. Raises InvalidFields."""
    reasons = {}
    if not is_slug(service.slug):
        reasons["slug"] = "Use a-z, 0-9 and - between them, at most 60 characters."
    elif _others(service).filter(slug=service.slug).exists():
        reasons["slug"] = "Another service has it."
    for question in fields.get("questions", ()):
        if (question["kind"] == "choice") is not bool(question["choices"]):
            reasons["questions"] = "A question of kind choice needs choices, and no other kind takes them."
    if service.prepayment != PrepaymentKind.NONE and not service.price_amount:
        reasons["prepayment"] = gettext_noop("What is paid in advance needs a price.")
    if service.prepayment == PrepaymentKind.DEPOSIT and not 1 <= (service.deposit_percent or 0) <= 99:
        reasons["deposit_percent"] = gettext_noop("Say how much of the price it is: from 1 to 99 per cent.")
    minutes = fields.get("reminder_minutes") or []
    if len(set(minutes)) < len(minutes):
        reasons["reminder_minutes"] = "The same time stands there twice."
    if reasons:
        raise InvalidFields(reasons)


def _parted(fields: Mapping[str, Any]) -> tuple[dict[str, Any], dict[str, Any]]:
    """Divide what is said about a service into its own columns and what stands in other tables."""
    around = {name: fields[name] for name in ("providers", "needs") if name in fields}
    return {name: value for name, value in fields.items() if name not in around}, around


def _set_around(service: Service, around: Mapping[str, Any]) -> dict[str, Any]:
    """Store what stands in other tables, and say how it stands then. Raises InvalidFields."""
    stored: dict[str, Any] = {}
    if "needs" in around:
        stored["needs"] = set_needs(service, around["needs"])
    if "providers" in around:
        for one in around["providers"]:
            places = service.providers.filter(membership__user_id=one["user_id"])
            places.update(priority=one["priority"], weight=one["weight"])
        stored["providers"] = providers_of(service)
    return stored


def _set_providers(service: Service, user_ids: Sequence[int]) -> list[int]:
    """Let exactly these people give a service; who gives it already may stay, even while suspended."""
    given = {provider.membership.user_id: provider for provider in service.providers.select_related("membership")}
    wanted = set(user_ids)
    new = Membership.objects.in_business(service.business_id).active().filter(user_id__in=wanted - given.keys())
    memberships = list(new)
    if len(memberships) < len(wanted - given.keys()):
        raise NotInBusiness
    service.providers.filter(pk__in=[given[user_id].pk for user_id in given.keys() - wanted]).delete()
    ServiceProvider.objects.bulk_create(
        ServiceProvider(service=service, membership=membership) for membership in memberships
    )
    return sorted(wanted)
