"""What permissions, refusals and the history of members are called on the pages of the team."""

from collections.abc import Mapping
from typing import Any

from django.utils.functional import Promise
from django.utils.translation import gettext, gettext_noop, pgettext_lazy
from django.utils.translation import gettext_lazy as _

from slotkeeper.changes.models import Change
from slotkeeper.doors.dashboard.calendar_words import Standing
from slotkeeper.doors.dashboard.history import ChangedField, Entry
from slotkeeper.people.members import SUBJECT
from slotkeeper.people.models import Membership, SessionRecord
from slotkeeper.people.role_words import role_in_words
from slotkeeper.rules.permissions import GRANTABLE, PERMISSIONS, Permission, Role
from slotkeeper.rules.user_agents import device_of

MOST_CHANGES = 100
ROLE_MEANINGS: dict[Role, Promise] = {
    Role.OWNER: _("Everything; only owners manage owners."),
    Role.ADMIN: _("Everything, but nothing about owners."),
    Role.SCHEDULER: _("Everybody’s appointments, customers and hours."),
    Role.PROVIDER: _("Their own appointments, customers and hours."),
    Role.BOOKKEEPER: _("Invoices and payments; reads appointments and customers."),
    Role.VIEWER: _("Reads appointments, and customers without phone or email."),
}
PERMISSION_WORDS: dict[Permission, Promise] = {
    Permission.APPOINTMENTS_READ_ALL: _("See everybody’s appointments"),
    Permission.APPOINTMENTS_WRITE: _("Book and change their own appointments"),
    Permission.APPOINTMENTS_WRITE_ALL: _("Book and change everybody’s appointments"),
    Permission.APPOINTMENTS_OVERRIDE: _("Book over time off and events in connected calendars"),
    Permission.APPOINTMENTS_ASSIGN: _("Give appointments to colleagues"),
    Permission.CONTACTS_READ_ALL: _("See all customers"),
    Permission.CONTACTS_READ_DETAILS: _("See customers’ phone numbers and email addresses"),
    Permission.CONTACTS_WRITE: _("Enter customers, and change those of their own appointments"),
    Permission.CONTACTS_WRITE_ALL: _("Change all customers"),
    Permission.SERVICES_WRITE: _("Change services and resources"),
    Permission.HOURS_WRITE: _("Change their own hours and time off"),
    Permission.HOURS_WRITE_ALL: _("Change everybody’s hours and time off"),
    Permission.CLOSURES_WRITE: _("Close the business on days, and open it"),
    Permission.REPORTS_READ: _("See reports"),
    Permission.MEMBERS_READ: _("See the team"),
    Permission.AUDIT_READ: _("See the record of all changes"),
    Permission.CALENDARS_READ: _("See their own connected calendars"),
    Permission.CALENDARS_READ_ALL: _("See how everybody’s connected calendars are doing"),
    Permission.CALENDARS_WRITE: _("Connect calendars of their own"),
    Permission.MONEY_READ: _("See quotes, invoices and payments"),
    Permission.MONEY_WRITE: _("Write quotes and invoices, and note payments"),
    Permission.MESSAGES_READ: _("See the messages that were sent"),
    Permission.MESSAGES_WRITE: _("Send messages again"),
}
# What the verbs say, marked for translation here: they know no language.
_SENTENCES = (
    gettext_noop("Your role does not allow this about that member."),
    gettext_noop("Nobody can do this about themselves: somebody else has to."),
    gettext_noop("The business would be left without an owner. Make somebody else an owner first."),
    gettext_noop("Write exactly one e-mail address, of the form name@example.com."),
    gettext_noop("Whoever has this address belongs to the business already."),
    gettext_noop("The address is invited already. Send that invitation again, or revoke it first."),
    gettext_noop("A business can send 100 invitations a day. Try again tomorrow."),
    gettext_noop("The business asks for a second factor at sign-in. Set up one of your own first: under Account."),
    gettext_noop("Set up a second factor of your own first: under Account. Else you would lock yourself out."),
)
ACTIVE = Standing("active", pgettext_lazy("state of a member", "Active"))
SUSPENDED = Standing("canceled", pgettext_lazy("state of a member", "Suspended"))
INVITATION_STATES = {
    "waiting": Standing("scheduled", pgettext_lazy("state of an invitation", "Waits for an answer")),
    "expired": Standing("expired", pgettext_lazy("state of an invitation", "Expired")),
}
_VERBS: dict[str, Promise] = {
    "created": _("joined"),
    "updated": _("changed it"),
    "suspended": _("suspended the member"),
    "reinstated": _("reinstated the member"),
    "removed": _("removed the member"),
    "left": _("left"),
    "signed out": _("ended sessions"),
}
_FIELDS: dict[str, Promise] = {
    "role": _("Role"),
    "grants": _("Granted beyond the role"),
    "limited_to_user_ids": _("Limited to the calendars of"),
    "limited_to_service_ids": _("Limited to the services"),
}


def refusal_in_words(error: Exception) -> str:
    """Say what a verb refused, in the language that is spoken now."""
    return gettext(str(error.__doc__))


def grantable() -> list[Permission]:
    """List what can be granted and not everybody has anyway, in the order of the permission table."""
    everyones = frozenset.intersection(*PERMISSIONS.values())
    return [permission for permission in Permission if permission in GRANTABLE - everyones]


def permission_in_words(permission: Permission) -> str | Promise:
    """Say what a permission allows."""
    return PERMISSION_WORDS.get(permission, permission.value)


def device_in_words(session: SessionRecord) -> str:
    """Say what somebody is signed in with: `Firefox on Linux`."""
    browser, system = device_of(session.user_agent)
    if browser and system:
        return gettext("%(browser)s on %(system)s") % {"browser": browser, "system": system}
    return browser or system or gettext("An unknown browser")


def member_in_words(member: Membership) -> Standing:
    """Say how a member stands."""
    return SUSPENDED if member.is_suspended else ACTIVE


def history_of(member: Membership, people: Mapping[int, str], services: Mapping[int, str]) -> list[Entry]:
    """List what happened to a membership, the newest first."""
    found = Change.objects.filter(business_id=member.business_id, subject_kind=SUBJECT, subject_id=member.pk)
    names = {"limited_to_user_ids": people, "limited_to_service_ids": services}
    entries = []
    for change in found.order_by("-pk")[:MOST_CHANGES]:
        before, after = change.before or {}, change.after or {}
        fields = [
            ChangedField(str(label), _value(before.get(name), names.get(name)), _value(after[name], names.get(name)))
            for name, label in _FIELDS.items()
            if name in after and (change.before or after[name])
        ]
        words = str(_VERBS.get(change.verb, change.verb))
        entries.append(Entry(change.at, change.actor_name, words, fields=fields))
    return entries


def _value(value: Any, names: Mapping[int, str] | None) -> str | None:
    if isinstance(value, str):
        return role_in_words(value)
    if value is None or (not value and names is None):
        return None
    if names is None:
        return ", ".join(str(permission_in_words(Permission(one))) for one in value if one in frozenset(Permission))
    return ", ".join(names.get(one, gettext("one that is gone")) for one in value) or gettext("none")
