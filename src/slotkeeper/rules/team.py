"""Who may do what about whom in a team, and what a member may be given. Source: the product's role table."""

from collections.abc import Collection
from dataclasses import dataclass

from slotkeeper.rules.permissions import GRANTABLE, PERMISSIONS, Permission, Role, Scope, may

# They reach everything that could be granted, and manage everybody: grants would add nothing, and limits not hold.
_WITHOUT_EXTRAS = frozenset({Role.OWNER, Role.ADMIN})


@dataclass(frozen=True, slots=True)
class Place:
    """A place in a team: the role, what is granted beyond it, and whose calendars and which services it is limited to.

    None is no limit; of one's own time and appointments nobody is ever kept.
    """

    role: Role
    grants: tuple[str, ...] = ()
    limited_to_user_ids: tuple[int, ...] | None = None
    limited_to_service_ids: tuple[int, ...] | None = None

    @property
    def takes_extras(self) -> bool:
        """Whether grants and limits mean anything in this role."""
        return self.role not in _WITHOUT_EXTRAS

    @property
    def has_extras(self) -> bool:
        """Whether anything is granted or limited."""
        limits = (self.limited_to_user_ids, self.limited_to_service_ids)
        return bool(self.grants) or any(limit is not None for limit in limits)


def may_manage(giver: Role, other: Role) -> bool:
    """Say whether one role may make, change, suspend or remove members of another."""
    return Permission.MEMBERS_WRITE in PERMISSIONS[giver] and (giver is Role.OWNER or other is not Role.OWNER)


def is_step_down(old: Role, new: Role) -> bool:
    """Say whether a change of one's own role raises nothing."""
    return old is new or (new is not Role.OWNER and PERMISSIONS[new] <= PERMISSIONS[old])


def not_to_be_granted(giver: Place, grants: Collection[str]) -> list[str]:
    """List what a giver cannot grant: what nobody can, and what they lack themselves."""
    own = frozenset(giver.grants)
    return sorted(
        name for name in grants if name not in GRANTABLE or not may(giver.role, Scope.WRITE, Permission(name), own)
    )
