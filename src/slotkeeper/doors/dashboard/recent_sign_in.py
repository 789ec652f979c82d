"""Whether somebody has just proved who they are: what cannot be undone asks for it."""

import time

from allauth.account import app_settings
from allauth.account.internal.flows.login import get_authentication_records
from django.http import HttpRequest


def signed_in_recently(request: HttpRequest) -> bool:
    """Say whether this session gave a password or a second factor within the last minutes, as allauth counts them."""
    records = get_authentication_records(request, request.user)
    latest = max((record["at"] for record in records), default=0.0)
    return bool(time.time() - latest < app_settings.REAUTHENTICATION_TIMEOUT)
