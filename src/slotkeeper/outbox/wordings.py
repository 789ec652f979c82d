"""Which wording serves: a business's own, or the built-in one; and the verbs that change that."""

from dataclasses import dataclass
from datetime import UTC, datetime

from django.conf import settings
from django.db import IntegrityError, transaction
from django.db.models import QuerySet
from django.utils.translation import override

from slotkeeper.changes.record import Actor, Subject, changed_fields, record
from slotkeeper.changes.versions import StaleVersion
from slotkeeper.languages import known_language
from slotkeeper.outbox.default_wording import BODIES, SHORT_TEXTS, SUBJECTS
from slotkeeper.outbox.kinds import BY_SMS, ChannelName, Kind
from slotkeeper.outbox.models import MessageTemplate
from slotkeeper.outbox.wording import Wording, as_typed, check_wording

_SUBJECT_KIND = "message_template"


class InvalidWording(Exception):
    """The wording cannot be so; `reasons` says why, by field, in the language that is spoken."""

    def __init__(self, reasons: dict[str, str]) -> None:
        super().__init__(" ".join(f"{field}: {reason}" for field, reason in reasons.items()))
        self.reasons = reasons


class WordingVersionConflict(StaleVersion):
    """The wording was changed in the meantime; `current` is the one that serves now."""


@dataclass(frozen=True, slots=True)
class WordingKey:
    """Which wording: of which business, for which kind of message, on which way, in which of our languages."""

    business_id: int
    kind: Kind
    channel: ChannelName
    locale: str


def ways_of(kind: Kind) -> tuple[ChannelName, ...]:
    """List the ways on which a kind of message can travel: only what is about appointments goes to phones, too."""
    return (ChannelName.EMAIL, ChannelName.SMS) if kind in BY_SMS else (ChannelName.EMAIL,)


def default_wording(kind: Kind, channel: ChannelName) -> Wording:
    """Give the built-in wording, in the language that is spoken now."""
    if channel is ChannelName.SMS:
        return Wording("", str(SHORT_TEXTS[kind]))
    return Wording(str(SUBJECTS[kind]), str(BODIES[kind]))


def wording_of(business_id: int, kind: Kind, channel: ChannelName, locale: str) -> Wording:
    """Give the wording that serves a reader of a locale such as `de-AT`; of an unknown one, that of English."""
    language = known_language(locale) or settings.LANGUAGE_CODE
    key = WordingKey(business_id, kind, channel, language)
    return _wording(_rows(key).first(), key)


def own_wordings(business_id: int) -> frozenset[tuple[Kind, ChannelName, str]]:
    """Say which wordings are the business's own: kind, way and language."""
    rows = MessageTemplate.objects.filter(business_id=business_id).values_list("kind", "channel", "locale")
    return frozenset((Kind(kind), ChannelName(channel), locale) for kind, channel, locale in rows)


def save_wording(key: WordingKey, wording: Wording, actor: Actor) -> Wording:
    """Word a message in the business's own words; `wording.version` is the one that they were made from.

    Words that serve already change nothing. Raises InvalidWording and WordingVersionConflict.
    """
    subject = as_typed(wording.subject) if key.channel is ChannelName.EMAIL else ""
    wanted = {"subject": subject, "body": as_typed(wording.body)}
    reasons = check_wording(key.kind, key.channel, **wanted)
    if reasons:
        raise InvalidWording(reasons)
    with transaction.atomic():
        row = _rows(key).select_for_update().first()
        current = _wording(row, key)
        if current.version != wording.version:
            raise WordingVersionConflict(current)
        before, after = changed_fields({"subject": current.subject, "body": current.body}, wanted)
        if not after:
            return current
        if row is None:
            row = _insert(key, wanted)
        else:
            row.subject, row.body, row.version = wanted["subject"], wanted["body"], row.version + 1
            row.updated_at = datetime.now(UTC)
            row.save()
        record(_subject(key, row), "updated", actor, _about(key) | before, _about(key) | after)
    return _wording(row, key)


def reset_wording(key: WordingKey, version: int, actor: Actor) -> None:
    """Go back to the built-in wording. Raises WordingVersionConflict."""
    with transaction.atomic():
        row = _rows(key).select_for_update().first()
        if row is None:
            return
        if row.version != version:
            raise WordingVersionConflict(_wording(row, key))
        before = _about(key) | {"subject": row.subject, "body": row.body}
        record(_subject(key, row), "deleted", actor, before, None)
        row.delete()


def _rows(key: WordingKey) -> QuerySet[MessageTemplate]:
    return MessageTemplate.objects.filter(
        business_id=key.business_id, kind=key.kind, channel=key.channel, locale=key.locale
    )


def _wording(row: MessageTemplate | None, key: WordingKey) -> Wording:
    if row is not None:
        return Wording(row.subject, row.body, row.version)
    with override(key.locale):
        return default_wording(key.kind, key.channel)


def _insert(key: WordingKey, fields: dict[str, str]) -> MessageTemplate:
    """Store the first wording of its own; two may do so at once, and the database lets one have it."""
    try:
        with transaction.atomic():
            return MessageTemplate.objects.create(
                business_id=key.business_id, kind=key.kind, channel=key.channel, locale=key.locale, **fields
            )
    except IntegrityError:
        raise WordingVersionConflict(_wording(_rows(key).first(), key)) from None


def _about(key: WordingKey) -> dict[str, str]:
    return {"kind": key.kind.value, "channel": key.channel.value, "locale": key.locale}


def _subject(key: WordingKey, row: MessageTemplate) -> Subject:
    return Subject(key.business_id, _SUBJECT_KIND, row.pk, row.version)
