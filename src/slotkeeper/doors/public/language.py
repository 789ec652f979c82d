"""The switch in a page's foot: speak another language from now on."""

from django.conf import settings
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.utils.http import url_has_allowed_host_and_scheme
from django.views.decorators.csrf import csrf_exempt, csrf_protect
from django.views.decorators.http import require_POST

from slotkeeper.doors.access import PUBLIC, permit
from slotkeeper.doors.languages import known_language
from slotkeeper.doors.session_use import session_caller
from slotkeeper.people.profile import update_profile

YEAR_SECONDS = 365 * 24 * 3600


@permit(PUBLIC)
@csrf_exempt  # for visitors: a choice in one browser is nobody's secret, and their pages set no cookie before it
@require_POST
def choose_language(request: HttpRequest) -> HttpResponse:
    """Remember the choice in this browser; of somebody signed in, in their account, too."""
    return _choose_in_account(request) if request.user.is_authenticated else _choose_in_browser(request)


@csrf_protect
def _choose_in_account(request: HttpRequest) -> HttpResponse:
    language, caller = known_language(request.POST.get("language", "")), session_caller(request)
    if language and caller:
        update_profile(caller.business_id, caller.user_id, {"locale": language}, caller.actor)
    return _choose_in_browser(request)


def _choose_in_browser(request: HttpRequest) -> HttpResponse:
    address, language = request.POST.get("next", ""), known_language(request.POST.get("language", ""))
    is_own = address.startswith("/") and url_has_allowed_host_and_scheme(address, None)
    response = redirect(address if is_own else "home")
    if language:
        response.set_cookie(
            settings.LANGUAGE_COOKIE_NAME,
            language,
            max_age=YEAR_SECONDS,
            secure=settings.SESSION_COOKIE_SECURE,
            httponly=True,
            samesite="Lax",
        )
    return response
