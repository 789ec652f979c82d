"""SMS, through Twilio's API (https://www.twilio.com/docs/messaging/api/message-resource)."""

import base64
from collections.abc import Iterable
from dataclasses import dataclass, field
from urllib.parse import urlencode

import httpx
import msgspec

from slotkeeper.outbound.addresses import AddressRefused
from slotkeeper.outbound.client import Answer, Client, Limits, Request, TooLarge, Unreachable
from slotkeeper.outbound.foreign_json import NO_JSON
from slotkeeper.outbound.retry_after import seconds_to_wait
from slotkeeper.outbox.channels.base import ChannelAway, Dispatch, Refused, TryLater
from slotkeeper.outbox.channels.mime import one_line
from slotkeeper.outbox.channels.phones import E164

_PATIENCE_SECONDS = 20.0
_LARGEST_ANSWER = 100_000
_MOST_CHARACTERS = 1600  # https://www.twilio.com/docs/api/errors/21617
_LONGEST_REASON = 200
# https://www.twilio.com/docs/api/errors: what is wrong with this number or text, and stays so.
_ABOUT_THE_MESSAGE = {
    21211,  # no phone number
    21214, 21217, 21219, 21265, 21266, 21267,  # cannot be reached, a short code, our own number, ...
    21408,  # a country that the account may not send to
    21602, 21617, 21619, 21658,  # no text, or too long a text
    21604,  # no number
    21608,  # a trial account writes to verified numbers only
    21610,  # the recipient asked for no more messages
    21612, 21614, 21635,  # no way there, no mobile phone, a landline
    30003, 30004, 30005, 30006, 30007, 30008,  # told at once as the state of a message
}  # fmt: skip
# What is wrong with the account, its sender or its rate, whatever the message.
_ABOUT_US = {
    20003, 20005, 20006, 20403, 20404,  # the credentials, a suspended account, no such account
    21212, 21603, 21606, 21611, 21659, 21660, 21661, 21703, 21705,  # the sender, or its queue is full
    14107, 20429, 30001, 30002, 63038,  # too many messages
}  # fmt: skip


class _Message(msgspec.Struct):
    """What Twilio made of a request."""

    sid: str
    status: str = ""
    error_code: int | str | None = None
    error_message: str | None = None


class _Problem(msgspec.Struct):
    """An error (https://www.twilio.com/docs/usage/twilios-response)."""

    code: int | None = None
    message: str = ""


@dataclass(frozen=True, slots=True)
class TwilioAccount:
    """Whose messages they are, and from where: a number of the account, or a messaging service (MG…)."""

    sid: str
    token: str = field(repr=False)
    sender: str
    url: str


class TwilioSms:
    """Hands short messages over; see Channel. Of a letter it sends the text, of an invitation nothing."""

    def __init__(
        self, account: TwilioAccount, private_hosts: Iterable[str] = (), seconds: float = _PATIENCE_SECONDS
    ) -> None:
        self._account, self._private_hosts = account, tuple(private_hosts)
        self._limits = Limits(seconds=seconds, bytes=_LARGEST_ANSWER)
        self._http: Client | None = None

    def send(self, dispatch: Dispatch) -> None:
        """Hand one message over. Raises ChannelAway, TryLater and Refused.

        Twilio knows no key under which a repeated request would be done once. When an answer is lost, or the
        server fails while it works (5xx), the message may have been sent; it is tried again all the same: a
        reminder twice is a nuisance, an appointment missed is a loss.
        """
        answer = self._ask(_form(dispatch, self._account.sender))
        if 200 <= answer.status < 300:
            _check_accepted(answer)
        else:
            _complain(answer)

    def close(self) -> None:
        """Close the connection."""
        if self._http:
            self._http.close()
        self._http = None

    def _ask(self, body: bytes) -> Answer:
        if self._http is None:
            self._http = Client(self._private_hosts)
        credentials = f"{self._account.sid}:{self._account.token}".encode()
        request = Request(
            method="POST",
            url=f"{self._account.url}/2010-04-01/Accounts/{self._account.sid}/Messages.json",
            headers={"Accept": "application/json", "Content-Type": "application/x-www-form-urlencoded"},
            body=body,
            authorization=f"Basic {base64.b64encode(credentials).decode()}",
            limits=self._limits,
            follows_redirects=False,  # numbers and texts go to Twilio, or nowhere
        )
        try:
            return self._http.send(request)
        except Unreachable as error:
            # Without a connection nothing can have been sent.
            if isinstance(error.__context__, httpx.ConnectError | httpx.ConnectTimeout):
                raise ChannelAway(f"Twilio cannot be reached: {one_line(str(error), _LONGEST_REASON)}") from None
            raise TryLater("Twilio gave no answer, so nobody knows whether the message was sent.") from None
        except AddressRefused as error:
            raise ChannelAway(f"Twilio's address cannot be asked: {one_line(str(error), _LONGEST_REASON)}") from None
        except TooLarge:
            raise TryLater("Twilio answers what it should not.") from None


def _form(dispatch: Dispatch, sender: str) -> bytes:
    """Write the request. Raises Refused for what must not be asked."""
    text = dispatch.letter.text.strip()
    if not E164.fullmatch(dispatch.address):
        raise Refused("This is not exactly one phone number with its country's code.")
    if not text:
        raise Refused("The message is empty.")
    if len(text.encode("utf-16-le", "surrogatepass")) // 2 > _MOST_CHARACTERS:
        raise Refused(f"The message is longer than {_MOST_CHARACTERS} characters.")
    kind = "MessagingServiceSid" if sender.startswith("MG") else "From"
    try:
        return urlencode({"To": dispatch.address, kind: sender, "Body": text}).encode()
    except UnicodeError:
        raise Refused("The message contains characters that cannot be written.") from None


def _check_accepted(answer: Answer) -> None:
    """Let pass a message that Twilio has made, and means to send."""
    try:
        message = msgspec.json.decode(answer.body, type=_Message)
    except NO_JSON:
        raise ChannelAway("Twilio answers what it should not.") from None  # a page of whoever stands in between
    if message.status in {"failed", "undelivered"}:
        raise Refused(f"Twilio refuses the message: {_reason(message.error_code, message.error_message or '')}")


def _complain(answer: Answer) -> None:
    """Raise what an answer other than a yes comes to."""
    status, pause = answer.status, seconds_to_wait(answer.headers)
    try:
        problem = msgspec.json.decode(answer.body, type=_Problem)
    except NO_JSON:
        problem = _Problem()
    reason = _reason(problem.code or status, problem.message)
    if status in {429, 503}:  # neither was processed
        raise ChannelAway(f"Twilio has too much to do: {reason}", pause)
    if status >= 500:
        raise TryLater(f"Twilio has a fault: {reason}")
    if status < 400:
        raise ChannelAway(f"Twilio answers what it should not ({status}).")
    if problem.code in _ABOUT_THE_MESSAGE:
        raise Refused(f"Twilio refuses the message: {reason}")
    if status in {401, 403, 404} or problem.code in _ABOUT_US:
        raise ChannelAway(f"Twilio does not let us send: {reason}", pause)
    # Twilio adds codes all the time. One that nobody knows may be about us, so it must not end a message; nor
    # may it hold up others.
    raise TryLater(f"Twilio does not take the message: {reason}")


def _reason(code: int | str | None, message: str) -> str:
    return one_line(f"{code} {message}", _LONGEST_REASON)
