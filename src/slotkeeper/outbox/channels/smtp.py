"""Mails, over SMTP (RFC 5321): one connection, kept between messages."""

import smtplib
import ssl
import time
from contextlib import suppress

from slotkeeper.configuration import MailServer
from slotkeeper.outbox.channels.addresses import Mailbox, mailbox_of
from slotkeeper.outbox.channels.base import ChannelAway, Dispatch, Refused, TryLater
from slotkeeper.outbox.channels.mime import Sender, one_line, write_mail
from slotkeeper.outbox.channels.smtp_connection import LONGEST_SECONDS, Connector, Conversation

_STEP_SECONDS = 20.0
_GOODBYE_SECONDS = 2.0
_LONGEST_IDLE_SECONDS = 30.0  # servers hang up on who is silent, and what stands between forgets the connection
_LONGEST_ANSWER = 300

_Answer = tuple[int, bytes]


class SenderRefused(ChannelAway):
    """The server lets us in, but not send as this sender."""


class SmtpChannel:
    """Hands mails over to one server; see Channel.

    What the server says while a message is under way is told apart so that one bad message blocks no other: from
    its first word about the recipient on, a failure is this message's own. Before that it is everybody's.
    `accepted` is what the server said when it took the last message.
    """

    def __init__(self, server: MailServer, mail_from: str, step_seconds: float = _STEP_SECONDS) -> None:
        self._server, self._sender, self._step_seconds = server, Sender.of(mail_from), step_seconds
        self._connection: Conversation | None = None
        self._used_at = 0.0
        self.accepted = ""

    def send(self, dispatch: Dispatch) -> None:
        """Hand one mail over. Raises ChannelAway, TryLater and Refused.

        A connection that breaks after the whole mail was sent leaves open whether it was taken. It is then tried
        again: a reminder twice, with the same Message-ID, is better than none.
        """
        to = mailbox_of(dispatch.address)
        content = write_mail(dispatch, self._sender, to)
        if self._connection and time.monotonic() - self._used_at > _LONGEST_IDLE_SECONDS:
            self._hang_up()
        try:
            self._begin_anew_if_needed(to, len(content))
            self._hand_over(to, content)
        finally:
            self._used_at = time.monotonic()

    def close(self) -> None:
        """Say goodbye, and hang up."""
        if self._connection:
            self._connection.until = time.monotonic() + _GOODBYE_SECONDS
            with suppress(OSError):
                self._connection.quit()
        self._hang_up()

    def _hang_up(self) -> None:
        if self._connection:
            self._connection.close()
        self._connection = None

    def _begin_anew_if_needed(self, to: Mailbox, size: int) -> None:
        is_fresh = self._connection is None
        try:
            self._begin(to, size)
        except ChannelAway:
            if is_fresh:
                raise
            # The server hung up meanwhile, or lets one connection carry so many mails and no more.
            self._hang_up()
            self._begin(to, size)

    def _begin(self, to: Mailbox, size: int) -> None:
        """Begin a mail: with a connection that stands, and a sender that is accepted."""
        if self._connection is None:
            self._connection = _open(self._server, self._step_seconds)
        connection = self._connection
        connection.until = time.monotonic() + LONGEST_SECONDS
        options = [f"SIZE={size}"] if connection.has_extn("size") else []
        if not to.is_ascii:
            if not connection.has_extn("smtputf8"):
                raise Refused("The mail server cannot write to addresses with letters other than a to z before the @.")
            options += ["SMTPUTF8", "BODY=8BITMIME"]
        try:
            answer = connection.mail(str(self._sender.mailbox), options)
        except smtplib.SMTPException as error:
            self._hang_up()
            raise _unreachable(error) from None
        if answer[0] == 552:  # RFC 1870: the only thing that the server knows of this mail yet is its size
            self._reset()
            raise Refused(f"The message is too large for the mail server: {_said(answer)}")
        if answer[0] // 100 != 2:
            self._complain_of_us(answer)
            self._reset()
            raise SenderRefused(f"The mail server refuses the sender: {_said(answer)}")

    def _hand_over(self, to: Mailbox, content: bytes) -> None:
        """Name the recipient, and send the mail."""
        connection = self._connection
        assert connection is not None
        is_about_the_address = True
        try:
            # smtplib's rcpt() would read the address once more, in its own way.
            answer = connection.docmd("RCPT", f"TO:<{to}>")
            if answer[0] // 100 == 2:
                is_about_the_address = False
                answer = connection.data(content)
        except smtplib.SMTPDataError as error:
            answer = error.smtp_code, _bytes(error.smtp_error)
        except smtplib.SMTPException:
            self._hang_up()
            raise TryLater("The connection to the mail server broke before it took the message.") from None
        if answer[0] // 100 == 2:
            self.accepted = _said(answer)
            return
        self._complain_of_us(answer)
        self._reset()
        if answer[0] // 100 != 5:
            raise TryLater(f"The mail server does not take the message now: {_said(answer)}")
        if is_about_the_address:
            raise Refused(f"The mail server refuses the address: {_said(answer)}")
        raise Refused(f"The mail server refuses the message: {_said(answer)}")

    def _complain_of_us(self, answer: _Answer) -> None:
        """Raise ChannelAway for an answer that is about us, whatever the mail."""
        if not 400 <= answer[0] < 600:  # who knows which question it answers
            self._hang_up()
        if answer[0] == 421:  # the server closes the connection
            self._hang_up()
            raise ChannelAway(f"The mail server is not available now: {_said(answer)}")
        if answer[0] == 530:  # RFC 4954 section 6
            self._hang_up()
            raise ChannelAway(f"The mail server wants us to sign in: {_said(answer)}")

    def _reset(self) -> None:
        """Have the server forget the mail that was begun, so that its recipient is none of the next one's."""
        if self._connection is None:
            return
        try:
            is_reset = self._connection.rset()[0] == 250
        except smtplib.SMTPException:
            is_reset = False
        if not is_reset:
            self._hang_up()


def _open(server: MailServer, step_seconds: float) -> Conversation:
    """Open a connection over which mails may be sent. Raises ChannelAway."""
    connector = Connector(
        host=server.host,
        port=server.port,
        username=server.user,
        password=server.password,
        use_tls=server.security == "starttls",
        use_ssl=server.security == "tls",
        timeout=step_seconds,
    )
    try:
        connector.open()
        connection = connector.connection
        assert isinstance(connection, Conversation)
        connection.ehlo_or_helo_if_needed()
    except (OSError, UnicodeError) as error:
        with suppress(OSError):
            connector.close()
        raise _unopened(error) from None
    return connection


def _unopened(error: Exception) -> ChannelAway:
    """Say why no connection came to be."""
    if isinstance(error, UnicodeError):
        return ChannelAway(
            "The mail server's name, or the user name or password for it, has letters other than a to z."
        )
    if isinstance(error, ssl.SSLCertVerificationError):
        why = one_line(error.verify_message, _LONGEST_ANSWER)
        return ChannelAway(f"The mail server's certificate cannot be trusted: {why}")
    if isinstance(error, ssl.SSLError):
        return ChannelAway("The mail server does not speak TLS at this port as it should.")
    if isinstance(error, smtplib.SMTPAuthenticationError):
        said = _said((error.smtp_code, _bytes(error.smtp_error)))
        return ChannelAway(f"The mail server does not accept the user name and password: {said}")
    if isinstance(error, smtplib.SMTPNotSupportedError):
        if "STARTTLS" in str(error):
            return ChannelAway("The mail server does not offer encryption (STARTTLS) at this port.")
        return ChannelAway("The mail server does not offer signing in at this port.")
    if isinstance(error, smtplib.SMTPResponseException):
        said = _said((error.smtp_code, _bytes(error.smtp_error)))
        return ChannelAway(f"The mail server is not available now: {said}")
    return _unreachable(error)


def _unreachable(error: Exception) -> ChannelAway:
    if "timed out" in str(error):
        return ChannelAway("The mail server is too slow.")
    why = one_line(getattr(error, "strerror", None) or str(error), _LONGEST_ANSWER)
    return ChannelAway(f"The mail server cannot be reached: {why}")


def _said(answer: _Answer) -> str:
    """Quote a server."""
    return one_line(f"{answer[0]} {answer[1].decode(errors='replace')}", _LONGEST_ANSWER)


def _bytes(text: bytes | str) -> bytes:
    return text.encode() if isinstance(text, str) else text
