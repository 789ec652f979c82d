"""What people change about how they sign in, in the record of changes: allauth does it, and tells us by its signals."""

from typing import Any

from allauth.account.signals import (
    email_added,
    email_changed,
    email_removed,
    password_changed,
    password_reset,
    password_set,
)
from allauth.mfa.signals import authenticator_added, authenticator_removed, authenticator_reset
from django.dispatch import Signal
from django.http import HttpRequest

from slotkeeper.changes.record import Actor, Subject, record
from slotkeeper.doors.source import DASHBOARD, named_source
from slotkeeper.people.models import Membership, User

_VERBS: dict[Signal, str] = {
    password_changed: "password changed",
    password_set: "password set",
    password_reset: "password reset",
    email_added: "address added",
    email_changed: "address changed",
    email_removed: "address removed",
    authenticator_added: "second factor added",
    authenticator_removed: "second factor removed",
    authenticator_reset: "recovery codes made",
}


def keep(signal: Signal, request: HttpRequest, user: User, **told: Any) -> None:
    """Write it down in every business where the person works; no password, no code and no key is ever in it."""
    authenticator = told.get("authenticator")
    about = None if authenticator is None else {"kind": str(authenticator.type)}
    for membership in Membership.objects.active().filter(user=user).order_by("pk"):
        actor = Actor("member", membership.pk, str(user), named_source(DASHBOARD, request))
        record(Subject(membership.business_id, "user", user.pk), _VERBS[signal], actor, None, about)


for _signal in _VERBS:
    _signal.connect(keep, dispatch_uid="slotkeeper: account trail")
