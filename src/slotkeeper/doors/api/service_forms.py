"""The shapes of services on the wire, and the way between them and the verbs' fields."""

from enum import StrEnum
from operator import itemgetter
from typing import Annotated, Any, TypeAlias

import msgspec
from msgspec import UNSET, Meta, UnsetType

from slotkeeper.doors.api.appointment_forms import Location, LongText
from slotkeeper.doors.api.people import Color, Currency, Name, Slug
from slotkeeper.doors.api.problems import Problem, bad_field
from slotkeeper.doors.ids import known_id
from slotkeeper.offerings.models import KIND_CHARACTERS, Service
from slotkeeper.offerings.needs import MOST_NEEDS, MOST_OF_A_KIND, needs_of
from slotkeeper.people.callers import Caller
from slotkeeper.rules.local_time import TimeForm
from slotkeeper.rules.reminder_plan import LEAST_MINUTES, MOST_MINUTES, MOST_REMINDERS
from slotkeeper.rules.sharing_out import FIRST_PRIORITY, LAST_PRIORITY, MOST_WEIGHT, USUAL_PRIORITY, Sharing

# A service fits into a day: its slots are looked for in a window of one more day on either side.
MinutesOfADay: TypeAlias = Annotated[int, Meta(ge=1, le=1440)]
BufferMinutes: TypeAlias = Annotated[int, Meta(ge=0, le=1440)]
ReminderMinutes: TypeAlias = Annotated[
    list[Annotated[int, Meta(ge=LEAST_MINUTES, le=MOST_MINUTES)]],
    Meta(max_length=MOST_REMINDERS, description="Minutes before the start. Null: 24 hours and 2 hours; []: none."),
]
UserIds: TypeAlias = Annotated[list[int], Meta(max_length=200)]


class Assignment(StrEnum):
    """Who gives a service: whoever is free, the one the customer chooses, or all together."""

    ANY = "any"
    CHOSEN = "chosen"
    ALL = "all"


class Prepayment(StrEnum):
    """What a customer pays when booking: nothing, a share of the price (`deposit_percent`), or all of it."""

    NONE = "none"
    DEPOSIT = "deposit"
    FULL = "full"


class ProviderPlace(msgspec.Struct, forbid_unknown_fields=True):
    """A member who gives the service: 1 is asked first by priority; weight 2 gets twice the turns of a rotation."""

    user_id: int
    priority: Annotated[int, Meta(ge=FIRST_PRIORITY, le=LAST_PRIORITY)] = USUAL_PRIORITY
    weight: Annotated[int, Meta(ge=1, le=MOST_WEIGHT)] = 1


class Need(msgspec.Struct, forbid_unknown_fields=True, omit_defaults=True):
    """What a service needs: a certain resource, or so many of a kind, whichever are free."""

    resource_id: int | UnsetType = UNSET
    kind: Annotated[str, Meta(max_length=KIND_CHARACTERS, pattern=r"\S")] | UnsetType = UNSET
    quantity: Annotated[int, Meta(ge=1, le=MOST_OF_A_KIND)] | UnsetType = UNSET


class QuestionKind(StrEnum):
    """How a question is answered."""

    TEXT = "text"
    LONG_TEXT = "long_text"
    CHOICE = "choice"
    CHECKBOX = "checkbox"


class Price(msgspec.Struct, forbid_unknown_fields=True):
    """An amount of money in minor units."""

    amount: Annotated[int, Meta(ge=0, le=10**12)]
    currency: Currency


class Question(msgspec.Struct, forbid_unknown_fields=True):
    """What a customer is asked when booking; only `choice` takes choices, and needs them."""

    label: Annotated[str, Meta(max_length=200, pattern=r"\S")]
    kind: QuestionKind = QuestionKind.TEXT
    is_required: bool = False
    choices: Annotated[list[Annotated[str, Meta(max_length=100, pattern=r"\S")]], Meta(max_length=50)] = []


Questions: TypeAlias = Annotated[list[Question], Meta(max_length=20)]


class ServiceFields(msgspec.Struct, forbid_unknown_fields=True, kw_only=True):
    """What can be said about a service."""

    slug: Slug | UnsetType = UNSET
    description: LongText | UnsetType = UNSET
    duration_minutes: MinutesOfADay | UnsetType = UNSET
    buffer_before_minutes: BufferMinutes | UnsetType = UNSET
    buffer_after_minutes: BufferMinutes | UnsetType = UNSET
    step_minutes: MinutesOfADay | None | UnsetType = UNSET
    minimum_notice_minutes: Annotated[int, Meta(ge=0, le=525_600)] | UnsetType = UNSET
    horizon_days: Annotated[int, Meta(ge=1, le=730)] | UnsetType = UNSET
    daily_limit_count: Annotated[int, Meta(ge=1, le=1000)] | None | UnsetType = UNSET
    daily_limit_minutes: MinutesOfADay | None | UnsetType = UNSET
    price: Price | None | UnsetType = UNSET
    prepayment: Prepayment | UnsetType = UNSET
    deposit_percent: Annotated[int, Meta(ge=1, le=99)] | None | UnsetType = UNSET
    location: Location | UnsetType = UNSET
    color: Color | UnsetType = UNSET
    requires_confirmation: bool | UnsetType = UNSET
    assignment: Assignment | UnsetType = UNSET
    sharing: Sharing | UnsetType = UNSET
    providers: Annotated[list[ProviderPlace], Meta(max_length=200)] | UnsetType = UNSET
    needs: Annotated[list[Need], Meta(max_length=MOST_NEEDS)] | UnsetType = UNSET
    reminder_minutes: ReminderMinutes | None | UnsetType = UNSET
    user_ids: UserIds | UnsetType = UNSET
    questions: Questions | UnsetType = UNSET
    is_active: bool | UnsetType = UNSET


class NewService(ServiceFields, forbid_unknown_fields=True, kw_only=True):
    """What storing a service takes: a name; 30 minutes and no rules where nothing else is said."""

    name: Name


class ServiceChanges(ServiceFields, forbid_unknown_fields=True, kw_only=True):
    """What changing a service takes: fields left out stay, null clears."""

    name: Name | UnsetType = UNSET
    version: int | UnsetType = UNSET


class ServiceOut(msgspec.Struct):
    """A service; where `step_minutes` is null, slots follow one another by its duration."""

    id: int
    name: str
    slug: str
    description: str | None
    duration_minutes: int
    buffer_before_minutes: int
    buffer_after_minutes: int
    step_minutes: int | None
    minimum_notice_minutes: int
    horizon_days: int
    daily_limit_count: int | None
    daily_limit_minutes: int | None
    price: Price | None
    prepayment: Prepayment
    deposit_percent: int | None
    location: str | None
    color: str
    requires_confirmation: bool
    assignment: Assignment
    sharing: Sharing
    providers: list[ProviderPlace]
    needs: list[Need]
    reminder_minutes: ReminderMinutes | None
    user_ids: list[int]
    questions: list[Question]
    is_active: bool
    created_at: str
    updated_at: str
    version: int


class ServiceList(msgspec.Struct):
    """A page of services, oldest first."""

    services: list[ServiceOut]
    next_cursor: str | None


class ServiceRefusal(Problem, frozen=True, omit_defaults=True):
    """A 409 or 412 with the current row."""

    current: ServiceOut | UnsetType = UNSET


_PLAIN = (
    "name",
    "slug",
    "duration_minutes",
    "buffer_before_minutes",
    "buffer_after_minutes",
    "step_minutes",
    "minimum_notice_minutes",
    "horizon_days",
    "daily_limit_count",
    "daily_limit_minutes",
    "prepayment",
    "deposit_percent",
    "color",
    "requires_confirmation",
    "assignment",
    "sharing",
    "reminder_minutes",
    "is_active",
    "version",
)


def read_service(body: ServiceFields) -> tuple[dict[str, Any], list[int] | None]:
    """Read the fields that a body gives, and who shall give the service (None: not said). Raises ApiProblem."""
    given = {name: value for name, value in msgspec.structs.asdict(body).items() if value is not UNSET}
    given.pop("version", None)
    user_ids = given.pop("user_ids", None)
    if "providers" in given:
        given["providers"] = msgspec.to_builtins(given["providers"])
        user_ids = _user_ids_of(given["providers"], user_ids)
    if "needs" in given:
        given["needs"] = [_read_need(need) for need in given["needs"]]
    for name in {"description", "location"} & given.keys():
        given[name] = given[name] or ""
    if "price" in given:
        price = given.pop("price")
        given["price_amount"] = None if price is None else price.amount
        given["price_currency"] = "" if price is None else price.currency
    if "questions" in given:
        given["questions"] = msgspec.to_builtins(given["questions"])
    for name in {"assignment", "sharing", "prepayment"} & given.keys():
        given[name] = given[name].value
    if given.get("reminder_minutes"):
        given["reminder_minutes"] = sorted(given["reminder_minutes"], reverse=True)
    if "color" in given:
        given["color"] = given["color"].lower()
    return given, None if user_ids is None else [known_id(user_id) for user_id in user_ids]


def _user_ids_of(providers: list[dict[str, int]], user_ids: list[int] | None) -> list[int]:
    named = [one["user_id"] for one in providers]
    if len(set(named)) < len(named) or (user_ids is not None and set(user_ids) != set(named)):
        raise bad_field("providers", "INVALID_FIELD", "Name everybody who gives the service once, as in user_ids.")
    return named


def _read_need(need: Need) -> dict[str, Any]:
    is_kind = need.kind is not UNSET
    if is_kind is (need.resource_id is not UNSET) or (need.quantity is not UNSET and not is_kind):
        sentence = "Each need names either a resource_id, or a kind and a quantity."
        raise bad_field("needs", "INVALID_FIELD", sentence)
    if need.resource_id is not UNSET:
        return {"resource_id": known_id(need.resource_id)}
    return {"kind": str(need.kind).strip(), "quantity": 1 if need.quantity is UNSET else need.quantity}


def write_service(service: Service, caller: Caller) -> dict[str, Any]:
    """Write a service as ServiceOut describes it."""
    form = TimeForm.with_offset(caller.time_zone)
    price = None
    if service.price_amount is not None:
        price = {"amount": service.price_amount, "currency": service.price_currency}
    return {
        "id": service.pk,
        **{name: getattr(service, name) for name in _PLAIN},
        "description": service.description or None,
        "location": service.location or None,
        "price": price,
        "user_ids": sorted(provider.membership.user_id for provider in service.providers.all()),
        "providers": sorted(
            (
                {"user_id": one.membership.user_id, "priority": one.priority, "weight": one.weight}
                for one in service.providers.all()
            ),
            key=itemgetter("user_id"),
        ),
        "needs": needs_of(service),
        "questions": service.questions,
        "created_at": form.write(int(service.created_at.timestamp())),
        "updated_at": form.write(int(service.updated_at.timestamp())),
    }
