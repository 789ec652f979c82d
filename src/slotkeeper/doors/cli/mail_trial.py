"""`slotkeeper send-test-mail`: whether mails leave, and if not, why."""

import argparse
import uuid
from urllib.parse import urlsplit

from slotkeeper.configuration import MailServer
from slotkeeper.doors.cli.database import make_ready
from slotkeeper.doors.cli.main import CommandRefused
from slotkeeper.outbox.channels.base import ChannelAway, Dispatch, Refused, TryLater
from slotkeeper.outbox.channels.smtp import SenderRefused, SmtpChannel
from slotkeeper.outbox.letters import Letter
from slotkeeper.outbox.models import SendingHold
from slotkeeper.settings import CONFIGURATION


def send_test_mail(options: argparse.Namespace) -> None:
    """Send one mail as all others are sent, and say in one line what became of it."""
    server = CONFIGURATION.mail_server
    if server is None:
        raise CommandRefused("There is no mail server. Set SLOTKEEPER_MAIL_SERVER; docs/deploy.md has examples.")
    make_ready()
    hold = SendingHold.objects.first()
    if hold and not options.even_if_held:
        raise CommandRefused(f"Sending is held: {hold.reason}. To send this one mail, add --even-if-held.")
    channel = SmtpChannel(server, CONFIGURATION.mail_from)
    try:
        channel.send(_mail(options.to, server))
    except Refused as error:
        raise _refusal("Not sent", error, "Look at --to, and whether the server relays for you.") from None
    except TryLater as error:
        raise _refusal("Not sent yet", error, "Try again in some minutes.") from None
    except SenderRefused as error:
        raise _refusal("Not sent", error, "Look at SLOTKEEPER_MAIL_FROM.") from None
    except ChannelAway as error:
        place = f"Not sent by {server.host}:{server.port}"
        raise _refusal(place, error, "Look at SLOTKEEPER_MAIL_SERVER.") from None
    finally:
        channel.close()
    print(f"Accepted by {server.host}:{server.port} with: {channel.accepted}")


def _refusal(what: str, error: Exception, advice: str) -> CommandRefused:
    return CommandRefused(f"{what}: {str(error).rstrip('.')}. {advice}")


def _mail(address: str, server: MailServer) -> Dispatch:
    place = urlsplit(CONFIGURATION.url).hostname
    text = (
        f"This is a test from Slotkeeper at {CONFIGURATION.url}.\n\n"
        f"It was handed to {server.host}:{server.port} and came from {CONFIGURATION.mail_from}. "
        "If you read it where you did not expect it, such as among spam, have a look at SPF and DKIM of the "
        "sender's domain.\n"
    )
    return Dispatch(
        message_id=f"<test.{uuid.uuid4().hex}@{place}>",
        address=address,
        name="",
        sender_name="",
        reply_to="",
        letter=Letter("A test from Slotkeeper", text),
    )
