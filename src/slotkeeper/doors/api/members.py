"""Members over HTTP: role, grants and limits, suspending, removing, leaving, handing the business on."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http import HTTPStatus

import msgspec
from django.http import HttpResponse
from msgspec import UNSET

from slotkeeper.appointments.leaving import HasAppointments, remove_member
from slotkeeper.changes.record import Actor
from slotkeeper.doors.api.appointment_forms import write_appointment
from slotkeeper.doors.api.appointments import NoFields, now
from slotkeeper.doors.api.base import (
    NOT_FOUND,
    At,
    Body,
    JsonEndpoint,
    OptionalBody,
    Query,
    answer,
    answer_nothing,
    answers,
)
from slotkeeper.doors.api.member_forms import (
    MemberChanges,
    MemberList,
    MemberOut,
    MemberPath,
    MemberRefusal,
    Removal,
    WhatOfAppointments,
    write_member,
    write_members,
)
from slotkeeper.doors.api.paging import read_cursor, write_cursor
from slotkeeper.doors.api.people import PageQuery
from slotkeeper.doors.api.problems import ApiProblem, not_permitted
from slotkeeper.doors.api.versions import accepted_versions, answer_versioned, refusing_stale
from slotkeeper.doors.ids import known_id
from slotkeeper.offerings.limits import update_member
from slotkeeper.people import members
from slotkeeper.people.members import MemberTarget
from slotkeeper.people.models import Membership
from slotkeeper.rules.local_time import TimeForm
from slotkeeper.rules.permissions import Permission

_REFUSALS = NOT_FOUND | {
    HTTPStatus.CONFLICT: "Stale `version`, or the business would be left without an owner.",
    HTTPStatus.PRECONDITION_FAILED: "Stale If-Match.",
}
_GOING = _REFUSALS | {
    HTTPStatus.CONFLICT: "The last owner cannot go; nor can, unless they are kept, who has `appointments` to come."
}


class Members(JsonEndpoint):
    """The team."""

    permissions = {"GET": Permission.MEMBERS_READ}

    @answers(MemberList)
    def get(self, parsed_query: Query[PageQuery]) -> HttpResponse:
        """List who belongs to the business, suspended or not."""
        found = Membership.objects.in_business(self.caller.business_id).current().select_related("user").order_by("pk")
        after = read_cursor(parsed_query.cursor, 1)
        if after:
            found = found.filter(pk__gt=after[0])
        page = list(found[: parsed_query.limit + 1])
        shown = page[: parsed_query.limit]
        cursor = write_cursor(shown[-1].pk) if len(page) > len(shown) else None
        return answer({"members": write_members(shown, self.caller), "next_cursor": cursor})


class OneMember(JsonEndpoint):
    """One member."""

    permissions = {
        "GET": Permission.MEMBERS_READ,
        "PUT": Permission.MEMBERS_WRITE,
        "PATCH": Permission.MEMBERS_WRITE,
    }

    @answers(MemberOut, refusals=NOT_FOUND, headers=("ETag",))
    def get(self, parsed_path: At[MemberPath]) -> HttpResponse:
        """Read one member."""
        member = members.find_member(self.caller.business_id, known_id(parsed_path.member_id))
        return answer_versioned(write_member(member, self.caller), member.version)

    @answers(MemberOut, refusals=_REFUSALS, problem=MemberRefusal, headers=("ETag",))
    def put(self, parsed_path: At[MemberPath], parsed_body: Body[MemberChanges]) -> HttpResponse:
        """Change role, grants and limits: the fields sent. Owners and admins have neither grants nor limits."""
        return self._change(parsed_path.member_id, parsed_body)

    @answers(MemberOut, refusals=_REFUSALS, problem=MemberRefusal, headers=("ETag",))
    def patch(self, parsed_path: At[MemberPath], parsed_body: Body[MemberChanges]) -> HttpResponse:
        """Change the fields sent; the same as PUT."""
        return self._change(parsed_path.member_id, parsed_body)

    def _change(self, member_id: int, body: MemberChanges) -> HttpResponse:
        fields = {name: value for name, value in msgspec.structs.asdict(body).items() if value is not UNSET}
        fields.pop("version", None)
        versions = accepted_versions(self, body.version)
        target = MemberTarget(self.caller.business_id, known_id(member_id), versions)
        with _refusing(self):
            member = update_member(target, fields, self.caller.actor)
        return answer_versioned(write_member(member, self.caller), member.version)


class SuspendMember(JsonEndpoint):
    """Suspending."""

    permissions = {"POST": Permission.MEMBERS_WRITE}

    @answers(MemberOut, refusals=_REFUSALS, problem=MemberRefusal, headers=("ETag",))
    def post(self, parsed_path: At[MemberPath], parsed_body: OptionalBody[NoFields]) -> HttpResponse:
        """Let a member do nothing until they are reinstated: sessions end, tokens are refused meanwhile."""
        del parsed_body
        return _move(self, parsed_path.member_id, members.suspend_member)


class ReinstateMember(JsonEndpoint):
    """Reinstating."""

    permissions = {"POST": Permission.MEMBERS_WRITE}

    @answers(MemberOut, refusals=_REFUSALS, problem=MemberRefusal, headers=("ETag",))
    def post(self, parsed_path: At[MemberPath], parsed_body: OptionalBody[NoFields]) -> HttpResponse:
        """Let a suspended member act again."""
        del parsed_body
        return _move(self, parsed_path.member_id, members.reinstate_member)


class TransferOwnership(JsonEndpoint):
    """Handing the business on."""

    permissions = {"POST": Permission.MEMBERS_WRITE}

    @answers(MemberOut, refusals=_REFUSALS, problem=MemberRefusal, headers=("ETag",))
    def post(self, parsed_path: At[MemberPath], parsed_body: OptionalBody[NoFields]) -> HttpResponse:
        """Make another active member an owner and oneself an admin; only owners can."""
        del parsed_body
        return _move(self, parsed_path.member_id, members.transfer_ownership)


class RemoveMember(JsonEndpoint):
    """Removing."""

    exclude_validate_responses = frozenset({HTTPStatus.NO_CONTENT})  # an empty answer has no type to check
    permissions = {"POST": Permission.MEMBERS_WRITE}

    @answers(None, HTTPStatus.NO_CONTENT, refusals=_GOING, problem=MemberRefusal)
    def post(self, parsed_path: At[MemberPath], parsed_body: OptionalBody[Removal]) -> HttpResponse:
        """Remove a member; their tokens and sessions end at once. Appointments to come are listed and refuse it."""
        return _remove(self, parsed_path.member_id, parsed_body)


class LeaveBusiness(JsonEndpoint):
    """Leaving."""

    exclude_validate_responses = frozenset({HTTPStatus.NO_CONTENT})  # an empty answer has no type to check
    permissions = {"POST": Permission.SELF_WRITE}

    @answers(None, HTTPStatus.NO_CONTENT, refusals=_GOING, problem=MemberRefusal)
    def post(self, parsed_path: At[MemberPath], parsed_body: OptionalBody[Removal]) -> HttpResponse:
        """Leave the business: only for oneself."""
        member = members.find_member(self.caller.business_id, known_id(parsed_path.member_id))
        if member.pk != self.caller.membership_id:
            raise not_permitted("You can leave only for yourself.")
        return _remove(self, member.pk, parsed_body)


def _move(
    endpoint: JsonEndpoint, member_id: int, verb: Callable[[MemberTarget, Actor], Membership]
) -> HttpResponse:  # fmt: skip
    caller = endpoint.caller
    target = MemberTarget(caller.business_id, known_id(member_id), accepted_versions(endpoint, UNSET))
    with _refusing(endpoint):
        member = verb(target, caller.actor)
    return answer_versioned(write_member(member, caller), member.version)


def _remove(endpoint: JsonEndpoint, member_id: int, body: Removal) -> HttpResponse:
    caller = endpoint.caller
    target = MemberTarget(caller.business_id, known_id(member_id), accepted_versions(endpoint, UNSET))
    keeps = body.appointments is WhatOfAppointments.KEEP
    try:
        with _refusing(endpoint):
            remove_member(target, caller.actor, now(), keeps_appointments=keeps)
    except HasAppointments as error:
        form = TimeForm.with_offset(caller.time_zone)
        extra = {"appointments": [write_appointment(row, form, caller) for row in error.appointments]}
        raise ApiProblem(HTTPStatus.CONFLICT, "HAS_APPOINTMENTS", str(error.__doc__), extra=extra) from None
    return answer_nothing()


@contextmanager
def _refusing(endpoint: JsonEndpoint) -> Iterator[None]:
    with refusing_stale(endpoint.request, lambda current: write_member(current, endpoint.caller)):
        yield
