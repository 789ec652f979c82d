"""Account mails: really sent where there is a mail server, kept as files where there is none."""

import dataclasses
import re

import pytest
from aiosmtpd.controller import Controller
from aiosmtpd.smtp import AuthResult
from django.core import mail
from django.test import Client

from servers.postgresql import free_port
from slotkeeper.configuration import MailServer
from slotkeeper.outbox.models import SendingHold


class Inbox:
    """Keeps what a real SMTP server was given."""

    def __init__(self):
        self.messages = []

    async def handle_DATA(self, server, session, envelope):  # noqa: N802 -- aiosmtpd's name
        self.messages.append((envelope.rcpt_tos, envelope.content.decode()))
        return "250 accepted"


def authenticate(server, session, envelope, mechanism, data):
    return AuthResult(success=(data.login, data.password) == (b"user", b"password"))


@pytest.fixture
def inbox():
    handler = Inbox()
    controller = Controller(
        handler,
        hostname="127.0.0.1",
        port=free_port(),
        authenticator=authenticate,
        auth_required=True,
        auth_require_tls=False,
    )
    controller.start()
    handler.port = controller.port
    yield handler
    controller.stop()


@pytest.fixture
def with_mail_server(inbox, settings):
    """The settings that SLOTKEEPER_MAIL_SERVER=smtp://user:password@127.0.0.1:PORT gives."""
    server = MailServer("127.0.0.1", inbox.port, "none", "user", "password")
    settings.CONFIGURATION = dataclasses.replace(settings.CONFIGURATION, mail_server=server)
    settings.EMAIL_BACKEND = "slotkeeper.outbox.mail.Backend"
    settings.EMAIL_HOST, settings.EMAIL_PORT = server.host, server.port
    settings.EMAIL_HOST_USER, settings.EMAIL_HOST_PASSWORD = server.user, server.password
    return inbox


@pytest.fixture
def without_mail_server(settings, tmp_path):
    settings.CONFIGURATION = dataclasses.replace(settings.CONFIGURATION, data_dir=tmp_path)
    settings.EMAIL_BACKEND = "slotkeeper.outbox.mail.Backend"
    return tmp_path / "mails"


def ask_for_reset(email="owner@practice.test", host="localhost"):
    return Client(HTTP_HOST=host).post("/accounts/password/reset/", {"email": email})


def test_a_reset_mail_arrives_by_smtp_with_a_link_to_the_settings_url(cast, with_mail_server):
    assert ask_for_reset(host="127.0.0.1").status_code == 302
    ((recipients, content),) = with_mail_server.messages
    assert recipients == ["owner@practice.test"]
    assert "http://localhost:8000/accounts/password/reset/key/" in re.sub(r"=\r?\n", "", content)
    assert "127.0.0.1:" not in content.split("\r\n\r\n", 1)[1]


def test_nobody_learns_whether_an_address_has_an_account(cast, with_mail_server):
    known, unknown = ask_for_reset(), ask_for_reset("nobody@practice.test")
    assert (known.status_code, known["Location"]) == (unknown.status_code, unknown["Location"])


def test_without_a_mail_server_the_mail_is_kept_and_named_in_the_log(cast, without_mail_server, caplog):
    ask_for_reset()
    (path,) = without_mail_server.iterdir()
    assert "owner@practice.test" in path.read_text()
    assert str(path) in caplog.text


def test_while_sending_is_held_nothing_leaves(cast, with_mail_server, settings, tmp_path):
    settings.CONFIGURATION = dataclasses.replace(settings.CONFIGURATION, data_dir=tmp_path)
    SendingHold.objects.create(reason="restored")
    ask_for_reset()
    assert with_mail_server.messages == []
    assert len(list((tmp_path / "mails").iterdir())) == 1
    SendingHold.objects.all().delete()
    mail.send_mail("Hello", "Text", None, ["customer@x.test"])
    assert len(with_mail_server.messages) == 1
