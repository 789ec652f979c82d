"""The settings of mail and SMS."""

import pytest

from servers.twilio_fake import ACCOUNT, NUMBER, SERVICE, TOKEN
from slotkeeper.configuration import BadSetting, read_configuration
from slotkeeper.outbox.channels.mime import Sender
from slotkeeper.outbox.channels.opened import open_channel
from slotkeeper.outbox.channels.smtp import SmtpChannel
from slotkeeper.outbox.channels.twilio import TwilioSms
from slotkeeper.outbox.kinds import ChannelName

SMS = {
    "SLOTKEEPER_TWILIO_ACCOUNT_SID": ACCOUNT,
    "SLOTKEEPER_TWILIO_AUTH_TOKEN": "token",
    "SLOTKEEPER_TWILIO_FROM": NUMBER,
}


@pytest.fixture
def read(tmp_path):
    """Reads the settings of an installation of its own."""
    return lambda **given: read_configuration({"SLOTKEEPER_DATA_DIR": str(tmp_path)} | given, tmp_path)


def test_without_settings_there_is_neither_channel(read, settings):
    settings.CONFIGURATION = read()
    assert [open_channel(name) for name in ChannelName] == [None, None]


def test_what_is_set_up_is_opened(read, settings):
    settings.CONFIGURATION = read(SLOTKEEPER_MAIL_SERVER="smtp://localhost", **SMS)
    assert isinstance(open_channel(ChannelName.EMAIL), SmtpChannel)
    assert isinstance(open_channel(ChannelName.SMS), TwilioSms)


@pytest.mark.parametrize("missing", sorted(SMS))
def test_half_a_set_of_credentials_stops_start_up(read, missing):
    with pytest.raises(BadSetting, match=missing):
        read(**{name: value for name, value in SMS.items() if name != missing})
    with pytest.raises(BadSetting, match="SLOTKEEPER_TWILIO_"):
        read(**{missing: SMS[missing]})


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("SLOTKEEPER_TWILIO_ACCOUNT_SID", "AC123"),
        ("SLOTKEEPER_TWILIO_ACCOUNT_SID", ACCOUNT + "/../Accounts"),
        ("SLOTKEEPER_TWILIO_FROM", "0171 1234567"),
        ("SLOTKEEPER_TWILIO_FROM", "Practice"),
        ("SLOTKEEPER_TWILIO_FROM", f"{NUMBER}, {NUMBER}"),
        ("SLOTKEEPER_TWILIO_URL", "api.twilio.com"),
        ("SLOTKEEPER_TWILIO_URL", "https://user:password@api.twilio.com"),
    ],
)
def test_a_credential_of_another_form_stops_start_up(read, name, value):
    with pytest.raises(BadSetting, match=name):
        read(**SMS | {name: value})


def test_the_token_is_never_shown(read):
    with pytest.raises(BadSetting) as error:
        read(**SMS | {"SLOTKEEPER_TWILIO_AUTH_TOKEN": TOKEN})  # it has spaces
    assert TOKEN not in str(error.value)
    assert "SLOTKEEPER_TWILIO_AUTH_TOKEN" in str(error.value)


def test_a_messaging_service_may_send(read):
    assert read(**SMS | {"SLOTKEEPER_TWILIO_FROM": SERVICE}).twilio_from == SERVICE


@pytest.mark.parametrize(
    ("value", "name", "address"),
    [
        ("Ada's practice <booking@example.com>", "Ada's practice", "booking@example.com"),
        ('"Practice, Ada" <booking@example.com>', "Practice, Ada", "booking@example.com"),
        ("Praxis Grün <a.b+c@mail.example.com>", "Praxis Grün", "a.b+c@mail.example.com"),
        ("booking@example.com", "", "booking@example.com"),
        ("Slotkeeper <slotkeeper@localhost>", "Slotkeeper", "slotkeeper@localhost"),
    ],
)
def test_the_sender_is_read(read, value, name, address):
    sender = Sender.of(read(SLOTKEEPER_MAIL_FROM=value).mail_from)
    assert (sender.name, str(sender.mailbox)) == (name, address)


@pytest.mark.parametrize(
    "value",
    [
        "Ada", "Practice, Ada <booking@example.com>", "booking@", "@example.com", "Ada <booking>", "a@b@c.test",
        "Ada <booking@example.com\r\nBcc: x@y.test>", "Ada\x00 <booking@example.com>", "a@b.test, c@d.test",
        "büro@example.com", "booking@büro.example", "a b@example.com", "booking@-example.com", "booking@example.com.",
    ],
)  # fmt: skip
def test_a_sender_that_is_no_address_stops_start_up(read, value):
    with pytest.raises(BadSetting, match="SLOTKEEPER_MAIL_FROM"):
        read(SLOTKEEPER_MAIL_FROM=value)
