"""What things, verbs and fields are called in the audit trail."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from django.urls import reverse
from django.utils.functional import Promise
from django.utils.translation import gettext, pgettext_lazy
from django.utils.translation import gettext_lazy as _

from slotkeeper.changes.models import Change
from slotkeeper.doors.dashboard.history import FIELDS, ChangedField, moment_in_words
from slotkeeper.people.callers import Caller
from slotkeeper.rules.permissions import Permission


@dataclass(frozen=True, slots=True)
class Kind:
    """What a thing is called; and the page about it, with the permission that this asks for."""

    words: str | Promise
    page: str = ""
    permission: Permission = Permission.SETTINGS_WRITE
    has_own_page: bool = True  # else the page is about all of them


KINDS: dict[str, Kind] = {
    "appointment": Kind(pgettext_lazy("audit trail", "Appointment"), "appointment", Permission.APPOINTMENTS_READ),
    "contact": Kind(pgettext_lazy("audit trail", "Customer"), "customer", Permission.CONTACTS_READ),
    "service": Kind(pgettext_lazy("audit trail", "Service"), "service_edit", Permission.SERVICES_WRITE),
    "resource": Kind(pgettext_lazy("audit trail", "Resource"), "resource", Permission.FREEBUSY_READ),
    "opening_hours": Kind(_("Weekly hours")),
    "date_override": Kind(_("Hours on one date")),
    "time_off": Kind(_("Time off")),
    "closure": Kind(_("Closed day"), "closures", Permission.CLOSURES_WRITE, has_own_page=False),
    "holiday_calendar": Kind(_("Public holidays"), "closures", Permission.CLOSURES_WRITE, has_own_page=False),
    "business": Kind(_("Settings"), "settings", has_own_page=False),
    "user": Kind(_("Account")),
    "membership": Kind(_("Member"), "member", Permission.MEMBERS_READ),
    "invitation": Kind(pgettext_lazy("audit trail", "Invitation"), "team", Permission.MEMBERS_READ, has_own_page=False),
    "token": Kind(_("API token"), "tokens", Permission.TOKENS_READ, has_own_page=False),
    "calendar_connection": Kind(_("Connected calendar")),
    "calendar_feed": Kind(_("Calendar feed")),
    "calendar_proposal": Kind(_("Change in a connected calendar")),
    "message": Kind(_("Message"), "messages", Permission.MESSAGES_READ, has_own_page=False),
    "message_template": Kind(_("Wording of a message"), "wordings", Permission.MESSAGES_READ, has_own_page=False),
    "message_choices": Kind(_("Which messages are sent"), "wordings", Permission.MESSAGES_READ, has_own_page=False),
    "webhook_endpoint": Kind(_("Webhook endpoint"), "webhook", Permission.WEBHOOKS_READ),
    "webhook_delivery": Kind(_("Webhook delivery")),
    "quote": Kind(pgettext_lazy("audit trail", "Quote"), "quote", Permission.MONEY_READ),
    "invoice": Kind(pgettext_lazy("audit trail", "Invoice"), "invoice", Permission.MONEY_READ),
    "prepayment": Kind(_("Payment in advance")),
    "billing_profile": Kind(_("Billing settings"), "billing_settings", Permission.MONEY_READ, has_own_page=False),
    "refusal": Kind(_("Refused attempt")),
}
_DID = {
    "accepted": pgettext_lazy("audit trail", "accepted it"),
    "address added": pgettext_lazy("audit trail", "added an address"),
    "address changed": pgettext_lazy("audit trail", "changed the address"),
    "address removed": pgettext_lazy("audit trail", "removed an address"),
    "booked": pgettext_lazy("audit trail", "booked it"),
    "calendar chosen": pgettext_lazy("audit trail", "chose what a calendar is for"),
    "canceled": pgettext_lazy("audit trail", "canceled it"),
    "closed": pgettext_lazy("audit trail", "closed on them"),
    "completed": pgettext_lazy("audit trail", "completed it"),
    "confirmed": pgettext_lazy("audit trail", "confirmed it"),
    "connected": pgettext_lazy("audit trail", "connected it"),
    "created": pgettext_lazy("audit trail", "added it"),
    "credited": pgettext_lazy("audit trail", "credited it"),
    "declined": pgettext_lazy("audit trail", "declined it"),
    "deleted": pgettext_lazy("audit trail", "deleted it"),
    "disconnected": pgettext_lazy("audit trail", "disconnected it"),
    "dismissed": pgettext_lazy("audit trail", "dismissed it"),
    "disputed": pgettext_lazy("audit trail", "disputes the payment"),
    "erased": pgettext_lazy("audit trail", "erased the customer"),
    "expired": pgettext_lazy("audit trail", "let it expire"),
    "invoiced": pgettext_lazy("audit trail", "invoiced it"),
    "issued": pgettext_lazy("audit trail", "issued it"),
    "left": pgettext_lazy("audit trail", "left the business"),
    "missed": pgettext_lazy("audit trail", "paid when the time was gone"),
    "no_show": pgettext_lazy("audit trail", "noted that the customer did not come"),
    "opened": pgettext_lazy("audit trail", "opened on them again"),
    "paid": pgettext_lazy("audit trail", "noted that it is paid"),
    "partly_paid": pgettext_lazy("audit trail", "noted a part of the payment"),
    "password changed": pgettext_lazy("audit trail", "changed the password"),
    "password reset": pgettext_lazy("audit trail", "reset the password"),
    "password set": pgettext_lazy("audit trail", "set a password"),
    "reassigned": pgettext_lazy("audit trail", "gave it to somebody else"),
    "reconnected": pgettext_lazy("audit trail", "connected it again"),
    "recorded": pgettext_lazy("audit trail", "recorded it"),
    "recovery codes made": pgettext_lazy("audit trail", "made new recovery codes"),
    "redelivered": pgettext_lazy("audit trail", "sent it again"),
    "refund_asked": pgettext_lazy("audit trail", "asked for a refund"),
    "refunded": pgettext_lazy("audit trail", "gave money back"),
    "refused": pgettext_lazy("audit trail", "was refused"),
    "reinstated": pgettext_lazy("audit trail", "reinstated the member"),
    "removed": pgettext_lazy("audit trail", "removed the member"),
    "resent": pgettext_lazy("audit trail", "sent it again"),
    "rescheduled": pgettext_lazy("audit trail", "moved it"),
    "revoked": pgettext_lazy("audit trail", "revoked it"),
    "second factor added": pgettext_lazy("audit trail", "added a second factor"),
    "second factor removed": pgettext_lazy("audit trail", "removed a second factor"),
    "secret rotated": pgettext_lazy("audit trail", "made a new secret"),
    "sent": pgettext_lazy("audit trail", "sent it"),
    "signed out": pgettext_lazy("audit trail", "ended sessions"),
    "suspended": pgettext_lazy("audit trail", "suspended the member"),
    "updated": pgettext_lazy("audit trail", "changed it"),
    "waiting": pgettext_lazy("audit trail", "waits for the payment"),
}
_NAMES = ("title", "name", "number", "email", "url", "contact_name", "event", "kind", "date")
_OWN_FIELDS: dict[str, str | Promise] = {
    "method": _("Method"),
    "path": _("Address"),
    "permission": _("Missing permission"),
    "role": _("Role"),
    "scope": _("Scope"),
    "name": _("Name"),
    "email": _("Email"),
    "phone": _("Phone"),
}


def kind_in_words(kind: str) -> str | Promise:
    """Say what a kind of thing is called."""
    return KINDS[kind].words if kind in KINDS else kind.replace("_", " ")


def deed_in_words(verb: str) -> str | Promise:
    """Say what somebody did."""
    return _DID.get(verb, verb.replace("_", " "))


def subject_name(change: Change, people: Mapping[int, str]) -> str:
    """Call the thing by a name that stands in the change, or that of its person; else by its number."""
    told = change.after or {}
    if change.subject_kind == "refusal" and "path" in told:
        return f"{told.get('method', '')} {told['path']}"
    user_id: int = change.subject_id if change.subject_kind == "user" else told.get("user_id", 0)
    if change.subject_kind in {"user", "membership"} and user_id in people:
        return people[user_id]
    for state in (change.after, change.before):
        for name in _NAMES:
            value = (state or {}).get(name)
            if isinstance(value, str) and value:
                return value
    return f"#{change.subject_id}"


def subject_link(change: Change, caller: Caller) -> str:
    """Give the address of the page about the thing, where there is one that the caller may see; else ""."""
    kind = KINDS.get(change.subject_kind)
    if kind is None or not kind.page or change.verb in {"deleted", "erased"} or not caller.may(kind.permission):
        return ""
    return reverse(kind.page, args=[change.subject_id] if kind.has_own_page else [])


def fields_in_words(
    before: Mapping[str, Any] | None, after: Mapping[str, Any] | None, people: Mapping[int, str], zone: str
) -> list[ChangedField]:
    """Write what changed, a field a line, as far as it is told."""
    old, new = before or {}, after or {}
    return [
        ChangedField(
            str(FIELDS.get(name) or _OWN_FIELDS.get(name) or name.replace("_", " ")),
            _value(name, old.get(name), people, zone),
            _value(name, new.get(name), people, zone),
        )
        for name in dict.fromkeys([*old, *new])
        if name != "route" and (old.get(name) is not None or new.get(name) is not None)
    ]


def _value(name: str, value: Any, people: Mapping[int, str], zone: str) -> str | None:
    if value is None:
        return None
    if isinstance(value, bool):
        return gettext("yes") if value else gettext("no")
    if name == "user_id":
        return people.get(value, gettext("Somebody who has left"))
    if name in {"user_ids", "limited_to_user_ids"} and isinstance(value, list):
        return ", ".join(people.get(one, gettext("Somebody who has left")) for one in value)
    if isinstance(value, str):
        return moment_in_words(value, zone) if name in {"start_time", "end_time"} else value
    return json.dumps(value, ensure_ascii=False) if isinstance(value, dict | list) else str(value)
