"""What every request passes: an envelope, the page chain, and the permission gate."""

import logging
import time
from collections.abc import Callable
from http import HTTPStatus
from ipaddress import ip_address
from random import getrandbits
from typing import Any

from django.conf import settings
from django.core.exceptions import DisallowedHost, RequestDataTooBig
from django.core.handlers.exception import convert_exception_to_response, response_for_exception
from django.db import IntegrityError, InterfaceError, OperationalError
from django.http import HttpRequest, HttpResponse, HttpResponseBase
from django.shortcuts import redirect, render
from django.utils.http import urlencode
from django.utils.module_loading import import_string
from django.utils.translation import gettext, gettext_noop

from slotkeeper.doors.access import PUBLIC, SIGNED_IN, Access, access_to
from slotkeeper.doors.api.problems import ApiProblem, answer_problem, not_permitted, not_signed_in, try_later
from slotkeeper.doors.rate_limit import is_over_limit, too_many_requests
from slotkeeper.doors.refused import note_if_refused
from slotkeeper.doors.session_use import note_use, session_caller
from slotkeeper.doors.source import API, named_source
from slotkeeper.people.callers import Caller, caller_of_token, note_token_use
from slotkeeper.people.models import User
from slotkeeper.people.second_factor import SecondFactorMissing
from slotkeeper.rules.permissions import Permission

Handler = Callable[[HttpRequest], HttpResponseBase]
logger = logging.getLogger("slotkeeper.doors")

# FullCalendar and allauth's pages need no more than this; see docs/decisions.
PAGE_POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; font-src 'self'; "
    "connect-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
)
_HEADERS = {
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "same-origin",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Permissions-Policy": "camera=(), geolocation=(), microphone=(), payment=()",
    "X-Frame-Options": "DENY",
}


def answer_envelope(get_response: Handler) -> Handler:
    """Give each request an id and its true source, and each answer its protective headers."""
    protective = dict(_HEADERS)
    if settings.CONFIGURATION.url.startswith("https:"):
        protective["Strict-Transport-Security"] = "max-age=31536000"
    headers = {name.lower(): (name, value) for name, value in protective.items()}

    def handle(request: HttpRequest) -> HttpResponseBase:
        request.id = f"{getrandbits(64):016x}"  # type: ignore[attr-defined]
        request.caller = None  # type: ignore[attr-defined]  # ours; PermissionGate fills it
        believe_trusted_proxy(request)
        try:
            request.get_host()  # refuses a foreign Host header, for every door alike
        except DisallowedHost as error:
            response: HttpResponseBase = response_for_exception(request, error)
        else:
            response = get_response(request)
        response["X-Request-Id"] = request.id  # type: ignore[attr-defined]
        # As Django stores them: to check the same few headers again each time costs a booking a fortieth of its CPU.
        stored = response.headers._store  # noqa: SLF001
        for key, header in headers.items():
            stored.setdefault(key, header)
        if getattr(response, "xframe_options_exempt", False):
            del response["X-Frame-Options"]  # a page that other sites may show; its policy says so
        if response.headers.get("Content-Type", "").startswith("text/html"):
            response.headers.setdefault("Content-Security-Policy", PAGE_POLICY)
            response.headers.setdefault("Cache-Control", "private, no-store")
        note_if_refused(request, response)
        caller: Caller | None = request.caller  # type: ignore[attr-defined]
        if caller and caller.token_id and caller.is_last_use_stale:
            note_token_use(caller.token_id, int(time.time()))
        return response

    return handle


def believe_trusted_proxy(request: HttpRequest) -> None:
    """Take client address and scheme from a proxy's headers, if the peer is one that the settings trust."""
    trusted = settings.CONFIGURATION.trusted_proxies
    if not trusted:
        return

    def is_trusted(text: str) -> bool:
        try:
            address = ip_address(text)
        except ValueError:
            return False
        return any(address in network for network in trusted)

    if not is_trusted(request.META.get("REMOTE_ADDR", "")):
        return
    # Each proxy appends whom it saw: the last one that is no proxy of ours is the client.
    seen = [hop.strip() for hop in request.META.get("HTTP_X_FORWARDED_FOR", "").split(",") if hop.strip()]
    while len(seen) > 1 and is_trusted(seen[-1]):
        seen.pop()
    if seen:
        request.META["REMOTE_ADDR"] = seen[-1]
    if request.META.get("HTTP_X_FORWARDED_PROTO") in {"http", "https"}:
        request.META["wsgi.url_scheme"] = request.META["HTTP_X_FORWARDED_PROTO"]
        request.environ["wsgi.url_scheme"] = request.META["HTTP_X_FORWARDED_PROTO"]  # type: ignore[attr-defined]


def client_address(request: HttpRequest) -> str:
    """Say where a request comes from, proxies looked through; for the sign-in lock."""
    return str(request.META.get("REMOTE_ADDR", ""))


def is_api(request: HttpRequest) -> bool:
    """Say whether the request speaks JSON."""
    return request.path_info.startswith("/api/")


def has_token(request: HttpRequest) -> bool:
    """Say whether the request identifies itself by itself, without a browser's session."""
    return "HTTP_AUTHORIZATION" in request.META and is_api(request)


class PageChain:
    """Session, CSRF, sign-in and messages: for pages and browsers; requests with a token go past them."""

    def __init__(self, get_response: Handler) -> None:
        self.get_response = get_response
        self.page_door: Handler = get_response
        self.view_hooks: list[Callable[..., HttpResponseBase | None]] = []
        for name in reversed(settings.PAGE_MIDDLEWARE):
            middleware = import_string(name)(self.page_door)
            if hasattr(middleware, "process_view"):
                self.view_hooks.insert(0, middleware.process_view)
            wrapped: Any = convert_exception_to_response(middleware)
            self.page_door = wrapped

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        """Choose the door."""
        return self.get_response(request) if has_token(request) else self.page_door(request)

    def process_view(self, request: HttpRequest, view: Any, args: Any, kwargs: Any) -> HttpResponseBase | None:
        """Let the page middleware look at the view, as Django would (CSRF is checked here)."""
        if has_token(request):
            return None
        # Before anything is read: Django bounds the fields of a form, but not the files in it.
        if int(request.META.get("CONTENT_LENGTH") or 0) > settings.DATA_UPLOAD_MAX_MEMORY_SIZE:
            raise RequestDataTooBig
        answers = (hook(request, view, args, kwargs) for hook in self.view_hooks)
        return next((answer for answer in answers if answer is not None), None)


class PermissionGate:
    """Finds out who is asking and whether they may, before any handler runs."""

    def __init__(self, get_response: Handler) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        """Pass the request on; the gate itself stands in process_view."""
        response = self.get_response(request)
        if not has_token(request):
            note_use(request, client_address(request))
        return response

    def process_view(self, request: HttpRequest, view: Any, _args: Any, _kwargs: Any) -> HttpResponseBase | None:
        """Refuse what the caller may not do: 401 or 403 for the API, sign-in or a plain page for people."""
        match = request.resolver_match
        access = access_to(view, match.view_name if match else None, request.method or "GET")
        try:
            return self._refusal(request, access)
        except (OperationalError, InterfaceError):
            logger.exception("The database is away")
            return unavailable(request)

    def process_exception(self, request: HttpRequest, exception: Exception) -> HttpResponseBase | None:
        """Answer 503, not 500, while the database is busy or away."""
        if isinstance(exception, OperationalError | InterfaceError):
            logger.error("The database is away: %s", exception)
            return unavailable(request)
        if isinstance(exception, IntegrityError) and not is_api(request):
            # A form sent twice at once: both passed its checks, the database let one in.
            logger.warning("Two requests at once: %s", exception)
            detail = gettext("This has just been saved by another request. Reload the page.")
            return HttpResponse(detail, "text/plain", 409)
        return None

    def _refusal(self, request: HttpRequest, access: Access | None) -> HttpResponseBase | None:
        if access == PUBLIC:
            return None
        if access is None:
            logger.error("No permission is declared for %s", request.path)
            return refused(request, not_permitted())
        caller = token_caller(request) if has_token(request) else session_caller(request)
        request.caller = caller  # type: ignore[attr-defined]
        if caller is None:
            if not has_token(request) and request.user.is_authenticated:
                alone = not_permitted(gettext_noop("You belong to no business."))
                return None if access == SIGNED_IN else refused(request, alone)
            return refused(request, not_signed_in())
        if isinstance(access, Permission) and caller.owes_second_factor:
            return asked_for_second_factor(request)
        if isinstance(access, Permission) and not caller.may(access):
            return refused(request, not_permitted())
        if caller.token_id and is_over_limit(caller.key):
            return answer_problem(too_many_requests())
        return None


def token_caller(request: HttpRequest) -> Caller | None:
    """Find who the bearer token belongs to."""
    scheme, _, secret = request.META["HTTP_AUTHORIZATION"].partition(" ")
    if scheme.lower() != "bearer" or not secret.strip():
        return None
    return caller_of_token(secret.strip(), int(time.time()), named_source(API, request))


def refused(request: HttpRequest, problem: ApiProblem) -> HttpResponse:
    """Answer a refusal in the door's own form."""
    if is_api(request):
        return answer_problem(problem)
    if problem.code == "NOT_SIGNED_IN":
        if not User.objects.exists():
            return redirect("welcome")
        return redirect(f"{settings.LOGIN_URL}?{urlencode({'next': request.get_full_path()})}")
    return render(request, "403.html", {"detail": gettext(problem.detail)}, status=problem.status)


def asked_for_second_factor(request: HttpRequest) -> HttpResponse:
    """Lead to where a second factor is set up: until then nothing else opens in this business."""
    if is_api(request):
        detail = str(SecondFactorMissing.__doc__)
        return answer_problem(ApiProblem(HTTPStatus.FORBIDDEN, "SECOND_FACTOR_REQUIRED", detail))
    return redirect("mfa_index")


def unavailable(request: HttpRequest) -> HttpResponse:
    """Answer that the database is busy or away."""
    if is_api(request):
        return answer_problem(try_later())
    detail = gettext("The database is busy. Please try again in a moment.")
    return HttpResponse(detail, "text/plain", 503, headers={"Retry-After": "1"})
