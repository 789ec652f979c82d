"""Which language a page speaks."""

from collections.abc import Callable, Iterator

from django.conf import settings
from django.db import InterfaceError, OperationalError
from django.http import HttpRequest, HttpResponseBase
from django.utils import translation
from django.utils.cache import patch_vary_headers
from django.utils.translation.trans_real import parse_accept_lang_header

from slotkeeper.doors.middleware import is_api
from slotkeeper.languages import current_language as current_language  # noqa: PLC0414 -- doors take it from here
from slotkeeper.languages import known_language as known_language  # noqa: PLC0414 -- likewise

Handler = Callable[[HttpRequest], HttpResponseBase]


def speak_readers_language(get_response: Handler) -> Handler:
    """Answer pages in the reader's language: the one their account names, else chosen here, else asked for.

    What the API says is for programs, so it stays English. The language ends with the request: the
    thread's next one may carry a token, and passes no page middleware.
    """

    def handle(request: HttpRequest) -> HttpResponseBase:
        language = None if is_api(request) else next(_wished(request), None)
        request.wishes_no_language = language is None  # type: ignore[attr-defined]  # ours
        with translation.override(language or settings.LANGUAGE_CODE):
            response = get_response(request)
            response.headers.setdefault("Content-Language", current_language())
        if not is_api(request):
            patch_vary_headers(response, ("Accept-Language", "Cookie"))
        return response

    return handle


def fall_back_to(request: HttpRequest, locale: str) -> None:
    """Speak a business's language to a visitor who wishes none that we know, until the request ends."""
    language = known_language(locale)
    if language and getattr(request, "wishes_no_language", False):
        translation.activate(language)


def _wished(request: HttpRequest) -> Iterator[str]:
    """List the languages a request wishes, the strongest wish first."""
    header = parse_accept_lang_header(request.META.get("HTTP_ACCEPT_LANGUAGE", ""))
    chosen = request.COOKIES.get(settings.LANGUAGE_COOKIE_NAME, "")
    for locale in (_locale_of_person(request), chosen, *(code for code, _ in header)):
        language = known_language(locale)
        if language:
            yield language


def _locale_of_person(request: HttpRequest) -> str:
    try:
        return request.user.locale if request.user.is_authenticated else ""
    except (OperationalError, InterfaceError):
        return ""  # the page itself will say that the database is away
