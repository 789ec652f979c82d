"""SMS through Twilio: what is asked of it, and what its answers come to."""

import base64
import threading
from contextlib import contextmanager

import pytest

from outbox.mails import invitation, letter_to
from servers.fake_http import Told, running
from servers.postgresql import free_port
from servers.twilio_fake import ACCOUNT, NUMBER, SERVICE, TOKEN, TwilioFake
from slotkeeper.outbox.channels.base import ChannelAway, Refused, TryLater
from slotkeeper.outbox.channels.twilio import TwilioAccount, TwilioSms

PHONE = "+491711234567"


@pytest.fixture
def twilio():
    with running(TwilioFake()) as fake:
        yield fake


@contextmanager
def channel_to(url, sid=ACCOUNT, token=TOKEN, sender=NUMBER, hosts=("127.0.0.1",)):
    channel = TwilioSms(TwilioAccount(sid, token, sender, url), hosts, seconds=1)
    yield channel
    channel.close()


@pytest.fixture
def channel(twilio):
    with channel_to(twilio.url) as channel:
        yield channel


def test_a_message_is_asked_for_as_twilio_describes_it(twilio, channel):
    channel.send(letter_to(PHONE, text=" See you on Monday & “Tuesday”. \n", html="<p>x</p>", invitation=invitation()))
    (asked,) = twilio.asked
    assert (asked.method, asked.path) == ("POST", f"/2010-04-01/Accounts/{ACCOUNT}/Messages.json")
    assert asked.form == {"To": PHONE, "From": NUMBER, "Body": "See you on Monday & “Tuesday”."}
    credentials = base64.b64decode(asked.headers["Authorization"].removeprefix("Basic ")).decode()
    assert credentials == f"{ACCOUNT}:{TOKEN}"


def test_a_messaging_service_sends_in_place_of_a_number(twilio):
    with channel_to(twilio.url, sender=SERVICE) as channel:
        channel.send(letter_to(PHONE))
    assert twilio.asked[0].form == {"To": PHONE, "MessagingServiceSid": SERVICE, "Body": "See you on Monday."}
    assert twilio.messages[0]["status"] == "accepted"


@pytest.mark.parametrize(("kind", "words"), [("unknown", "21211"), ("unsubscribed", "21610"), ("landlines", "21635")])
def test_a_number_that_gets_no_message_is_refused_for_good(twilio, channel, kind, words):
    getattr(twilio, kind).add(PHONE)
    with pytest.raises(Refused, match=words):
        channel.send(letter_to(PHONE))


def test_a_message_that_has_failed_at_once_is_refused_for_good(twilio, channel):
    twilio.fault = "failed_at_once"
    with pytest.raises(Refused, match="30006 Landline"):
        channel.send(letter_to(PHONE))


@pytest.mark.parametrize(
    ("fault", "pause", "words"),
    [
        ("busy", 7, "too much to do"),
        ("maintenance", 7, "too much to do"),
        ("daily_limit", None, "daily messages limit"),
        ("queue_full", None, "queued messages"),
        ("suspended", None, "not active"),
        ("nonsense", None, "answers what it should not"),
        ("deep", None, "answers what it should not"),
        ("lost_way", None, "does not let us send"),
    ],
)
def test_what_is_wrong_with_account_or_server_holds_all_messages(twilio, channel, fault, pause, words):
    twilio.fault = fault
    with pytest.raises(ChannelAway, match=words) as away:
        channel.send(letter_to(PHONE))
    assert away.value.retry_after == pause
    assert twilio.messages == []


@pytest.mark.parametrize("fault", ["error", "away", "cut", "slow", "new_code"])
def test_what_nobody_can_be_sure_of_is_tried_again_and_holds_nobody(twilio, channel, fault):
    twilio.fault = fault
    with pytest.raises(TryLater):
        channel.send(letter_to(PHONE))


def test_a_lost_answer_means_that_a_message_may_go_twice(twilio, channel):
    twilio.fault = "lost_answer"
    with pytest.raises(TryLater, match="nobody knows whether"):
        channel.send(letter_to(PHONE))
    channel.send(letter_to(PHONE))
    assert len(twilio.messages) == 2  # as docs/operations.md says


@pytest.mark.parametrize(
    "wrong", [{"token": "another"}, {"sid": "AC" + "f" * 32}, {"sender": "+4915199999999"}, {"sender": "MG" + "f" * 32}]
)
def test_credentials_and_senders_that_are_not_ours_hold_all_messages(twilio, wrong):
    with channel_to(twilio.url, **wrong) as channel, pytest.raises(ChannelAway, match="does not let us send") as away:
        channel.send(letter_to(PHONE))
    assert TOKEN not in str(away.value)


def test_without_a_connection_nothing_can_have_been_sent():
    with channel_to(f"http://127.0.0.1:{free_port()}") as channel, pytest.raises(ChannelAway, match="reached"):
        channel.send(letter_to(PHONE))


def test_a_gateway_in_the_own_network_must_be_allowed(twilio):
    with channel_to(twilio.url, hosts=()) as channel, pytest.raises(ChannelAway, match="no public address"):
        channel.send(letter_to(PHONE))
    assert twilio.asked == []


@pytest.mark.parametrize("text", ["x" * 1601, "🎉" * 801, "ü" * 1601])
def test_a_text_that_is_too_long_is_refused_before_it_is_sent(twilio, channel, text):
    with pytest.raises(Refused, match="longer than 1600"):
        channel.send(letter_to(PHONE, text=text))
    assert twilio.asked == []


@pytest.mark.parametrize("text", ["x" * 1600, "🎉" * 800])
def test_the_longest_text_is_sent(twilio, channel, text):
    channel.send(letter_to(PHONE, text=text))
    assert twilio.messages[0]["body"] == text


def test_an_empty_text_is_refused_before_it_is_sent(twilio, channel):
    with pytest.raises(Refused, match="empty"):
        channel.send(letter_to(PHONE, text=" \n"))
    assert twilio.asked == []


def test_what_twilio_says_is_one_line_and_not_long(twilio, channel):
    said = {"code": 21211, "message": "no\r\n" * 1000, "more_info": "", "status": 400}
    twilio.tell = lambda _asked: Told(400, said)
    with pytest.raises(Refused) as refused:
        channel.send(letter_to(PHONE))
    assert len(str(refused.value)) < 300
    assert str(refused.value).isprintable()


def test_a_redirect_is_not_followed_with_a_number_and_a_text(twilio, channel):
    twilio.tell = lambda _asked: Told(307, None, {"Location": f"{twilio.url}/elsewhere"})
    with pytest.raises(ChannelAway, match="should not"):
        channel.send(letter_to(PHONE))
    assert len(twilio.asked) == 1


def test_several_channels_in_several_threads_do_not_meet(twilio):
    def send(number):
        with channel_to(twilio.url) as channel:
            for _ in range(5):
                channel.send(letter_to(f"+4917112345{number:02}"))

    threads = [threading.Thread(target=send, args=(number,)) for number in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(one["to"] for one in twilio.messages) == sorted(
        f"+4917112345{n:02}" for n in range(4) for _ in "12345"
    )
