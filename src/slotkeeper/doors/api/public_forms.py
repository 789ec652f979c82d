"""The shapes of the API without a token on the wire."""

from typing import Annotated, Literal

import msgspec
from msgspec import UNSET, Meta, UnsetType

from slotkeeper.doors.api.appointment_forms import Time, ZoneName
from slotkeeper.doors.api.problems import Problem
from slotkeeper.offerings.questions import MAX_ANSWER_CHARACTERS
from slotkeeper.rules.appointment_status import Status

Name = Annotated[str, Meta(max_length=100, pattern=r"\S")]
Email = Annotated[str, Meta(max_length=255, pattern=r"^[^@\s]+@[^@\s]+$")]
Phone = Annotated[str, Meta(max_length=20)]
Notes = Annotated[str, Meta(max_length=2000)]
AssignmentName = Literal["any", "chosen", "all"]
PrepaymentName = Literal["none", "deposit", "full"]
HoldText = Annotated[str, Meta(max_length=200)]
AnswerText = Annotated[str, Meta(max_length=MAX_ANSWER_CHARACTERS)]


class BusinessPath(msgspec.Struct):
    """Whose page it is."""

    business: str


class PublicSlotsQuery(msgspec.Struct):
    """Which service, in which stretch of time, given by whom (left out: by whoever is free)."""

    service_id: int
    start: Time
    end: Time
    user_id: int | None = None
    time_zone: ZoneName | None = None


class NewHold(msgspec.Struct, forbid_unknown_fields=True):
    """The time to keep free; `hold`, an earlier one of the same customer, is given up for it."""

    service_id: int
    start: Time
    user_id: int | None = None
    hold: HoldText | None = None
    time_zone: ZoneName | UnsetType = UNSET


class AnswerIn(msgspec.Struct, forbid_unknown_fields=True):
    """An answer to one of the service's questions, repeated as it was asked."""

    question: AnswerText
    answer: AnswerText


class NewBooking(msgspec.Struct, forbid_unknown_fields=True):
    """What a customer books; `hold` is what keeping the time free answered."""

    service_id: int
    start: Time
    name: Name
    email: Email
    phone: Phone | None = None
    notes: Notes | None = None
    answers: Annotated[list[AnswerIn], Meta(max_length=50)] = []
    user_id: int | None = None
    hold: HoldText | None = None
    time_zone: ZoneName | UnsetType = UNSET


class PriceOut(msgspec.Struct):
    """An amount in minor units."""

    amount: int
    currency: str


class QuestionOut(msgspec.Struct):
    """A question for whoever books; `choices` are the only answers where there are any."""

    question: str
    kind: str
    is_required: bool
    choices: list[str]


class GiverOut(msgspec.Struct):
    """Somebody whom the customer may choose."""

    id: int
    name: str


class PublicService(msgspec.Struct):
    """A service as customers see it."""

    id: int
    name: str
    slug: str
    description: str
    duration_minutes: int
    price: PriceOut | None
    location: str
    color: str
    requires_confirmation: bool
    prepayment: PrepaymentName
    deposit_percent: int | None
    assignment: AssignmentName
    users: list[GiverOut]
    questions: list[QuestionOut]


class PublicServices(msgspec.Struct):
    """What a business offers."""

    business: str
    time_zone: str
    services: list[PublicService]


class PublicSlot(msgspec.Struct, gc=False):
    """A time that can be booked."""

    start: str
    end: str


class PublicSlots(msgspec.Struct):
    """The times that can be booked, by start."""

    time_zone: str
    slots: list[PublicSlot]


class HoldOut(msgspec.Struct):
    """A time kept free until `expires_at`; `hold` goes with the booking."""

    hold: str
    start: str
    end: str
    expires_at: str


class PublicBooking(msgspec.Struct):
    """A booking, for its customer; the page at `manage_url` lets whoever has the address move or cancel it."""

    service_id: int
    start: str
    end: str
    status: Status
    location: str | None
    manage_url: str


class PublicReason(msgspec.Struct):
    """Why a time cannot be booked."""

    code: str
    detail: str


class PublicRefusal(Problem, frozen=True, omit_defaults=True):
    """A 409: why the time cannot be booked, and the next ones that can."""

    reasons: list[PublicReason] | UnsetType = UNSET
    suggested_slots: list[PublicSlot] | UnsetType = UNSET
