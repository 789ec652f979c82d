"""The page of API tokens: list, make, revoke."""

from dataclasses import dataclass
from zoneinfo import ZoneInfo

from django import forms
from django.core.exceptions import PermissionDenied
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.utils import timezone
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _
from django.views.decorators.cache import never_cache

from slotkeeper.doors.access import permit
from slotkeeper.doors.dashboard.asking import now
from slotkeeper.people.authority import MayNotManage
from slotkeeper.people.callers import Caller
from slotkeeper.people.models import ApiToken, Membership
from slotkeeper.people.reading import may_change
from slotkeeper.people.second_factor import SecondFactorMissing
from slotkeeper.people.tokens import TokenWish, UnknownToken, create_token, revoke_token
from slotkeeper.rules.permissions import Permission, Scope

DAY_SECONDS = 24 * 3600


class NewTokenForm(forms.Form):
    """What a new token shall be."""

    name = forms.CharField(
        label=_("Name"),
        max_length=100,
        help_text=_("What will use it, such as “Website form” or “Reports”."),
        widget=forms.TextInput(attrs={"autocomplete": "off"}),
    )
    scope = forms.ChoiceField(
        label=_("It may"),
        choices=[(Scope.WRITE.value, _("Read and change")), (Scope.READ.value, _("Only read"))],
        initial=Scope.WRITE.value,
        widget=forms.RadioSelect,
    )
    expires = forms.ChoiceField(
        label=_("Expires"),
        choices=[("never", _("Never")), ("30", _("In 30 days")), ("90", _("In 90 days")), ("365", _("In 365 days"))],
    )

    def wish(self, now: int) -> TokenWish:
        """Say what was wished, at this time."""
        data = self.cleaned_data
        expires_at = None if data["expires"] == "never" else now + int(data["expires"]) * DAY_SECONDS
        return TokenWish(data["name"], Scope(data["scope"]), expires_at)


@dataclass(frozen=True, slots=True)
class ListedToken:
    """A token as the page shows it; `state` is active, expired or revoked."""

    token: ApiToken
    person: str
    state: str
    may_revoke: bool


@permit(Permission.TOKENS_READ)
@never_cache
def tokens(request: HttpRequest) -> HttpResponse:
    """List the business's tokens and offer to make one."""
    return _page(request, NewTokenForm())


@permit(Permission.TOKENS_WRITE)
@never_cache
def make(request: HttpRequest) -> HttpResponse:
    """Make a token for the caller's own membership; its secret is in this answer and nowhere else."""
    if request.method != "POST":
        return redirect("tokens")
    form = NewTokenForm(request.POST)
    if not form.is_valid():
        return _page(request, form)
    caller = _caller(request)
    membership = Membership.objects.in_business(caller.business_id).get(pk=caller.membership_id)
    try:
        token, secret = create_token(membership, form.wish(now()), caller.actor)
    except SecondFactorMissing as error:
        form.add_error(None, gettext(str(error.__doc__)))
        return _page(request, form)
    return _render(request, "dashboard/token_made.html", {"token": token, "secret": secret})


@permit(Permission.TOKENS_WRITE)
@never_cache
def revoke(request: HttpRequest, token_id: int) -> HttpResponse:
    """Ask whether to revoke a token, and revoke it."""
    caller = _caller(request)
    if request.method == "POST":
        try:
            revoke_token(caller.business_id, token_id, caller.actor, now())
        except UnknownToken:
            raise Http404 from None
        except MayNotManage:
            raise PermissionDenied from None
        return redirect("tokens")
    found = ApiToken.objects.in_business(caller.business_id).select_related("membership__user")
    token = get_object_or_404(found, pk=token_id)
    if not _may_revoke(caller, token):
        raise PermissionDenied
    return _render(request, "dashboard/token_revoke.html", {"token": token})


def _page(request: HttpRequest, form: NewTokenForm) -> HttpResponse:
    caller = _caller(request)
    everyones = ApiToken.objects.in_business(caller.business_id).order_by("-pk")
    found = everyones.select_related("membership__user")
    listed = [
        ListedToken(token, str(token.membership.user), _state(token), _may_revoke(caller, token)) for token in found
    ]
    listed.sort(key=lambda one: one.state != "active")
    context = {
        "tokens": listed,
        "form": form,
        "has_people": any(one.token.membership_id != caller.membership_id for one in listed),
        "may_write": caller.may(Permission.TOKENS_WRITE),
    }
    return _render(request, "dashboard/tokens.html", context)


def _may_revoke(caller: Caller, token: ApiToken) -> bool:
    """Say whether a token is the caller's own, or that of somebody whom they manage."""
    return token.membership_id == caller.membership_id or may_change(caller, token.membership)


def _state(token: ApiToken) -> str:
    if token.revoked_at is not None:
        return "revoked"
    return "expired" if token.expires_at is not None and token.expires_at <= timezone.now() else "active"


def _caller(request: HttpRequest) -> Caller:
    caller: Caller = request.caller  # type: ignore[attr-defined]  # the permission gate has filled it
    return caller


def _render(request: HttpRequest, template: str, context: dict[str, object]) -> HttpResponse:
    """Render with times in the caller's zone."""
    with timezone.override(ZoneInfo(_caller(request).time_zone)):
        return render(request, template, context)
