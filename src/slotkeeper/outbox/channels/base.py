"""What every channel can do, and the three ways in which it fails."""

from dataclasses import dataclass
from typing import Protocol

from slotkeeper.outbox.letters import Letter


class ChannelAway(Exception):
    """Nothing can be sent now, whatever the message: the server is away, or refuses us. Its text says why."""

    def __init__(self, message: str, retry_after: float | None = None) -> None:
        super().__init__(message)
        self.retry_after = retry_after  # seconds that the server asked for


class TryLater(Exception):
    """The message was not accepted now; a later try may succeed. Its text is what the server said."""


class Refused(Exception):
    """The message will never be accepted: its address or content is refused for good. Its text says why."""


@dataclass(frozen=True, slots=True)
class Invitation:
    """An iCalendar part (RFC 5546): its bytes and its method, REQUEST or CANCEL."""

    content: bytes
    method: str


@dataclass(frozen=True, slots=True)
class Attachment:
    """A file that goes with a mail: its bytes, its name and its media type, such as application/pdf."""

    content: bytes
    name: str
    media_type: str


@dataclass(frozen=True, slots=True)
class Dispatch:
    """One message, written, to one address (an e-mail address, or a phone number as E.164)."""

    message_id: str
    address: str
    name: str  # of the recipient; may be empty
    sender_name: str  # the business
    reply_to: str  # may be empty
    letter: Letter
    invitation: Invitation | None = None
    attachments: tuple[Attachment, ...] = ()  # none in an SMS


class Channel(Protocol):
    """A way that messages travel. It keeps its connection between messages, and is not for several threads at once."""

    def send(self, dispatch: Dispatch) -> None:
        """Hand one message over; to return is to say that it was accepted.

        Raises ChannelAway, TryLater and Refused.
        """

    def close(self) -> None:
        """Give up what is open."""
