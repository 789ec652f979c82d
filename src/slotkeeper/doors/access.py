"""Which permission each route needs. A route that declares none does not exist (deny by default)."""

from collections.abc import Callable, Iterator
from typing import Any, Final, Literal, TypeVar

from django.urls import URLPattern, URLResolver, get_resolver

from slotkeeper.rules.permissions import Permission

# PUBLIC: anyone. SIGNED_IN: any signed-in person, also one who belongs to no business.
PUBLIC: Final = "public"
SIGNED_IN: Final = "signed_in"
Access = Permission | Literal["public", "signed_in"]


class UndeclaredRoute(Exception):
    """A route declares no permission."""


View = TypeVar("View", bound=Callable[..., Any])

# Libraries' routes, by name. allauth checks by itself who is signed in; here it is written down.
LIBRARY_ROUTES: Final[dict[str, Access]] = {
    "account_login": PUBLIC,
    "account_logout": PUBLIC,
    "account_signup": PUBLIC,
    "account_inactive": PUBLIC,
    "account_confirm_email": PUBLIC,
    "account_email_verification_sent": PUBLIC,
    "account_reset_password": PUBLIC,
    "account_reset_password_done": PUBLIC,
    "account_reset_password_from_key": PUBLIC,
    "account_reset_password_from_key_done": PUBLIC,
    "account_confirm_login_code": PUBLIC,
    "account_reauthenticate": SIGNED_IN,
    "account_email": SIGNED_IN,
    "account_change_password": SIGNED_IN,
    "account_set_password": SIGNED_IN,
    "mfa_authenticate": PUBLIC,
    "mfa_login_webauthn": PUBLIC,
    "mfa_trust": PUBLIC,
    "mfa_index": SIGNED_IN,
    "mfa_reauthenticate": SIGNED_IN,
    "mfa_reauthenticate_webauthn": SIGNED_IN,
    "mfa_activate_totp": SIGNED_IN,
    "mfa_deactivate_totp": SIGNED_IN,
    "mfa_view_recovery_codes": SIGNED_IN,
    "mfa_generate_recovery_codes": SIGNED_IN,
    "mfa_download_recovery_codes": SIGNED_IN,
    "mfa_list_webauthn": SIGNED_IN,
    "mfa_add_webauthn": SIGNED_IN,
    "mfa_remove_webauthn": SIGNED_IN,
    "mfa_edit_webauthn": SIGNED_IN,
}


def permit(access: Access) -> Callable[[View], View]:
    """Declare what a page needs, whatever the method."""

    def declare(view: View) -> View:
        view.access = access  # type: ignore[attr-defined]  # read by access_to
        return view

    return declare


def access_to(view: Callable[..., Any], route_name: str | None, method: str) -> Access | None:
    """Say what a request needs; None means undeclared, and therefore refused.

    An API endpoint declares per method in its class; a method it does not serve (405) needs
    what any of its methods needs, so that it tells strangers nothing.
    """
    endpoint = getattr(view, "view_class", None)
    declared: dict[str, Access] | None = getattr(endpoint, "permissions", None)
    if declared:
        return declared.get(method) or next(iter(declared.values()))
    access: Access | None = getattr(view, "access", None)
    return access or LIBRARY_ROUTES.get(route_name or "")


def undeclared_routes(patterns: list[URLPattern | URLResolver], prefix: str = "") -> Iterator[str]:
    """Walk the URLs and name every route, or method of one, that declares nothing."""
    for pattern in patterns:
        route = prefix + str(pattern.pattern)
        if isinstance(pattern, URLResolver):
            yield from undeclared_routes(pattern.url_patterns, route)
            continue
        endpoint: Any = getattr(pattern.callback, "view_class", None)
        methods = getattr(endpoint, "api_endpoints", None)
        if methods is not None:
            yield from (f"{method} {route}" for method in methods if method not in endpoint.permissions)
        elif access_to(pattern.callback, pattern.name, "GET") is None:
            yield route


def require_declared_routes() -> None:
    """Refuse to serve while any route declares no permission. Raises UndeclaredRoute."""
    undeclared = list(undeclared_routes(get_resolver().url_patterns))
    if undeclared:
        raise UndeclaredRoute(f"These routes declare no permission: {', '.join(undeclared)}.")
