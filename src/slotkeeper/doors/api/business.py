"""Who the caller is, and their business with its logo, over HTTP."""

from http import HTTPStatus
from typing import Annotated

import msgspec
from django.conf import settings
from django.http import HttpResponse
from django.urls import reverse
from msgspec import UNSET, Meta, UnsetType

from slotkeeper.doors.api.appointment_forms import LongText, ZoneName
from slotkeeper.doors.api.base import Body, JsonEndpoint, PictureBody, answer, answer_nothing, answers
from slotkeeper.doors.api.people import Color, Currency, Name, Slug
from slotkeeper.doors.api.problems import Problem, bad_field
from slotkeeper.doors.api.versions import STALE_VERSION, accepted_versions, answer_versioned, refusing_stale
from slotkeeper.people.business import update_business
from slotkeeper.people.logo import find_logo, remove_logo, set_logo
from slotkeeper.people.models import Business, User
from slotkeeper.rules.local_time import is_zone
from slotkeeper.rules.permissions import Permission, Role, Scope

ContactEmail = Annotated[
    str, Meta(max_length=255, description="Customers’ answers to messages go there.", examples=["desk@example.com"])
]


class UserOut(msgspec.Struct):
    """A person."""

    id: int
    name: str
    email: str
    time_zone: str


class BusinessOut(msgspec.Struct):
    """A business."""

    id: int
    name: str
    slug: str
    time_zone: str
    locale: str
    currency: str
    introduction: str | None
    accent_color: str | None
    logo_url: str | None
    self_service_cutoff_minutes: int
    contact_email: str | None
    requires_second_factor: bool
    version: int


class Me(msgspec.Struct):
    """Who the token or session is."""

    user: UserOut
    business: BusinessOut
    role: Role
    scope: Scope
    permissions: list[str]
    time_zone: str


class BusinessChanges(msgspec.Struct, forbid_unknown_fields=True):
    """What changing a business takes: fields left out stay, null clears."""

    name: Name | UnsetType = UNSET
    slug: Slug | UnsetType = UNSET
    time_zone: ZoneName | UnsetType = UNSET
    locale: Annotated[str, Meta(pattern=r"^[a-z]{2,3}(-[A-Za-z0-9]{2,8})?$", max_length=16)] | UnsetType = UNSET
    currency: Currency | UnsetType = UNSET
    introduction: LongText | UnsetType = UNSET
    accent_color: Color | None | UnsetType = UNSET
    self_service_cutoff_minutes: Annotated[int, Meta(ge=0, le=525_600)] | UnsetType = UNSET
    contact_email: ContactEmail | None | UnsetType = UNSET
    requires_second_factor: bool | UnsetType = UNSET
    version: int | UnsetType = UNSET


class BusinessRefusal(Problem, frozen=True, omit_defaults=True):
    """A 409 or 412 with the business as it is now."""

    current: BusinessOut | UnsetType = UNSET


class MeEndpoint(JsonEndpoint):
    """The caller."""

    permissions = {"GET": Permission.SELF_READ}

    @answers(Me)
    def get(self) -> HttpResponse:
        """Say who the token belongs to and what it may do."""
        caller = self.caller
        user = User.objects.get(pk=caller.user_id)
        business = Business.objects.get(pk=caller.business_id)
        allowed = sorted(permission for permission in Permission if caller.may(permission))
        return answer(
            Me(
                user=UserOut(user.pk, user.name, user.email, user.time_zone),
                business=_business(business),
                role=caller.role,
                scope=caller.scope,
                permissions=[str(permission) for permission in allowed],
                time_zone=caller.time_zone,
            )
        )


class BusinessEndpoint(JsonEndpoint):
    """The caller's business."""

    permissions = {
        "GET": Permission.BUSINESS_READ,
        "PUT": Permission.SETTINGS_WRITE,
        "PATCH": Permission.SETTINGS_WRITE,
    }

    @answers(BusinessOut, headers=("ETag",))
    def get(self) -> HttpResponse:
        """Read the business."""
        return _answer_business(Business.objects.get(pk=self.caller.business_id))

    @answers(BusinessOut, refusals=STALE_VERSION, problem=BusinessRefusal, headers=("ETag",))
    def put(self, parsed_body: Body[BusinessChanges]) -> HttpResponse:
        """Change the fields sent."""
        return self._change(parsed_body)

    @answers(BusinessOut, refusals=STALE_VERSION, problem=BusinessRefusal, headers=("ETag",))
    def patch(self, parsed_body: Body[BusinessChanges]) -> HttpResponse:
        """Change the fields sent; the same as PUT."""
        return self._change(parsed_body)

    def _change(self, body: BusinessChanges) -> HttpResponse:
        fields = {name: value for name, value in msgspec.structs.asdict(body).items() if value is not UNSET}
        fields.pop("version", None)
        versions = accepted_versions(self, body.version)
        if "time_zone" in fields and not is_zone(fields["time_zone"]):
            raise bad_field("time_zone", "INVALID_FIELD", "It is no IANA time zone such as Europe/Berlin.")
        for name in {"introduction", "accent_color", "contact_email"} & fields.keys():
            fields[name] = (fields[name] or "").strip()
        with refusing_stale(self.request, _business):
            changed = update_business(self.caller.business_id, fields, self.caller.actor, versions)
        return _answer_business(changed)


class BusinessLogoEndpoint(JsonEndpoint):
    """The picture on the business's public page."""

    exclude_validate_responses = frozenset({HTTPStatus.NO_CONTENT})  # an empty answer has no type to check
    permissions = {"PUT": Permission.SETTINGS_WRITE, "DELETE": Permission.SETTINGS_WRITE}

    @answers(BusinessOut, headers=("ETag",))
    def put(self, parsed_body: PictureBody) -> HttpResponse:
        """Show another logo. The body is the picture itself: PNG, JPEG or WebP."""
        set_logo(self.caller.business_id, parsed_body, self.caller.actor)
        return _answer_business(Business.objects.get(pk=self.caller.business_id))

    @answers(None, HTTPStatus.NO_CONTENT)
    def delete(self) -> HttpResponse:
        """Show no logo any more."""
        remove_logo(self.caller.business_id, self.caller.actor)
        return answer_nothing()


def _answer_business(business: Business) -> HttpResponse:
    return answer_versioned(_business(business), business.version)


def _business(business: Business) -> BusinessOut:
    logo = find_logo(business.pk)
    logo_place = None if logo is None else reverse("public_logo", args=[business.slug, logo.digest])
    return BusinessOut(
        id=business.pk,
        name=business.name,
        slug=business.slug,
        time_zone=business.time_zone,
        locale=business.locale,
        currency=business.currency,
        introduction=business.introduction or None,
        accent_color=business.accent_color or None,
        logo_url=None if logo_place is None else settings.CONFIGURATION.url.rstrip("/") + logo_place,
        self_service_cutoff_minutes=business.self_service_cutoff_minutes,
        contact_email=business.contact_email or None,
        requires_second_factor=business.requires_second_factor,
        version=business.version,
    )
