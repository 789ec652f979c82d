"""What every page shows around its content."""

from typing import Any

from django.conf import settings
from django.http import HttpRequest
from django.utils.functional import SimpleLazyObject

from slotkeeper.outbox.models import SendingHold
from slotkeeper.people.callers import Caller, caller_of_membership
from slotkeeper.people.models import Business, Membership
from slotkeeper.rules.permissions import Permission


def page_frame(request: HttpRequest) -> dict[str, Any]:
    """Give templates the caller and the installation's state; what costs a query waits until it is shown."""
    caller: Any = SimpleLazyObject(lambda: _caller(request))
    return {
        "caller": caller,
        "business_name": lambda: _business_name(caller),
        "may_read_reports": lambda: bool(caller) and caller.may(Permission.REPORTS_READ),
        "may_read_money": lambda: bool(caller) and caller.may(Permission.MONEY_READ),
        "may_read_messages": lambda: bool(caller) and caller.may(Permission.MESSAGES_READ),
        "may_send": lambda: bool(caller) and caller.may(Permission.MESSAGES_WRITE),
        "may_write_services": lambda: bool(caller) and caller.may(Permission.SERVICES_WRITE),
        "may_write_hours": lambda: bool(caller) and caller.may(Permission.HOURS_WRITE),
        "may_write_settings": lambda: bool(caller) and caller.may(Permission.SETTINGS_WRITE),
        "may_read_members": lambda: bool(caller) and caller.may(Permission.MEMBERS_READ),
        "may_read_tokens": lambda: bool(caller) and caller.may(Permission.TOKENS_READ),
        "may_read_calendars": lambda: bool(caller) and caller.may(Permission.CALENDARS_READ),
        "has_mail_server": settings.CONFIGURATION.mail_server is not None,
        "is_sign_up_open": settings.CONFIGURATION.is_sign_up_open,
        "is_demo": (settings.CONFIGURATION.data_dir / "demo").exists,
        "is_sending_held": SendingHold.objects.exists,
        "site_url": settings.CONFIGURATION.url,
    }


def _caller(request: HttpRequest) -> Caller | None:
    """Find the member, also on pages that need none, such as the API's documentation."""
    caller: Caller | None = getattr(request, "caller", None)
    if caller is not None or not getattr(request, "user", None) or not request.user.is_authenticated:
        return caller
    chosen = request.session.get("membership_id")
    memberships = Membership.objects.active().select_related("user").filter(user_id=request.user.pk)
    membership = memberships.filter(pk=chosen).first() if chosen else None
    return None if membership is None else caller_of_membership(membership)


def _business_name(caller: Caller | None) -> str:
    if not caller:
        return ""
    return Business.objects.values_list("name", flat=True).get(pk=caller.business_id)
