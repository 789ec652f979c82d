"""What every page shows around its content."""

from typing import Any

from django.conf import settings
from django.http import HttpRequest


def page_frame(request: HttpRequest) -> dict[str, Any]:
    """Give templates the caller and whether mails leave."""
    return {
        "caller": getattr(request, "caller", None),
        "has_mail_server": settings.CONFIGURATION.mail_server is not None,
        "is_sign_up_open": settings.CONFIGURATION.is_sign_up_open,
    }
