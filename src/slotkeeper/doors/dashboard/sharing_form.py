"""The parts of a service's form that say how it is shared out, and which rooms and equipment it needs."""

from collections.abc import Iterator, Mapping
from hashlib import blake2s
from typing import Any

from django import forms
from django.forms import BoundField
from django.utils.translation import gettext_lazy as _

from slotkeeper.offerings.actions import providers_of
from slotkeeper.offerings.models import Resource, Service
from slotkeeper.offerings.needs import MOST_OF_A_KIND, needs_of
from slotkeeper.offerings.resources import kinds_of
from slotkeeper.rules.sharing_out import FIRST_PRIORITY, LAST_PRIORITY, MOST_WEIGHT, USUAL_PRIORITY, Sharing

_SHORT = {"inputmode": "numeric", "size": "3"}


class SharingForm(forms.Form):
    """How those who are free take turns, each one's place, and what is needed; the form of a service takes it in."""

    sharing = forms.ChoiceField(
        label=_("Who of those who are free"),
        choices=[
            (Sharing.LEAST_BUSY.value, _("Whoever has least booked that day")),
            (Sharing.ROTATION.value, _("In turn: who had it longest ago")),
            (Sharing.PRIORITY.value, _("By priority: 1 before 9")),
        ],
        initial=Sharing.LEAST_BUSY.value,
        required=False,
        help_text=_("The history of each appointment says why it was given to that person."),
        widget=forms.RadioSelect,
    )
    needed_resources = forms.TypedMultipleChoiceField(
        label=_("These"), coerce=int, required=False, widget=forms.CheckboxSelectMultiple
    )

    def choose_people(self, people: list[tuple[int, str]]) -> None:
        """Offer a place for each of the people who could give the service."""
        self.people = people
        for user_id, name in people:
            self.fields[f"priority_{user_id}"] = forms.IntegerField(
                label=_("Priority of %(name)s") % {"name": name}, required=False,
                min_value=FIRST_PRIORITY, max_value=LAST_PRIORITY, widget=forms.NumberInput(attrs=_SHORT),
            )  # fmt: skip
            self.fields[f"weight_{user_id}"] = forms.IntegerField(
                label=_("Turns of %(name)s") % {"name": name}, required=False,
                min_value=1, max_value=MOST_WEIGHT, widget=forms.NumberInput(attrs=_SHORT),
            )  # fmt: skip

    def choose_resources(self, business_id: int, service: Service | None) -> None:
        """Offer the rooms and equipment of the business: the active ones, and what is needed already."""
        needed = set(service.needs.values_list("resource_id", flat=True)) if service else set()
        found = Resource.objects.filter(business_id=business_id).order_by("name", "pk")
        fields: Any = self.fields
        fields["needed_resources"].choices = [
            (one.pk, one.name if one.is_active else _("%(name)s (switched off)") % {"name": one.name})
            for one in found
            if one.is_active or one.pk in needed
        ]
        kinds = set(kinds_of(business_id))
        kinds |= {need["kind"] for need in needs_of(service) if "kind" in need} if service else set()
        self.kinds = {_field_of(kind): kind for kind in sorted(kinds, key=str.casefold)}
        for name, kind in self.kinds.items():
            fields[name] = forms.IntegerField(
                label=_("Any of the kind “%(kind)s”: how many") % {"kind": kind}, required=False,
                min_value=0, max_value=MOST_OF_A_KIND, widget=forms.NumberInput(attrs=_SHORT),
            )  # fmt: skip

    @property
    def places(self) -> Iterator[tuple[str, list[BoundField]]]:
        """Give each person's name with the fields of their place: priority and turns."""
        return ((name, [self[f"priority_{user_id}"], self[f"weight_{user_id}"]]) for user_id, name in self.people)

    @property
    def is_place_shown(self) -> bool:
        """Whether the places stand open: where something about them is wrong, or they matter."""
        has_errors = any(name.startswith(("priority_", "weight_")) for name in self.errors)
        return has_errors or self["sharing"].value() in {Sharing.ROTATION, Sharing.PRIORITY}

    @property
    def quantities(self) -> list[BoundField]:
        """Give the fields of how many of each kind are needed."""
        return [self[name] for name in self.kinds]

    def sharing_wanted(self) -> dict[str, Any]:
        """Give what was written in the verbs' words."""
        data: Mapping[str, Any] = self.cleaned_data
        named = [{"resource_id": one} for one in data["needed_resources"]]
        return {
            "sharing": data["sharing"] or Sharing.LEAST_BUSY.value,
            "providers": [
                {
                    "user_id": user_id,
                    "priority": data[f"priority_{user_id}"] or USUAL_PRIORITY,
                    "weight": data[f"weight_{user_id}"] or 1,
                }
                for user_id in data["user_ids"]
            ],
            "needs": named
            + [{"kind": kind, "quantity": data[name]} for name, kind in self.kinds.items() if data[name]],
        }


def initial_sharing(service: Service) -> dict[str, Any]:
    """Say what the form shows first of how a service is shared out and what it needs."""
    needs = needs_of(service)
    shown: dict[str, Any] = {"needed_resources": [need["resource_id"] for need in needs if "resource_id" in need]}
    for need in needs:
        if "kind" in need:
            shown[_field_of(need["kind"])] = need["quantity"]
    for place in providers_of(service):
        shown[f"priority_{place['user_id']}"] = place["priority"]
        shown[f"weight_{place['user_id']}"] = place["weight"]
    return shown


def _field_of(kind: str) -> str:
    """Name the field of a kind; kinds are any text, and two must not meet."""
    return f"quantity_{blake2s(kind.encode(), digest_size=8).hexdigest()}"
