"""The verbs of wordings and choices at the same moment: nobody's words are overwritten unseen."""

from concurrent.futures import ThreadPoolExecutor

import pytest
from django.db import connection

from slotkeeper.changes.models import Change
from slotkeeper.changes.record import COMMAND
from slotkeeper.outbox.choices import all_choices, choose_channels
from slotkeeper.outbox.kinds import ChannelName, Kind
from slotkeeper.outbox.models import MessageChoice, MessageTemplate
from slotkeeper.outbox.wording import Wording
from slotkeeper.outbox.wordings import (
    InvalidWording,
    WordingKey,
    WordingVersionConflict,
    reset_wording,
    save_wording,
    wording_of,
)

AT_ONCE = 6


def at_once(verb):
    """Run a verb in several threads, each with its own connection; errors come back as values."""

    def run(number):
        try:
            return verb(number)
        except WordingVersionConflict as error:
            return error
        finally:
            connection.close()

    with ThreadPoolExecutor(AT_ONCE) as threads:
        return list(threads.map(run, range(AT_ONCE)))


def key_of(cast) -> WordingKey:
    return WordingKey(cast.owner.business_id, Kind.BOOKED, ChannelName.EMAIL, "en")


@pytest.mark.parametrize("is_first", [True, False])
def test_of_many_who_save_at_once_one_is_stored_and_the_others_see_it(committed_cast, is_first):
    key = key_of(committed_cast)
    version = 0 if is_first else save_wording(key, Wording("First", "First"), COMMAND).version
    results = at_once(lambda number: save_wording(key, Wording("Hello", f"Words {number}", version), COMMAND))
    refused = [one for one in results if isinstance(one, WordingVersionConflict)]
    assert len(refused) == AT_ONCE - 1
    stored = MessageTemplate.objects.get()
    assert stored.version == version + 1
    assert {(one.current.body, one.current.version) for one in refused} == {(stored.body, stored.version)}
    assert Change.objects.filter(subject_kind="message_template").count() == stored.version


def test_choices_made_at_once_are_all_kept(committed_cast):
    business_id = committed_cast.owner.business_id
    kinds = list(Kind)[:AT_ONCE]
    at_once(lambda number: choose_channels(business_id, {kinds[number]: frozenset()}, COMMAND))
    assert {kind for kind, ways in all_choices(business_id).items() if not ways} == set(kinds)
    at_once(lambda _: choose_channels(business_id, {Kind.CANCELED: frozenset(ChannelName)}, COMMAND))
    assert all_choices(business_id)[Kind.CANCELED] == frozenset(ChannelName)
    assert MessageChoice.objects.filter(kind=Kind.CANCELED).count() == 1


def test_members_are_written_to_by_mail_alone(cast):
    choose_channels(cast.owner.business_id, {Kind.NEW_BOOKING: frozenset(ChannelName)}, COMMAND)
    assert all_choices(cast.owner.business_id)[Kind.NEW_BOOKING] == {ChannelName.EMAIL}
    assert not Change.objects.filter(subject_kind="message_choices").exists()


def test_wording_that_cannot_be_is_not_stored(cast):
    key = key_of(cast)
    with pytest.raises(InvalidWording) as raised:
        save_wording(key, Wording("a\r\nb", "{{ x }}"), COMMAND)
    assert set(raised.value.reasons) == {"subject", "body"}
    assert wording_of(cast.owner.business_id, key.kind, key.channel, "en").version == 0


def test_wording_that_is_reset_meanwhile_is_not_stored_over(cast):
    key = key_of(cast)
    save_wording(key, Wording("Hello", "Words"), COMMAND)
    reset_wording(key, 1, COMMAND)
    with pytest.raises(WordingVersionConflict) as raised:
        save_wording(key, Wording("Hello", "More words", 1), COMMAND)
    assert raised.value.current.version == 0
    assert not MessageTemplate.objects.exists()
