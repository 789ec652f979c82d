"""Where Google and Microsoft ask for consent, as far as the page that leads there has to name it."""

from collections.abc import Iterable
from urllib.parse import urlsplit

from slotkeeper.calendars.models import Kind
from slotkeeper.calendars.oauth_apps import app_of
from slotkeeper.doors.middleware import PAGE_POLICY


def policy_for_consent(kinds: Iterable[Kind]) -> str:
    """Let a page's forms lead on to where consent is asked: browsers hold redirects of a form to its policy, too."""
    places = (urlsplit(app_of(kind).authorize_url) for kind in kinds)
    origins = "".join(f" {place.scheme}://{place.netloc}" for place in places)
    return PAGE_POLICY.replace("form-action 'self'", f"form-action 'self'{origins}")
