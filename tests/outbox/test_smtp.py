"""Mails over a real SMTP server: TLS, signing in, its answers, and connections that break."""

import time
from contextlib import contextmanager

import pytest

from outbox.mails import ANN, BOB, FROM, letter_to, one_mail
from servers.mail_server import CREDENTIALS, HOST, mail_server, make_certificate
from servers.postgresql import free_port
from slotkeeper.configuration import MailServer as Setting
from slotkeeper.outbox.channels import smtp
from slotkeeper.outbox.channels.base import ChannelAway, Refused, TryLater
from slotkeeper.outbox.channels.smtp import SenderRefused, SmtpChannel


@contextmanager
def channel_to(setting, seconds=1.0):
    channel = SmtpChannel(setting, FROM, step_seconds=seconds)
    yield channel
    channel.close()


@pytest.fixture
def server():
    with mail_server() as server:
        yield server


@pytest.fixture
def channel(server):
    with channel_to(server.setting) as channel:
        yield channel


@pytest.fixture
def certificate(tmp_path):
    return make_certificate(tmp_path)


@pytest.fixture
def trusted(certificate, monkeypatch):
    """A certificate that this machine knows."""
    monkeypatch.setenv("SSL_CERT_FILE", certificate.file)
    return certificate


# Encryption


@pytest.mark.parametrize("security", ["starttls", "tls"])
def test_mails_travel_encrypted_and_signed_in(trusted, security):
    with (
        mail_server(security=security, certificate=trusted, has_auth=True) as server,
        channel_to(server.setting) as channel,
    ):
        channel.send(letter_to(ANN))
        channel.send(letter_to(BOB))
    assert [mail.recipients for mail in server.mails] == [[ANN], [BOB]]
    assert {mail.user for mail in server.mails} == {CREDENTIALS[0]}
    assert server.connections == 1


def refused_before_a_word_is_said(server):
    with channel_to(server.setting) as channel, pytest.raises(ChannelAway) as away:
        channel.send(letter_to(ANN))
    assert server.commands == server.mails == []
    return str(away.value)


@pytest.mark.parametrize("security", ["starttls", "tls"])
def test_a_certificate_that_nobody_knows_is_refused(certificate, security):
    with mail_server(security=security, certificate=certificate, has_auth=True) as server:
        assert "certificate cannot be trusted" in refused_before_a_word_is_said(server)


@pytest.mark.parametrize("security", ["starttls", "tls"])
@pytest.mark.parametrize(("names", "days"), [(["mail.other.test"], 1), ([], -1)], ids=["other name", "expired"])
def test_a_known_certificate_that_is_of_another_or_expired_is_refused(tmp_path, monkeypatch, security, names, days):
    certificate = make_certificate(tmp_path, *names, days=days)
    monkeypatch.setenv("SSL_CERT_FILE", certificate.file)
    with mail_server(security=security, certificate=certificate, has_auth=True) as server:
        assert "certificate cannot be trusted" in refused_before_a_word_is_said(server)


def test_a_server_that_stopped_offering_encryption_gets_neither_password_nor_mail():
    with mail_server(has_auth=True) as server:
        server.security = "starttls"  # as our settings have it; whoever is in between took it out
        assert "does not offer encryption" in refused_before_a_word_is_said(server)


def test_tls_at_a_port_without_it_is_said_in_words(server):
    server.security = "tls"
    assert "does not speak TLS" in refused_before_a_word_is_said(server)


# Signing in


def test_a_wrong_password_is_everybodys_trouble_and_is_not_shown():
    with mail_server(has_auth=True) as server:
        setting = Setting(HOST, server.port, "none", CREDENTIALS[0], "wrong password")
        with channel_to(setting) as channel, pytest.raises(ChannelAway) as away:
            channel.send(letter_to(ANN))
    assert "does not accept the user name and password" in str(away.value)
    assert "wrong password" not in str(away.value)
    assert server.commands == []


def test_a_server_without_signing_in_gets_no_password(server):
    setting = Setting(HOST, server.port, "none", *CREDENTIALS)
    with channel_to(setting) as channel, pytest.raises(ChannelAway, match="does not offer signing in"):
        channel.send(letter_to(ANN))


def test_a_password_that_smtp_cannot_carry_is_said_in_words():
    with mail_server(has_auth=True) as server:
        setting = Setting(HOST, server.port, "none", "user", "pässword")
        with channel_to(setting) as channel, pytest.raises(ChannelAway, match="letters other than a to z"):
            channel.send(letter_to(ANN))


def test_a_server_that_wants_a_name_is_everybodys_trouble():
    with mail_server(has_auth=True) as server:
        setting = Setting(HOST, server.port, "none", "", "")
        with channel_to(setting) as channel, pytest.raises(ChannelAway, match="wants us to sign in"):
            channel.send(letter_to(ANN))


# The beginning


@pytest.mark.parametrize(
    ("fault", "words"),
    [
        ({"connect": "554 5.7.1 No service for you"}, "No service for you"),
        ({"connect": "421 4.3.2 Shutting down"}, "Shutting down"),
        ({"connect": "HTTP/1.1 400 Bad Request"}, "not available"),
        ({"connect": "drop"}, "cannot be reached"),
        ({"connect": "drip"}, "too slow"),
        ({"EHLO": "drip"}, "too slow"),
        ({"EHLO": "drop"}, "cannot be reached"),
        ({"MAIL": "drop"}, "cannot be reached"),
        ({"MAIL": "drip"}, "too slow"),
        ({"MAIL": "421 4.7.0 Too many mails"}, "Too many mails"),
    ],
    ids=str,
)
def test_what_goes_wrong_before_the_recipient_is_named_is_everybodys_trouble(server, channel, fault, words):
    server.faults.update(fault)
    started = time.monotonic()
    with pytest.raises(ChannelAway, match=words):
        channel.send(letter_to(ANN))
    assert time.monotonic() - started < 5
    server.faults.clear()
    channel.send(letter_to(ANN))
    assert one_mail(server).recipients == [ANN]


def test_a_server_that_is_not_there_is_away():
    for host in (HOST, "no-such-host.invalid", "x" * 70 + ".test"):
        with channel_to(Setting(host, free_port(), "none", "", "")) as channel, pytest.raises(ChannelAway):
            channel.send(letter_to(ANN))


@pytest.mark.parametrize("answer", ["451 4.3.0 Not now", "550 5.7.1 Not yours", "553 5.7.1 Not owned by user"])
def test_a_refused_sender_is_everybodys_trouble(server, channel, answer):
    server.faults["MAIL"] = answer
    with pytest.raises(SenderRefused, match=answer[10:]):
        channel.send(letter_to(ANN))
    server.faults.clear()
    channel.send(letter_to(BOB))
    assert one_mail(server).recipients == [BOB]


def test_a_mail_that_is_too_large_is_refused_alone():
    with mail_server(size=3000) as server, channel_to(server.setting) as channel:
        with pytest.raises(Refused, match="too large"):
            channel.send(letter_to(ANN, text="large " * 1000))
        channel.send(letter_to(BOB))
        assert one_mail(server).recipients == [BOB]
        assert server.connections == 1


# The middle


@pytest.mark.parametrize("step", ["RCPT", "DATA", "content"])
@pytest.mark.parametrize(
    ("answer", "verdict"),
    [
        ("450 4.2.1 Later", TryLater),
        ("452 4.2.2 Mailbox full", TryLater),
        ("550 5.1.1 Unknown", Refused),
        ("554 5.6.0 Spam", Refused),
        ("421 4.3.2 Shutting down", ChannelAway),
        ("drop", TryLater),
        ("drip", TryLater),
        ("999 nonsense", TryLater),
    ],
)
def test_the_servers_answer_decides_and_leaves_nothing_behind(server, channel, step, answer, verdict):
    server.faults[step] = [answer]
    with pytest.raises(verdict) as error:
        channel.send(letter_to(ANN, text="for Ann alone"))
    if answer[0] in "45":
        assert answer in str(error.value)
    channel.send(letter_to(BOB, text="for Bob alone"))
    mail = one_mail(server)
    assert (mail.recipients, mail.options[-1:] == ["SMTPUTF8"]) == ([BOB], False)
    assert b"Ann alone" not in mail.content


@pytest.mark.parametrize("fault", ["drop", "drip", "550 5.1.1 Unknown", "450 4.2.1 Later"])
def test_a_poisoned_address_blocks_nobody(server, channel, fault):
    server.faults["poison@customer.test"] = fault
    for number in range(3):
        with pytest.raises((TryLater, Refused)):
            channel.send(letter_to("poison@customer.test"))
        channel.send(letter_to(BOB, text=f"Number {number}"))
    assert [mail.recipients for mail in server.mails] == [[BOB]] * 3


@pytest.mark.parametrize("fault", ["500 What?", "drop", "drip", "421 4.3.0 Bye"])
def test_a_server_that_cannot_forget_a_recipient_is_left(server, channel, fault):
    server.faults |= {ANN: "550 5.1.1 Unknown", "RSET": fault}
    with pytest.raises(Refused):
        channel.send(letter_to(ANN))
    channel.send(letter_to(BOB))
    assert one_mail(server).recipients == [BOB]
    assert server.connections == 2


def test_a_mail_whose_acceptance_was_lost_goes_again_under_its_own_id(server, channel):
    server.faults["content"] = ["drop"]
    with pytest.raises(TryLater, match="broke before it took"):
        channel.send(letter_to(ANN))
    channel.send(letter_to(ANN))
    assert one_mail(server).email["Message-ID"] == letter_to(ANN).message_id


# One connection


@pytest.mark.parametrize("words", ["", "421 4.4.2 Idle for too long"])
def test_a_connection_that_was_closed_meanwhile_costs_no_message(server, channel, words):
    channel.send(letter_to(ANN))
    server.hang_up(words)
    channel.send(letter_to(BOB))
    assert [mail.recipients for mail in server.mails] == [[ANN], [BOB]]
    assert server.connections == 2


def test_a_server_that_takes_so_many_mails_over_one_connection_gets_another(server, channel):
    channel.send(letter_to(ANN))
    server.faults["MAIL"] = ["452 4.5.3 Too many mails in this connection"]
    channel.send(letter_to(BOB))
    assert [mail.connection for mail in server.mails] == [1, 2]


def test_a_connection_that_was_idle_for_long_is_not_waited_for(server, channel, monkeypatch):
    channel.send(letter_to(ANN))
    monkeypatch.setattr(smtp, "_LONGEST_IDLE_SECONDS", -1)
    channel.send(letter_to(BOB))
    assert [mail.connection for mail in server.mails] == [1, 2]


def test_steps_that_are_all_slow_end_together(server, monkeypatch):
    server.slow_seconds = 0.4
    server.faults |= dict.fromkeys(["RCPT", "DATA", "content"], "slow")
    monkeypatch.setattr(smtp, "LONGEST_SECONDS", 0.9)
    with channel_to(server.setting) as channel:
        started = time.monotonic()
        with pytest.raises(TryLater):
            channel.send(letter_to(ANN))
        assert time.monotonic() - started < 2.5


def test_a_goodbye_that_is_not_answered_is_not_waited_for(server, monkeypatch):
    monkeypatch.setattr(smtp, "_GOODBYE_SECONDS", 0.2)
    channel = SmtpChannel(server.setting, FROM, step_seconds=20)
    channel.send(letter_to(ANN))
    server.stop()
    started = time.monotonic()
    channel.close()
    assert time.monotonic() - started < 2


def test_an_answer_without_an_end_is_given_up(server):
    server.faults["EHLO"] = "\r\n".join(["250-" + "x" * 500] * 400)
    with channel_to(server.setting) as channel, pytest.raises(ChannelAway):
        channel.send(letter_to(ANN))
