"""The page of the audit trail: who changed what, when and from where; and the same as a file."""

from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from typing import Any

from django import forms
from django.core.paginator import Paginator
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse, HttpResponseBase
from django.utils.functional import Promise
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _
from django.views.decorators.cache import never_cache

from slotkeeper.changes.models import Change
from slotkeeper.changes.search import Wanted
from slotkeeper.doors.access import permit
from slotkeeper.doors.audit_lines import MAX_EXPORT_DAYS, export_answer, shown_state, trail_of
from slotkeeper.doors.dashboard.appointment_list import PAGE_ROWS, DayField, query_without_page
from slotkeeper.doors.dashboard.asking import (
    MOST_PAGES,
    caller_of,
    now,
    people_of,
    refuse_control_characters,
    show,
)
from slotkeeper.doors.dashboard.audit_words import (
    KINDS,
    deed_in_words,
    fields_in_words,
    kind_in_words,
    subject_link,
    subject_name,
)
from slotkeeper.doors.dashboard.history import ChangedField
from slotkeeper.doors.ids import known_id, number_from
from slotkeeper.people.callers import Caller
from slotkeeper.people.deeds import actors_of
from slotkeeper.rules.intervals import Interval
from slotkeeper.rules.local_time import day_bounds, local_day
from slotkeeper.rules.permissions import Permission
from slotkeeper.spreadsheets import CSV_TYPE, JSON_LINES_TYPE

_FORMATS = {"csv": CSV_TYPE, "jsonl": JSON_LINES_TYPE}


class TrailForm(forms.Form):
    """What the trail is narrowed to."""

    q = forms.CharField(
        label=_("Search"), max_length=200, required=False, validators=[refuse_control_characters],
        widget=forms.TextInput(attrs={"type": "search"}),
    )  # fmt: skip
    start = DayField(_("From"))
    end = DayField(_("Until"))
    kind = forms.ChoiceField(label=_("What"), required=False)
    user_id = forms.ChoiceField(label=_("Who"), required=False)
    subject_id = forms.IntegerField(required=False, widget=forms.HiddenInput)

    def __init__(self, caller: Caller, data: dict[str, str]) -> None:
        super().__init__(data)
        fields: Any = self.fields
        kinds = sorted(((name, str(kind.words)) for name, kind in KINDS.items()), key=lambda one: one[1].casefold())
        fields["kind"].choices = [("", _("Everything")), *kinds]
        people = people_of(caller.business_id)
        fields["user_id"].choices = [("", _("Anybody")), *((str(pk), name) for pk, name in people.items())]

    def clean(self) -> dict[str, Any]:
        """Refuse a stretch that ends before it begins."""
        cleaned: dict[str, Any] = super().clean() or {}
        if cleaned.get("start") and cleaned.get("end") and cleaned["end"] < cleaned["start"]:
            self.add_error("end", gettext("The end must come after the start."))
        return cleaned


@dataclass(frozen=True, slots=True)
class Line:
    """One change, in words."""

    change: Change
    deed: str | Promise
    kind: str | Promise
    name: str
    link: str
    fields: list[ChangedField]


@permit(Permission.AUDIT_READ)
@never_cache
def trail(request: HttpRequest) -> HttpResponse:
    """List who changed what, newest first."""
    caller = caller_of(request)
    form = TrailForm(caller, request.GET.dict())
    wish = form.cleaned_data if form.is_valid() else {}
    found = _found(caller, wish, _stretch(wish, caller.time_zone))
    page = Paginator(found, PAGE_ROWS).get_page(number_from(request.GET.get("page"), MOST_PAGES) or 1)
    people = people_of(caller.business_id)
    context = {
        "form": form,
        "page": page,
        "lines": [_line(change, caller, people) for change in page.object_list],
        "is_narrowed": any(request.GET.get(name) for name in form.fields),
        "query": query_without_page(request.GET),
        "most_days": MAX_EXPORT_DAYS,
    }
    return show(request, "dashboard/audit.html", context)


@permit(Permission.AUDIT_READ)
@never_cache
def export(request: HttpRequest) -> HttpResponseBase:
    """Give a stretch of the trail as a file: at most a year, the last one where none is named."""
    caller = caller_of(request)
    form = TrailForm(caller, request.GET.dict())
    if not form.is_valid():
        return show(request, "dashboard/audit.html", {"form": form, "most_days": MAX_EXPORT_DAYS}, 400)
    wish = form.cleaned_data
    today = local_day(caller.time_zone, now())
    last = wish["end"] or max(today, wish["start"] or today)
    first = wish["start"] or last - timedelta(days=MAX_EXPORT_DAYS - 1)
    if (last - first).days >= MAX_EXPORT_DAYS:
        form.add_error("end", gettext("A file holds at most %(days)d days.") % {"days": MAX_EXPORT_DAYS})
        return show(request, "dashboard/audit.html", {"form": form, "most_days": MAX_EXPORT_DAYS}, 400)
    stretch = _stretch({"start": first, "end": last}, caller.time_zone)
    within = Interval(*(int(edge.timestamp()) for edge in stretch if edge is not None))
    media_type = _FORMATS.get(request.GET.get("format", ""), CSV_TYPE)
    return export_answer(_found(caller, wish, stretch), caller, media_type, within)


def _found(caller: Caller, wish: dict[str, Any], stretch: tuple[datetime | None, datetime | None]) -> QuerySet[Change]:
    user_id, subject_id = number_from(wish.get("user_id")), wish.get("subject_id")
    wanted = Wanted(
        caller.business_id,
        *stretch,
        subject_kind=wish.get("kind", ""),
        subject_id=None if subject_id is None else known_id(max(subject_id, 0)),
        actors=None if user_id is None else actors_of(caller.business_id, user_id),
        text=wish.get("q", ""),
    )
    return trail_of(caller, wanted)


def _stretch(wish: dict[str, Any], zone: str) -> tuple[datetime | None, datetime | None]:
    """Give the first instant of the first day, and the end of the last, as far as they are named."""
    first, last = wish.get("start"), wish.get("end")
    return (
        None if first is None else datetime.fromtimestamp(day_bounds(zone, *_parts(first)).start, UTC),
        None if last is None else datetime.fromtimestamp(day_bounds(zone, *_parts(last)).end, UTC),
    )


def _parts(day: date) -> tuple[int, int, int]:
    return day.year, day.month, day.day


def _line(change: Change, caller: Caller, people: dict[int, str]) -> Line:
    before, after = shown_state(change.before, caller), shown_state(change.after, caller)
    shown = Change(subject_kind=change.subject_kind, subject_id=change.subject_id, before=before, after=after)
    return Line(
        change,
        deed_in_words(change.verb),
        kind_in_words(change.subject_kind),
        subject_name(shown, people),
        subject_link(change, caller),
        fields_in_words(before, after, people, caller.time_zone),
    )
