"""The forms of the team: a member's place, and an invitation."""

from typing import Any

from django import forms
from django.utils.text import format_lazy
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from slotkeeper.doors.dashboard.asking import people_of
from slotkeeper.doors.dashboard.team_words import ROLE_MEANINGS, grantable, permission_in_words
from slotkeeper.offerings.models import Service
from slotkeeper.people.callers import Caller
from slotkeeper.people.models import Membership
from slotkeeper.people.role_words import ROLES, role_in_words
from slotkeeper.rules.permissions import Role
from slotkeeper.rules.team import Place, may_manage

_EXTRAS = ("grants", "user_ids", "service_ids")


class PlaceForm(forms.Form):
    """A role, and for roles that take them grants and limits."""

    role = forms.ChoiceField(label=_("Role"), widget=forms.RadioSelect)
    grants = forms.MultipleChoiceField(
        label=_("Granted beyond the role"),
        required=False,
        widget=forms.CheckboxSelectMultiple,
        help_text=_("What the role allows anyway need not be chosen. Owners and admins may do all of this."),
    )
    has_people = forms.BooleanField(label=_("Limited to the calendars of"), required=False)
    user_ids = forms.TypedMultipleChoiceField(
        label=_("These colleagues"),
        coerce=int,
        required=False,
        widget=forms.CheckboxSelectMultiple,
        help_text=_("Their own calendar is always theirs."),
    )
    has_services = forms.BooleanField(label=_("Limited to the services"), required=False)
    service_ids = forms.TypedMultipleChoiceField(
        label=_("These services"), coerce=int, required=False, widget=forms.CheckboxSelectMultiple
    )

    def __init__(self, caller: Caller, *args: Any, besides_user_id: int | None = None, **options: Any) -> None:
        super().__init__(*args, **options)
        fields: Any = self.fields
        fields["role"].choices = [
            (role.value, format_lazy("{}: {}", ROLES[role], ROLE_MEANINGS[role]))
            for role in Role
            if may_manage(caller.role, role)
        ]
        fields["grants"].choices = [(one.value, permission_in_words(one)) for one in grantable() if caller.may(one)]
        people = people_of(caller.business_id)
        fields["user_ids"].choices = [pair for pair in people.items() if pair[0] != besides_user_id]
        services = Service.objects.filter(business_id=caller.business_id).order_by("name", "pk")
        fields["service_ids"].choices = list(services.values_list("pk", "name"))

    def clean(self) -> dict[str, Any]:
        """Refuse limits that are chosen but not switched on: to leave them aside would give more than was meant."""
        data: dict[str, Any] = super().clean() or {}
        for switch, chosen in (("has_people", "user_ids"), ("has_services", "service_ids")):
            if data.get(chosen) and not data.get(switch):
                self.add_error(switch, _("Switch this limit on, or choose nobody and nothing below it."))
        return data

    def place(self) -> Place:
        """Give the place that was chosen; what the role does not take is left aside."""
        data = self.cleaned_data
        plain = Place(Role(data["role"]))
        if not plain.takes_extras:
            return plain
        return Place(
            plain.role,
            tuple(sorted(data["grants"])),
            tuple(sorted(data["user_ids"])) if data["has_people"] else None,
            tuple(sorted(data["service_ids"])) if data["has_services"] else None,
        )

    def refuse(self, reasons: dict[str, str]) -> None:
        """Say at its field what the verb refused: something there has gone since the page was shown."""
        names = {"limited_to_user_ids": "user_ids", "limited_to_service_ids": "service_ids"}
        for name in reasons:
            self.add_error(names.get(name, name), gettext("Something there cannot be chosen any more."))


class MemberForm(PlaceForm):
    """A member's place."""

    version = forms.IntegerField(required=False, widget=forms.HiddenInput)

    def wanted(self) -> dict[str, Any]:
        """Give the fields in the verb's words."""
        place = self.place()
        if not place.takes_extras:
            return {"role": place.role}
        limits = {
            "limited_to_user_ids": place.limited_to_user_ids,
            "limited_to_service_ids": place.limited_to_service_ids,
        }
        return {"role": place.role, "grants": place.grants} | limits

    def differences(self, stored: Membership) -> list[tuple[Any, str]]:
        """List what a member has otherwise than it was chosen, in words."""
        initial = initial_of(stored)
        differing = []
        for name in ("role", *_EXTRAS):
            chosen = self.cleaned_data[name]
            if chosen != initial[name]:
                choices: Any = self.fields[name]
                words = {str(value): str(label) for value, label in choices.choices}
                values = [initial[name]] if name == "role" else initial[name]
                shown = [role_in_words(one) if name == "role" else words.get(str(one), "–") for one in values]
                differing.append((self[name].label, ", ".join(shown) or gettext("none")))
        return differing


class InvitationForm(PlaceForm):
    """Who is invited, to which place."""

    field_order = ["email"]

    email = forms.CharField(
        label=_("Email"), max_length=255, widget=forms.EmailInput(attrs={"autocomplete": "off"})
    )  # fmt: skip


def initial_of(member: Membership) -> dict[str, Any]:
    """Say what a member's form shows first."""
    return {
        "role": member.role,
        "grants": member.grants,
        "has_people": member.limited_to_user_ids is not None,
        "user_ids": member.limited_to_user_ids or [],
        "has_services": member.limited_to_service_ids is not None,
        "service_ids": member.limited_to_service_ids or [],
        "version": member.version,
    }


def form_of(caller: Caller, member: Membership, data: Any = None) -> MemberForm:
    """Make the form of a stored member."""
    return MemberForm(caller, data, initial=initial_of(member), besides_user_id=member.user_id)
