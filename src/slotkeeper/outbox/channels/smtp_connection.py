"""smtplib's conversation with a mail server, in which each step has an end; and how it is begun."""

import smtplib
import socket
import time
from typing import Any

from django.core.mail.backends.smtp import EmailBackend

LONGEST_SECONDS = 60.0  # to open a connection, or to hand over a message: both take less than one is claimed for
_LARGEST_ANSWER = 65_536
_AT_ONCE = 4096


class _Answers:
    """Reads a server's lines. Whatever it drips, one answer comes in `seconds`, or none."""

    def __init__(self, sock: socket.socket) -> None:
        self._sock = sock
        self._waiting = b""
        self._until = 0.0
        self._left = 0

    def expect(self, seconds: float) -> None:
        """Begin to wait for an answer."""
        self._until = time.monotonic() + seconds
        self._left = _LARGEST_ANSWER

    def readline(self, longest: int) -> bytes:
        """Give a line with its end, a part of one that is too long, or b"" when the server has hung up."""
        while b"\n" not in self._waiting and len(self._waiting) < longest:
            left = self._until - time.monotonic()
            if left <= 0 or self._left <= 0:
                raise TimeoutError("timed out")
            self._sock.settimeout(left)
            came = self._sock.recv(_AT_ONCE)
            if not came:
                return b""
            self._waiting += came
            self._left -= len(came)
        end = self._waiting.find(b"\n") + 1 or longest
        line, self._waiting = self._waiting[:end], self._waiting[end:]
        return line

    def close(self) -> None:
        """Do nothing: the socket is somebody else's."""


class Conversation(smtplib.SMTP):
    """smtplib bounds each read; here each answer is bounded, so that a server that drips keeps nobody.

    All of them together end at `until`, on the monotonic clock. Whoever sends more sets it anew.
    """

    def __init__(self, *arguments: Any, **options: Any) -> None:
        self.until = time.monotonic() + LONGEST_SECONDS
        super().__init__(*arguments, **options)

    def getreply(self) -> tuple[int, bytes]:
        """Read one answer."""
        if self.sock is None:
            raise smtplib.SMTPServerDisconnected("There is no connection.")
        if self.file is None:
            self.file = _Answers(self.sock)
        self.file.expect(min(self.timeout, self.until - time.monotonic()))
        answer = super().getreply()
        self.sock.settimeout(self.timeout)  # for what is sent next
        return answer


class ConversationOverTls(Conversation, smtplib.SMTP_SSL):
    """The same where TLS comes before the first word."""


class Connector(EmailBackend):
    """Django's way of opening a connection: TLS, its certificate checked, and signing in."""

    @property
    def connection_class(self) -> type[Conversation]:
        """Say what a connection is made of."""
        return ConversationOverTls if self.use_ssl else Conversation
