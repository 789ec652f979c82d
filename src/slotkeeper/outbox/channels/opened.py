"""The channels of this installation, as its settings have them."""

from django.conf import settings

from slotkeeper.outbox.channels.base import Channel
from slotkeeper.outbox.channels.smtp import SmtpChannel
from slotkeeper.outbox.channels.twilio import TwilioAccount, TwilioSms
from slotkeeper.outbox.kinds import ChannelName


def open_channel(name: ChannelName) -> Channel | None:
    """Give a channel, which connects when it first sends; None for one that is not set up."""
    return _smtp() if name == ChannelName.EMAIL else _twilio()


def _smtp() -> SmtpChannel | None:
    configuration = settings.CONFIGURATION
    if configuration.mail_server is None:
        return None
    return SmtpChannel(configuration.mail_server, configuration.mail_from)


def _twilio() -> TwilioSms | None:
    configuration = settings.CONFIGURATION
    if not configuration.twilio_account_sid:
        return None
    account = TwilioAccount(
        configuration.twilio_account_sid,
        configuration.twilio_auth_token,
        configuration.twilio_from,
        configuration.twilio_url,
    )
    return TwilioSms(account, configuration.private_hosts)
