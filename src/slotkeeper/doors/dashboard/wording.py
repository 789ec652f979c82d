"""How messages are worded, and by which ways they are sent: a list of the kinds, and an editor with a preview."""

from dataclasses import dataclass
from typing import Any

from django import forms
from django.conf import settings
from django.contrib import messages
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.utils.translation import get_language_info, gettext, override
from django.utils.translation import gettext_lazy as _
from django.views.decorators.cache import never_cache

from slotkeeper.doors.access import permit
from slotkeeper.doors.dashboard.asking import caller_of, now, show
from slotkeeper.doors.middleware import PAGE_POLICY
from slotkeeper.outbox.choices import all_choices, choose_channels
from slotkeeper.outbox.frames import frame_of
from slotkeeper.outbox.kinds import TO_CUSTOMERS, ChannelName, Kind
from slotkeeper.outbox.letters import sms_text, write_letter
from slotkeeper.outbox.placeholders import MEANINGS, NEVER_EMPTY, PLACEHOLDERS, samples
from slotkeeper.outbox.segments import segments_of
from slotkeeper.outbox.wording import MOST_IN_BODY, MOST_IN_SUBJECT, Wording, as_typed, check_wording
from slotkeeper.outbox.wordings import (
    InvalidWording,
    WordingKey,
    WordingVersionConflict,
    default_wording,
    own_wordings,
    reset_wording,
    save_wording,
    ways_of,
    wording_of,
)
from slotkeeper.outbox.words import channel_in_words, kind_in_words, occasion_in_words
from slotkeeper.people.models import Business
from slotkeeper.rules.permissions import Permission

# The page may hold the preview in a frame of its own; the preview may do nothing but show its looks.
_EDITOR_POLICY = f"{PAGE_POLICY}; frame-src 'self'"
_PREVIEW_POLICY = (
    "default-src 'none'; style-src 'self' 'unsafe-inline'; base-uri 'none'; form-action 'none'; "
    "frame-ancestors 'self'; sandbox"
)
_LARGEST_VERSION = 2**31 - 1


class WordingForm(forms.Form):
    """What a message says. Whether it may is decided by the verb, which also serves the preview."""

    subject = forms.CharField(
        label=_("Subject"), required=False, strip=False, widget=forms.TextInput(attrs={"autocomplete": "off"})
    )
    body = forms.CharField(
        label=_("Text"), required=False, strip=False, widget=forms.Textarea(attrs={"rows": 14, "spellcheck": "true"})
    )
    version = forms.IntegerField(
        required=False, min_value=0, max_value=_LARGEST_VERSION, widget=forms.HiddenInput(attrs={"id": None})
    )

    def __init__(self, channel: ChannelName, *args: Any, **options: Any) -> None:
        super().__init__(*args, **options)
        self.fields["body"].help_text = gettext("At most %(most)d characters.") % {"most": MOST_IN_BODY[channel]}
        self.fields["subject"].help_text = gettext("At most %(most)d characters.") % {"most": MOST_IN_SUBJECT}
        if channel is ChannelName.SMS:
            del self.fields["subject"]

    def wording(self) -> Wording:
        """Give what was typed, as the verb takes it."""
        data = self.cleaned_data
        return Wording(data.get("subject", ""), data["body"], data["version"] or 0)


@dataclass(frozen=True, slots=True)
class Editor:
    """A way to one wording, called by its language; and by its channel, too, where there are several."""

    channel: ChannelName
    locale: str
    is_named: bool
    is_own: bool

    @property
    def way(self) -> str:
        """Name the channel."""
        return channel_in_words(self.channel)

    @property
    def name(self) -> str:
        """Name the language, in its own words."""
        return str(get_language_info(self.locale)["name_local"])


@dataclass(frozen=True, slots=True)
class Line:
    """A kind of message in the list."""

    kind: Kind
    name: str
    occasion: str
    ways: list[tuple[ChannelName, str, bool]]  # which, its name, whether it is chosen
    editors: list[Editor]


@permit(Permission.MESSAGES_READ)
@never_cache
def listing(request: HttpRequest) -> HttpResponse:
    """List the kinds of messages: by which ways they are sent, and how they are worded."""
    caller = caller_of(request)
    lines = _lines(caller.business_id)
    context = {
        "groups": [
            (gettext("To customers"), [line for line in lines if line.kind in TO_CUSTOMERS]),
            (gettext("To you and your colleagues"), [line for line in lines if line.kind not in TO_CUSTOMERS]),
        ],
        "shown": " ".join(f"{line.kind}.{way}" for line in lines for way, _, is_on in line.ways if is_on),
        "may_write": caller.may(Permission.SETTINGS_WRITE),
    }
    return show(request, "dashboard/wordings.html", context)


@permit(Permission.SETTINGS_WRITE)
@never_cache
def choose(request: HttpRequest) -> HttpResponse:
    """Choose by which ways each kind is sent; what was not changed on the page stays as others have set it."""
    if request.method == "POST":
        caller = caller_of(request)
        wanted, shown = set(request.POST.getlist("send")), set(request.POST.get("shown", "").split())
        chosen = all_choices(caller.business_id)
        changed: dict[Kind, frozenset[ChannelName]] = {}
        for kind in Kind:
            names = {f"{kind}.{way}": way for way in _ways_shown(kind)}
            chosen_now = wanted & names.keys()
            if chosen_now != shown & names.keys():
                changed[kind] = chosen[kind] - {*names.values()} | {names[name] for name in chosen_now}
        choose_channels(caller.business_id, changed, caller.actor)
        messages.success(request, gettext("Saved."))
    return redirect("wordings")


@permit(Permission.MESSAGES_READ)
@never_cache
def edit(request: HttpRequest, kind: str, channel: str, locale: str) -> HttpResponse:
    """Show a wording, with a preview and the facts that it may name."""
    key = _key(request, kind, channel, locale)
    return _page(request, key, _form(key, _serving(key)))


@permit(Permission.SETTINGS_WRITE)
@never_cache
def save(request: HttpRequest, kind: str, channel: str, locale: str) -> HttpResponse:
    """Store a wording; what was typed stays where it cannot be stored."""
    key = _key(request, kind, channel, locale)
    if request.method != "POST":
        return redirect("wording", *_address(key))
    form, stored = WordingForm(key.channel, request.POST), None
    if form.is_valid():
        try:
            save_wording(key, form.wording(), caller_of(request).actor)
        except InvalidWording as error:
            for field, reason in error.reasons.items():
                form.add_error(field, reason)
        except WordingVersionConflict as error:
            stored, data = error.current, request.POST.copy()
            data["version"] = str(stored.version)
            form = WordingForm(key.channel, data)
        else:
            messages.success(request, gettext("Saved."))
            return redirect("wording", *_address(key))
    return _page(request, key, form, stored)


@permit(Permission.SETTINGS_WRITE)
@never_cache
def reset(request: HttpRequest, kind: str, channel: str, locale: str) -> HttpResponse:
    """Go back to the built-in wording."""
    key = _key(request, kind, channel, locale)
    if request.method == "POST":
        form = WordingForm(key.channel, request.POST)
        version = form.cleaned_data.get("version") if form.is_valid() else None
        try:
            reset_wording(key, version or 0, caller_of(request).actor)
        except WordingVersionConflict as error:
            return _page(request, key, _form(key, error.current), error.current)
        messages.success(request, gettext("The built-in wording serves again."))
    return redirect("wording", *_address(key))


@permit(Permission.MESSAGES_READ)
@never_cache
def preview(request: HttpRequest, kind: str, channel: str, locale: str) -> HttpResponse:
    """Show a message as its reader would see it, with made-up facts: as it is stored, or as it was just typed.

    It stands in a frame that may run nothing and load no more than a style sheet: what is wrong in it stays in there.
    """
    key = _key(request, kind, channel, locale)
    wording, faults = _serving(key), {}
    if request.method == "POST":
        subject, body = (as_typed(request.POST.get(name, "")) for name in ("subject", "body"))
        wording, faults = Wording(subject, body), check_wording(key.kind, key.channel, subject, body)
    labels = {"subject": gettext("Subject"), "body": gettext("Text")}
    context: dict[str, Any] = {"faults": [(labels[field], fault) for field, fault in faults.items()], "key": key}
    if not faults:
        context |= _written(key, wording)
    response = show(request, "dashboard/wording_preview.html", context)
    response["Content-Security-Policy"] = _PREVIEW_POLICY
    response["X-Frame-Options"] = "SAMEORIGIN"
    return response


def is_sms_set_up() -> bool:
    """Say whether this installation can send SMS."""
    return bool(settings.CONFIGURATION.twilio_account_sid)


def _lines(business_id: int) -> list[Line]:
    chosen, own = all_choices(business_id), own_wordings(business_id)
    return [
        Line(
            kind,
            kind_in_words(kind),
            occasion_in_words(kind),
            [(way, channel_in_words(way), way in chosen[kind]) for way in _ways_shown(kind)],
            [
                Editor(way, code, len(_ways_shown(kind)) > 1, (kind, way, code) in own)
                for way in _ways_shown(kind)
                for code in dict(settings.LANGUAGES)
            ],
        )
        for kind in Kind
    ]


def _ways_shown(kind: Kind) -> list[ChannelName]:
    return [way for way in ways_of(kind) if way is not ChannelName.SMS or is_sms_set_up()]


def _key(request: HttpRequest, kind: str, channel: str, locale: str) -> WordingKey:
    """Say which wording is meant. Raises Http404."""
    try:
        key = WordingKey(caller_of(request).business_id, Kind(kind), ChannelName(channel), locale)
    except ValueError:
        raise Http404 from None
    if key.channel not in ways_of(key.kind) or locale not in dict(settings.LANGUAGES):
        raise Http404
    return key


def _address(key: WordingKey) -> tuple[str, str, str]:
    return key.kind.value, key.channel.value, key.locale


def _serving(key: WordingKey) -> Wording:
    return wording_of(key.business_id, key.kind, key.channel, key.locale)


def _form(key: WordingKey, wording: Wording) -> WordingForm:
    initial = {"subject": wording.subject, "body": wording.body, "version": wording.version}
    return WordingForm(key.channel, initial=initial)


def _page(request: HttpRequest, key: WordingKey, form: WordingForm, stored: Wording | None = None) -> HttpResponse:
    """Show the editor; `stored` is what serves since somebody else changed it."""
    serving, may_write = stored or _serving(key), caller_of(request).may(Permission.SETTINGS_WRITE)
    for name in ("subject", "body"):
        if name in form.fields:
            form.fields[name].widget.attrs |= {"lang": key.locale} | ({} if may_write else {"readonly": True})
    with override(key.locale):
        built_in = default_wording(key.kind, key.channel)
    context = {
        "key": key,
        "form": form,
        "stored": None if stored is None else _differences(form, stored),
        "serving": serving,
        "built_in": built_in,
        "kind_name": kind_in_words(key.kind),
        "channel_name": channel_in_words(key.channel),
        "language_name": get_language_info(key.locale)["name_local"],
        "placeholders": [(name, MEANINGS[name], name not in NEVER_EMPTY) for name in PLACEHOLDERS[key.kind]],
        "may_write": may_write,
    }
    status = 200 if stored is None else 409
    response = show(request, "dashboard/wording.html", context, status)
    response["Content-Security-Policy"] = _EDITOR_POLICY
    return response


def _differences(form: WordingForm, stored: Wording) -> list[tuple[Any, str]]:
    """List what serves otherwise than it was typed."""
    words = {"subject": stored.subject, "body": stored.body}
    return [
        (form[name].label, words[name])
        for name in words
        if name in form.fields and as_typed(str(form[name].value() or "")) != words[name]
    ]


def _written(key: WordingKey, wording: Wording) -> dict[str, Any]:
    """Write a message with made-up facts, in its own language."""
    business = Business.objects.get(pk=key.business_id)
    with override(key.locale):
        values = samples(key.kind, business.name, business.time_zone, now())
        if key.channel is ChannelName.SMS:
            text = sms_text(wording, values)
            return {"text": text, "segments": segments_of(text)}
        frame = frame_of(key.kind, values, business.name, business.accent_color)
        return {"letter": write_letter(wording, values, frame)}
