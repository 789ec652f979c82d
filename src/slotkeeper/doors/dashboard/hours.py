"""The page of somebody's hours: week, dates that differ, time off. A change first shows what it leaves outside."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from hashlib import sha256
from typing import Any
from zoneinfo import ZoneInfo

from django import forms
from django.contrib import messages
from django.core.exceptions import PermissionDenied
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext
from django.views.decorators.cache import never_cache

from slotkeeper.appointments.hours_impact import MAX_APPOINTMENTS, HoursProposal, read_impact
from slotkeeper.appointments.rows import AppointmentRow
from slotkeeper.doors.access import permit
from slotkeeper.doors.dashboard.asking import caller_of, now, people_for, readable
from slotkeeper.doors.dashboard.hours_form import (
    USUAL_WEEK,
    DayRow,
    OverrideForm,
    TimeOffForm,
    different_days,
    in_words,
    read_week_rows,
    refuse_rows,
    week_rows,
)
from slotkeeper.doors.ids import number_from
from slotkeeper.doors.zones import zone_in_words
from slotkeeper.offerings.hours import (
    HoursVersionConflict,
    Member,
    clear_override,
    read_week,
    set_override,
    set_weekly_hours,
)
from slotkeeper.offerings.models import DateOverride, TimeOff
from slotkeeper.offerings.refusals import InvalidFields, NotInBusiness
from slotkeeper.offerings.time_off import add_time_off, remove_time_off
from slotkeeper.people.models import Membership
from slotkeeper.rules.intervals import Interval
from slotkeeper.rules.local_time import local_day
from slotkeeper.rules.permissions import Permission

MOST_LISTED = 200


@dataclass(frozen=True, slots=True)
class Impact:
    """The appointments that a change would leave outside; `mark` is what "save anyway" sends back."""

    rows: list[dict[str, Any]]
    mark: str
    is_cut: bool


@dataclass(slots=True)
class State:
    """How the page's forms stand; what is None stands as it is stored."""

    week: list[DayRow] | None = None
    version: int | None = None  # of the week that was shown when this one was typed
    stored: list[tuple[Any, str]] | None = None  # the days that somebody else has set otherwise meanwhile
    override: OverrideForm | None = None
    override_day: DayRow | None = None
    time_off: TimeOffForm | None = None
    impacts: dict[str, Impact] = field(default_factory=dict)
    clearing: date | None = None


@permit(Permission.HOURS_WRITE)
@never_cache
def hours(request: HttpRequest) -> HttpResponse:
    """Show the hours of the caller, or with `?user_id=` of somebody else."""
    return _page(request, _membership(request), State())


@permit(Permission.HOURS_WRITE)
@never_cache
def week(request: HttpRequest) -> HttpResponse:
    """Change the ordinary week."""
    membership = _membership(request)
    if request.method != "POST":
        return _back(membership)
    state = State(version=number_from(request.POST.get("version")))
    if "usual" in request.POST:
        state.week = week_rows([USUAL_WEEK.get(weekday, ()) for weekday in range(7)])
        days = dict(USUAL_WEEK)
    else:
        state.week = read_week_rows(request.POST)
        days = {weekday: row.ranges for weekday, row in enumerate(state.week)}
    if "more" in request.POST or any(row.error for row in state.week):
        return _page(request, membership, state)
    versions = None if state.version is None else frozenset({state.version})
    is_stale = versions is not None and membership.hours_version not in versions
    try:
        if is_stale or _is_meant(request, membership, HoursProposal(weekly=days), state, "week"):
            set_weekly_hours(_member(membership), days, caller_of(request).actor, versions)
            return _saved(request, membership)
    except InvalidFields as error:
        refuse_rows(state.week, error.reasons)
    except HoursVersionConflict as error:
        state.version = error.current.hours_version
        state.stored = different_days(read_week(membership.pk), days)
    return _page(request, membership, state)


@permit(Permission.HOURS_WRITE)
@never_cache
def override(request: HttpRequest) -> HttpResponse:
    """Give a date other hours, or close it."""
    membership = _membership(request)
    if request.method != "POST":
        return _back(membership)
    form, day = OverrideForm(request.POST), _override_row()
    day.read(request.POST)
    state = State(override=form, override_day=day)
    is_open = form.is_valid() and form.cleaned_data["kind"] == "open"
    if is_open and not day.ranges and not day.error:
        day.error = gettext("Write from when until when.")
    if not form.is_valid() or (is_open and day.error):
        return _page(request, membership, state)
    on, ranges = form.cleaned_data["date"], day.ranges if is_open else []
    try:
        if _is_meant(request, membership, HoursProposal(overrides={on: ranges}), state, "override"):
            set_override(_member(membership), on, ranges, caller_of(request).actor)
            return _saved(request, membership)
    except InvalidFields as error:
        refuse_rows([day], error.reasons)
    return _page(request, membership, state)


@permit(Permission.HOURS_WRITE)
@never_cache
def clear(request: HttpRequest) -> HttpResponse:
    """Give a date its weekday's hours again."""
    membership = _membership(request)
    on = _date(request.POST.get("date"))
    if request.method == "POST" and on is not None:
        state = State(clearing=on)
        if not _is_meant(request, membership, HoursProposal(overrides={on: None}), state, "clear"):
            return _page(request, membership, state)
        try:
            clear_override(_member(membership), on, caller_of(request).actor)
        except NotInBusiness:
            return _back(membership)  # somebody was quicker
        return _saved(request, membership)
    return _back(membership)


@permit(Permission.HOURS_WRITE)
@never_cache
def away(request: HttpRequest) -> HttpResponse:
    """Take time off."""
    membership = _membership(request)
    if request.method != "POST":
        return _back(membership)
    form = TimeOffForm(membership.user.time_zone, request.POST)
    state = State(time_off=form)
    if form.is_valid():
        absence = form.cleaned_data["absence"]
        proposal = HoursProposal(time_off=Interval(absence.start, absence.end))
        if _is_meant(request, membership, proposal, state, "time_off"):
            add_time_off(_member(membership), absence, caller_of(request).actor, now())
            return _saved(request, membership)
    return _page(request, membership, state)


@permit(Permission.HOURS_WRITE)
@never_cache
def return_early(request: HttpRequest, time_off_id: int) -> HttpResponse:
    """Take a stretch of time off back; it leaves nothing outside."""
    membership = _membership(request)
    if request.method == "POST":
        try:
            remove_time_off(_member(membership), number_from(str(time_off_id)) or 0, caller_of(request).actor)
        except NotInBusiness:
            raise Http404 from None
        return _saved(request, membership)
    return _back(membership)


def _page(request: HttpRequest, membership: Membership, state: State) -> HttpResponse:
    caller, zone = caller_of(request), membership.user.time_zone
    version = state.version or membership.hours_version  # read before the week, so that it is never too new
    stored = read_week(membership.pk)
    override_day = state.override_day or _override_row()
    override_day.widen()
    now = datetime.now(UTC)
    today = local_day(zone, int(now.timestamp()))
    overrides = DateOverride.objects.filter(membership=membership, date__gte=today).order_by("date")[:MOST_LISTED]
    may_change_all = caller.may(Permission.HOURS_WRITE_ALL)
    context = {
        "person": membership.user,
        "is_own": membership.user_id == caller.user_id,
        "people": people_for(caller, Permission.HOURS_WRITE_ALL) if may_change_all else {},
        "may_close": caller.may(Permission.CLOSURES_WRITE),
        "query": f"?user_id={membership.user_id}",
        "zone": zone_in_words(zone),
        "is_empty": not any(stored),
        "week": state.week or week_rows(stored),
        "version": version,
        "stored": state.stored,
        "overrides": [{"date": one.date, "words": in_words(one.ranges)} for one in overrides],
        "override": state.override or OverrideForm(),
        "override_day": override_day,
        "absences": _absences(membership, now),
        "time_off": state.time_off or TimeOffForm(zone),
        "impacts": state.impacts,
        "clearing": state.clearing,
    }
    with timezone.override(ZoneInfo(zone)):
        return render(request, "dashboard/hours.html", context, status=200 if state.stored is None else 409)


def _absences(membership: Membership, now: datetime) -> list[dict[str, Any]]:
    """List the time off to come; from midnight to midnight it is whole days, up to and with `last`."""
    to_come = TimeOff.objects.filter(user_id=membership.user_id, end_time__gt=now).order_by("start_time", "pk")
    zone = ZoneInfo(membership.user.time_zone)
    absences = []
    for one in to_come[:MOST_LISTED]:
        start, end = one.start_time.astimezone(zone), one.end_time.astimezone(zone)
        is_days = start.time() == end.time() == datetime.min.time()
        last = (end - timedelta(days=1)).date()
        absences.append({"time_off": one, "is_days": is_days, "first": start.date(), "last": last})
    return absences


def _is_meant(request: HttpRequest, membership: Membership, proposal: HoursProposal, state: State, form: str) -> bool:
    """Say whether to store a change: it leaves nothing outside, or exactly what was shown, and is still wanted."""
    impact = _impact(read_impact(_member(membership), proposal, readable(caller_of(request)), now()))
    if not impact.rows or request.POST.get("anyway") == impact.mark:
        return True
    state.impacts[form] = impact
    return False


def _impact(left: Sequence[AppointmentRow]) -> Impact:
    mark = sha256(repr([(row.id, row.start_time, row.end_time) for row in left]).encode()).hexdigest()[:32]
    rows = [
        {"row": row, "start": _moment(row.start_time), "end": _moment(row.end_time)} for row in left
    ]  # fmt: skip
    return Impact(rows, mark, len(left) == MAX_APPOINTMENTS)


def _membership(request: HttpRequest) -> Membership:
    """Find whose hours are meant. Raises Http404, and PermissionDenied for somebody else's without the right to."""
    caller = caller_of(request)
    asked = request.GET.get("user_id")
    user_id = caller.user_id if asked is None else number_from(asked)
    memberships = Membership.objects.in_business(caller.business_id).active().select_related("user")
    membership = memberships.filter(user_id=user_id or 0).first()
    if membership is None:
        raise Http404
    if not caller.reaches(membership.user_id, Permission.HOURS_WRITE_ALL):
        raise PermissionDenied
    return membership


def _member(membership: Membership) -> Member:
    return Member(membership.business_id, membership.user_id)


def _override_row() -> DayRow:
    return DayRow("override", gettext("That day"))


def _date(text: str | None) -> date | None:
    try:
        on: date = forms.DateField(input_formats=["%Y-%m-%d"]).clean(text)
    except forms.ValidationError:
        return None
    return on


def _saved(request: HttpRequest, membership: Membership) -> HttpResponse:
    messages.success(request, gettext("Saved."))
    return _back(membership)


def _back(membership: Membership) -> HttpResponse:
    return redirect(f"{reverse('hours')}?user_id={membership.user_id}")


def _moment(instant: int) -> datetime:
    return datetime.fromtimestamp(instant, UTC)
