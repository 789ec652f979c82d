"""Asking the API in a role, and reading what it refuses."""

from cast import Api, Cast, add_member, token_for
from slotkeeper.rules.permissions import Role, Scope


def role_api(cast: Cast, role: Role, scope: Scope = Scope.WRITE) -> Api:
    return Api(token_for(add_member(cast.owner, f"some-{role}@practice.test", role), scope))


def bad_names(answer) -> list[str]:
    assert answer.status_code == 400, answer.content
    return sorted(error["field"] for error in answer.json()["errors"])
