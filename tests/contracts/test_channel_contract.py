"""What every way that messages travel must do alike."""

import time
from contextlib import ExitStack

import pytest

from contracts.mail_world import MailWorld
from contracts.sms_world import SmsWorld
from slotkeeper.outbox.channels.base import ChannelAway, Dispatch, Refused, TryLater
from slotkeeper.outbox.letters import Letter

WORLDS = {"email": MailWorld, "sms": SmsWorld}


@pytest.fixture(params=sorted(WORLDS))
def world(request):
    with ExitStack() as stack:
        yield WORLDS[request.param](stack)


def dispatch(address, text="See you on Monday at nine.", name="Ann"):
    letter = Letter("Your appointment", text)
    return Dispatch("<appointment-1.booked@practice.test>", address, name, "Practice", "desk@practice.test", letter)


def test_a_message_is_accepted_once(world):
    assert world.channel.send(dispatch(world.address)) is None
    assert world.received() == [(world.address, "See you on Monday at nine.")]


def test_every_character_arrives(world):
    text = "Grüße, 你好 🎉 – “quotes”, 100 % & a=b+c; .\n.\nFrom here\n\nC:\\x"
    world.channel.send(dispatch(world.address, text))
    assert world.received() == [(world.address, text)]


def test_a_connection_is_kept_between_messages(world):
    for number in range(5):
        world.channel.send(dispatch(world.address, f"Number {number}"))
    assert [text for _, text in world.received()] == [f"Number {number}" for number in range(5)]
    assert world.connections == 1


def test_what_is_refused_for_good_says_why(world):
    with pytest.raises(Refused, match=r"refuses the (address|message): .*(No such user|landline)"):
        world.channel.send(dispatch(world.bad_address))
    assert world.received() == []


def test_a_refusal_leaves_nothing_behind_for_the_next_message(world):
    for number in range(3):
        with pytest.raises(Refused):
            world.channel.send(dispatch(world.bad_address, "Secret"))
        world.channel.send(dispatch(world.other_address, f"Number {number}"))
    assert world.received() == [(world.other_address, f"Number {number}") for number in range(3)]
    assert world.connections == 1


def test_what_cannot_be_taken_now_is_taken_later(world):
    with world.broken("later"), pytest.raises(TryLater):
        world.channel.send(dispatch(world.address))
    assert world.received() == []
    world.channel.send(dispatch(world.other_address, "Another"))
    world.channel.send(dispatch(world.address))
    assert world.received() == [(world.other_address, "Another"), (world.address, "See you on Monday at nine.")]


def test_a_server_with_too_much_to_do_is_away_for_every_message(world):
    with world.broken("busy"), pytest.raises(ChannelAway) as away:
        world.channel.send(dispatch(world.address))
    assert away.value.retry_after in {None, 7}
    world.channel.send(dispatch(world.address))
    assert len(world.received()) == 1


def test_a_server_that_does_not_let_us_in_is_away_for_every_message(world):
    with world.broken("locked_out"), pytest.raises(ChannelAway, match=r"sign in|let us send"):
        world.channel.send(dispatch(world.address))
    world.channel.send(dispatch(world.address))
    assert len(world.received()) == 1


def test_a_server_that_is_gone_is_away(world):
    world.channel.send(dispatch(world.address))
    world.gone()
    for _ in range(2):
        with pytest.raises((ChannelAway, TryLater)):
            world.channel.send(dispatch(world.address))
    with pytest.raises(ChannelAway, match="cannot be reached"):
        world.channel.send(dispatch(world.address))


def test_an_answer_that_is_lost_means_to_try_again_and_blocks_no_other_message(world):
    with world.broken("lost_answer"), pytest.raises(TryLater):
        world.channel.send(dispatch(world.address))
    world.channel.send(dispatch(world.other_address, "Another"))
    assert world.received()[-1] == (world.other_address, "Another")


def test_a_server_that_is_slow_costs_a_bounded_time(world):
    started = time.monotonic()
    with world.broken("slow"), pytest.raises(TryLater):
        world.channel.send(dispatch(world.address))
    assert time.monotonic() - started < 3
    world.channel.send(dispatch(world.other_address, "Another"))
    assert world.received()[-1] == (world.other_address, "Another")


def test_a_connection_that_was_closed_while_idle_is_opened_again(world):
    world.channel.send(dispatch(world.address, "First"))
    world.hang_up()
    world.channel.send(dispatch(world.address, "Second"))
    assert world.received() == [(world.address, "First"), (world.address, "Second")]
    assert world.connections == 2


def test_a_closed_channel_may_be_used_again(world):
    world.channel.close()
    world.channel.send(dispatch(world.address, "First"))
    world.channel.close()
    world.channel.close()
    world.channel.send(dispatch(world.address, "Second"))
    assert len(world.received()) == 2


def test_nothing_leaves_for_what_is_not_exactly_one_address(world):
    for address in world.hostile_addresses:
        with pytest.raises(Refused) as refused:
            world.channel.send(dispatch(address))
        assert str(refused.value).endswith("."), address
        assert "\n" not in str(refused.value)
    assert world.received() == []
    assert not world.requests


def test_a_text_that_cannot_be_written_is_refused(world):
    with pytest.raises(Refused, match="cannot be written"):
        world.channel.send(dispatch(world.address, "half a character: \ud83d"))
    assert not world.requests
