"""How this installation is registered at Google and Microsoft: its client ids, and whom to ask what."""

from dataclasses import dataclass, field

from django.conf import settings

from slotkeeper.calendars.models import Kind
from slotkeeper.calendars.providers.base import Unavailable
from slotkeeper.configuration import Configuration

# Events, and the list of calendars to choose from: https://developers.google.com/workspace/calendar/api/auth
_GOOGLE_SCOPES = (
    "openid",
    "email",
    "https://www.googleapis.com/auth/calendar.events",
    "https://www.googleapis.com/auth/calendar.calendarlist.readonly",
)
# https://learn.microsoft.com/en-us/graph/permissions-reference#calendarsreadwrite
_MICROSOFT_SCOPES = ("openid", "email", "offline_access", "User.Read", "Calendars.ReadWrite")


@dataclass(frozen=True, slots=True)
class App:
    """Our registration at a provider. `needed` are the ends of the scopes without which nothing works."""

    name: str
    client_id: str
    client_secret: str = field(repr=False)
    authorize_url: str
    token_url: str
    scope: str
    needed: tuple[str, ...]
    parameters: tuple[tuple[str, str], ...]

    def is_enough(self, granted: str) -> bool:
        """Say whether the scopes that were granted are enough; Microsoft writes them with and without its host."""
        scopes = granted.lower().split()
        return all(any(scope.endswith(needed) for scope in scopes) for needed in self.needed)


def is_set_up(kind: str) -> bool:
    """Say whether the settings hold what connecting to such a provider needs."""
    configuration: Configuration = settings.CONFIGURATION
    return bool(
        {Kind.GOOGLE: configuration.google_client_id, Kind.MICROSOFT: configuration.microsoft_client_id}.get(Kind(kind))
    )


def app_of(kind: str) -> App:
    """Give our registration at a provider. Raises Unavailable where there is none."""
    if not is_set_up(kind):
        raise Unavailable(f"This server is not registered at {Kind(kind).label}; see docs/calendars.md.")
    return _google(settings.CONFIGURATION) if kind == Kind.GOOGLE else _microsoft(settings.CONFIGURATION)


def google_calendar_url(configuration: Configuration) -> str:
    """Give the address of Google's calendar API, or of the gateway that stands in its place."""
    return f"{configuration.google_url or 'https://www.googleapis.com'}/calendar/v3"


def _google(configuration: Configuration) -> App:
    """https://developers.google.com/identity/protocols/oauth2/web-server."""
    base = configuration.google_url
    return App(
        name="Google",
        client_id=configuration.google_client_id,
        client_secret=configuration.google_client_secret,
        authorize_url=f"{base or 'https://accounts.google.com'}/o/oauth2/v2/auth",
        token_url=f"{base or 'https://oauth2.googleapis.com'}/token",
        scope=" ".join(_GOOGLE_SCOPES),
        needed=("/calendar.events", "/calendar.calendarlist.readonly"),
        # A refresh token comes with offline access, and only with a consent: without `prompt` a second time gives none.
        parameters=(("access_type", "offline"), ("include_granted_scopes", "true"), ("prompt", "consent")),
    )


def _microsoft(configuration: Configuration) -> App:
    """https://learn.microsoft.com/en-us/entra/identity-platform/v2-oauth2-auth-code-flow."""
    base = f"{configuration.microsoft_url}/{configuration.microsoft_tenant}/oauth2/v2.0"
    return App(
        name="Microsoft",
        client_id=configuration.microsoft_client_id,
        client_secret=configuration.microsoft_client_secret,
        authorize_url=f"{base}/authorize",
        token_url=f"{base}/token",
        scope=" ".join(_MICROSOFT_SCOPES),
        needed=("calendars.readwrite",),
        parameters=(("response_mode", "query"), ("prompt", "select_account")),
    )
