"""The form with which a customer books: who they are, and what the service asks them."""

import re
from typing import Any, cast

from django import forms
from django.core.validators import RegexValidator
from django.http import QueryDict
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from slotkeeper.appointments.self_service import CustomerBooking
from slotkeeper.doors.public.sent_forms import new_form_key
from slotkeeper.doors.public.visits import Visit
from slotkeeper.offerings.questions import MAX_ANSWER_CHARACTERS, NO, YES, Question, questions_of

_ONE_LINE = RegexValidator(
    re.compile(r"[\x00-\x1f\x7f]"), _("Please write this in one line of ordinary text."), inverse_match=True
)
_SEVERAL_LINES = RegexValidator(
    re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f]"), _("Please write ordinary text only."), inverse_match=True
)


class BookingForm(forms.Form):
    """Name, address, and the answers to the service's questions."""

    name = forms.CharField(
        label=_("Your name"),
        max_length=100,
        validators=[_ONE_LINE],
        widget=forms.TextInput(attrs={"autocomplete": "name"}),
    )
    email = forms.EmailField(
        label=_("Email"),
        max_length=255,
        validators=[_ONE_LINE],
        widget=forms.EmailInput(attrs={"autocomplete": "email"}),
    )
    phone = forms.CharField(
        label=_("Phone"),
        max_length=20,
        required=False,
        validators=[_ONE_LINE],
        widget=forms.TextInput(attrs={"autocomplete": "tel", "type": "tel", "inputmode": "tel"}),
    )
    # What tells this page's form from every other: sent twice, it books once.
    form_key = forms.CharField(required=False, initial=new_form_key, widget=forms.HiddenInput)
    # No person sees this field; programs that fill in every form give themselves away.
    website = forms.CharField(
        label=_("Leave this empty"),
        required=False,
        widget=forms.TextInput(attrs={"autocomplete": "off", "tabindex": "-1"}),
    )

    def __init__(self, visit: Visit, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        assert visit.service is not None
        self.questions = questions_of(visit.service.questions)
        for number, question in enumerate(self.questions):
            self.fields[f"answer_{number}"] = _field(question)
        # Last, because it is what one writes last.
        self.fields["notes"] = forms.CharField(
            label=_("Anything we should know"),
            max_length=2000,
            required=False,
            validators=[_SEVERAL_LINES],
            widget=forms.Textarea(attrs={"rows": 3}),
        )

    def clean_website(self) -> str:
        """Refuse whoever filled in what nobody sees, in words that help a person whose browser did it."""
        if self.cleaned_data["website"]:
            emptied = cast("QueryDict", self.data).copy()
            emptied["website"] = ""
            self.data = emptied
            raise forms.ValidationError(
                gettext("A field that must stay empty was filled in. Please send the form again.")
            )
        return ""

    def booking(self, visit: Visit, start: int, locale: str) -> CustomerBooking:
        """Give what is to be booked, once the form is valid."""
        assert visit.service is not None
        cleaned = self.cleaned_data
        answers = ((one.text, _answer(cleaned[f"answer_{number}"])) for number, one in enumerate(self.questions))
        return CustomerBooking(
            business_id=visit.business.pk,
            service_id=visit.service.pk,
            start=start,
            contact_name=cleaned["name"],
            contact_email=cleaned["email"],
            contact_phone=cleaned["phone"] or None,
            notes=cleaned["notes"] or None,
            user_id=visit.user_id,
            answers=tuple((question, answer) for question, answer in answers if answer),
            time_zone=visit.zone,
            locale=locale,
        )


class ReasonForm(forms.Form):
    """Why an appointment is canceled, if somebody wants to say so."""

    reason = forms.CharField(
        label=_("Reason"),
        max_length=500,
        required=False,
        validators=[_SEVERAL_LINES],
        widget=forms.Textarea(attrs={"rows": 2}),
    )


def _field(question: Question) -> forms.Field:
    common: dict[str, Any] = {"label": question.text, "required": question.is_required}
    if question.kind == "checkbox":
        return forms.BooleanField(**common)
    if question.kind == "choice":
        named = [("", _("Please choose")), *((choice, choice) for choice in question.choices)]
        return forms.ChoiceField(choices=named, **common)
    if question.kind == "long_text":
        area = forms.Textarea(attrs={"rows": 3})
        return forms.CharField(max_length=MAX_ANSWER_CHARACTERS, validators=[_SEVERAL_LINES], widget=area, **common)
    return forms.CharField(max_length=MAX_ANSWER_CHARACTERS, validators=[_ONE_LINE], **common)


def _answer(given: str | bool) -> str:
    if isinstance(given, bool):
        return YES if given else NO
    return given
