"""Who may do what: one table from role to permissions.

Permissions named `….all` reach everybody's rows; their plain twins reach one's own.
Source: the product's role table (docs/permissions.md is rendered from this file).
"""

from enum import StrEnum


class Role(StrEnum):
    """A member's place in a business."""

    OWNER = "owner"
    ADMIN = "admin"
    SCHEDULER = "scheduler"
    PROVIDER = "provider"
    BOOKKEEPER = "bookkeeper"
    VIEWER = "viewer"


class Scope(StrEnum):
    """What a token may do at most, whatever its member's role."""

    READ = "read"
    WRITE = "write"


class Permission(StrEnum):
    """One thing a caller may be allowed to do."""

    FREEBUSY_READ = "freebusy.read"
    APPOINTMENTS_READ = "appointments.read"
    APPOINTMENTS_READ_ALL = "appointments.read.all"
    APPOINTMENTS_WRITE = "appointments.write"
    APPOINTMENTS_WRITE_ALL = "appointments.write.all"
    APPOINTMENTS_OVERRIDE = "appointments.override"
    APPOINTMENTS_ASSIGN = "appointments.assign"
    CONTACTS_READ = "contacts.read"
    CONTACTS_READ_ALL = "contacts.read.all"
    CONTACTS_READ_DETAILS = "contacts.read.details"
    CONTACTS_WRITE = "contacts.write"
    CONTACTS_WRITE_ALL = "contacts.write.all"
    BUSINESS_READ = "business.read"
    SERVICES_WRITE = "services.write"
    HOURS_WRITE = "hours.write"
    HOURS_WRITE_ALL = "hours.write.all"
    CLOSURES_WRITE = "closures.write"
    REPORTS_READ = "reports.read"
    SETTINGS_WRITE = "settings.write"
    MEMBERS_READ = "members.read"
    MEMBERS_WRITE = "members.write"
    TOKENS_READ = "tokens.read"
    TOKENS_WRITE = "tokens.write"
    AUDIT_READ = "audit.read"
    CALENDARS_READ = "calendars.read"
    CALENDARS_READ_ALL = "calendars.read.all"
    CALENDARS_WRITE = "calendars.write"
    MONEY_READ = "money.read"
    MONEY_WRITE = "money.write"
    MESSAGES_READ = "messages.read"
    MESSAGES_WRITE = "messages.write"
    WEBHOOKS_READ = "webhooks.read"
    WEBHOOKS_WRITE = "webhooks.write"
    SELF_READ = "self.read"
    SELF_WRITE = "self.write"

    @property
    def is_read(self) -> bool:
        """Whether it changes nothing, so that a read-only token may use it."""
        return ".read" in self.value


_P = Permission
_EVERYONE = frozenset({_P.SELF_READ, _P.SELF_WRITE, _P.BUSINESS_READ, _P.FREEBUSY_READ})
_READ_ALL_APPOINTMENTS = frozenset({_P.APPOINTMENTS_READ, _P.APPOINTMENTS_READ_ALL})
_READ_ALL_CONTACTS = frozenset({_P.CONTACTS_READ, _P.CONTACTS_READ_ALL})
_SCHEDULER = (
    _EVERYONE
    | _READ_ALL_APPOINTMENTS
    | _READ_ALL_CONTACTS
    | {
        _P.APPOINTMENTS_WRITE,
        _P.APPOINTMENTS_WRITE_ALL,
        _P.APPOINTMENTS_OVERRIDE,
        _P.APPOINTMENTS_ASSIGN,
        _P.CONTACTS_READ_DETAILS,
        _P.CONTACTS_WRITE,
        _P.CONTACTS_WRITE_ALL,
        _P.HOURS_WRITE,
        _P.HOURS_WRITE_ALL,
        _P.CLOSURES_WRITE,
        _P.REPORTS_READ,
        _P.MEMBERS_READ,
        _P.MONEY_READ,
        _P.TOKENS_READ,
        _P.CALENDARS_READ,
        _P.CALENDARS_WRITE,
        _P.MESSAGES_READ,
        _P.MESSAGES_WRITE,
    }
)
_ADMIN = _SCHEDULER | {
    _P.SERVICES_WRITE,
    _P.SETTINGS_WRITE,
    _P.MEMBERS_WRITE,
    _P.TOKENS_WRITE,
    _P.MONEY_WRITE,
    _P.AUDIT_READ,
    _P.CALENDARS_READ_ALL,
    _P.WEBHOOKS_READ,
    _P.WEBHOOKS_WRITE,
}

PERMISSIONS: dict[Role, frozenset[Permission]] = {
    Role.OWNER: _ADMIN,
    Role.ADMIN: _ADMIN,
    Role.SCHEDULER: _SCHEDULER,
    Role.PROVIDER: _EVERYONE
    | {
        _P.APPOINTMENTS_READ,
        _P.APPOINTMENTS_WRITE,
        _P.CONTACTS_READ,
        _P.CONTACTS_READ_DETAILS,
        _P.CONTACTS_WRITE,
        _P.HOURS_WRITE,
        _P.MEMBERS_READ,
        _P.TOKENS_READ,
        _P.CALENDARS_READ,
        _P.CALENDARS_WRITE,
    },
    Role.BOOKKEEPER: _EVERYONE
    | _READ_ALL_APPOINTMENTS
    | _READ_ALL_CONTACTS
    | {_P.CONTACTS_READ_DETAILS, _P.REPORTS_READ, _P.MONEY_READ, _P.MONEY_WRITE},
    Role.VIEWER: _EVERYONE | _READ_ALL_APPOINTMENTS | _READ_ALL_CONTACTS | {_P.REPORTS_READ},
}


# What a single member may be given beyond their role: no way to make oneself more than that, so nothing about people.
GRANTABLE = PERMISSIONS[Role.ADMIN] - {
    _P.MEMBERS_WRITE, _P.TOKENS_READ, _P.TOKENS_WRITE, _P.SETTINGS_WRITE, _P.WEBHOOKS_READ, _P.WEBHOOKS_WRITE
}  # fmt: skip


# What is about a business as a whole, and closed to whoever is limited to some of its people or services.
OF_THE_WHOLE = frozenset(
    {
        _P.SERVICES_WRITE, _P.CLOSURES_WRITE, _P.REPORTS_READ, _P.AUDIT_READ, _P.CALENDARS_READ_ALL, _P.MONEY_READ,
        _P.MONEY_WRITE, _P.MESSAGES_READ, _P.MESSAGES_WRITE, _P.WEBHOOKS_READ, _P.WEBHOOKS_WRITE,
    }
)  # fmt: skip
# To change everybody's needs to see them: an answer shows what was changed.
_WITH = {_P.APPOINTMENTS_WRITE_ALL: _P.APPOINTMENTS_READ_ALL, _P.CONTACTS_WRITE_ALL: _P.CONTACTS_READ_ALL}


def may(
    role: Role,
    scope: Scope,
    permission: Permission,
    grants: frozenset[str] = frozenset(),
    *,
    is_limited: bool = False,
) -> bool:
    """Say whether a caller of this role, with these grants and limits, by a token of this scope, has the permission."""
    allowed = PERMISSIONS[role]
    if permission not in allowed and permission not in grants:
        return False
    if is_limited and permission in OF_THE_WHOLE:
        return False
    if permission in _WITH and not (_WITH[permission] in allowed or _WITH[permission] in grants):
        return False
    return scope is Scope.WRITE or permission.is_read
