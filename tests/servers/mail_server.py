"""A real SMTP server in a thread, for this process and those it starts; it misbehaves on demand.

`faults` says what is wrong now. Its keys are steps (`connect`, `EHLO`, `AUTH`, `MAIL`, `RCPT`, `DATA`, `content`,
`RSET`) or recipients' addresses; its values:

- an answer such as `"451 4.3.0 Not now"`, given instead of the usual one; after a 421 the connection is closed
- `drop`: the connection is cut instead of an answer; at `DATA` after the mail was asked for
- `slow`: the answer takes `slow_seconds`
- `drip`: the answer comes a letter at a time, without an end
- a list of these: one for each time, then nothing is wrong any more

`python -m servers.mail_server PORT` runs one in a process of its own.
"""

import asyncio
import email
import email.policy
import ipaddress
import logging
import re
import ssl
import sys
import threading
import time
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import NamedTuple

from aiosmtpd.smtp import SMTP, AuthResult
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec

from servers.postgresql import free_port
from slotkeeper.configuration import MailServer as MailServerSetting

logging.getLogger("mail.log").setLevel(logging.WARNING)  # a line for every command costs more than the mail
CREDENTIALS = ("user", "a password")
HOST = "127.0.0.1"


class Mail(NamedTuple):
    """What was handed over: the envelope, and the bytes."""

    sender: str
    recipients: list
    content: bytes
    options: list
    user: str
    connection: int
    at: float  # by the server's `clock`

    @property
    def email(self):
        return email.message_from_bytes(self.content, policy=email.policy.default)

    @property
    def headers(self):
        """The raw header lines, folded ones as they came."""
        return re.split(rb"\r\n(?![ \t])", self.content.partition(b"\r\n\r\n")[0])


class Certificate(NamedTuple):
    """A certificate that signs itself: whoever trusts its file trusts the server."""

    file: str
    key_file: str


def make_certificate(folder, *names, days=1):
    """Make a throw-away certificate for names and addresses; with `days` below zero it has expired."""
    key = ec.generate_private_key(ec.SECP256R1())
    names = names or ("localhost", HOST)
    own_name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, names[0])])
    now = datetime.now(UTC)
    places = [x509.IPAddress(ipaddress.ip_address(n)) if n[0].isdigit() else x509.DNSName(n) for n in names]
    certificate = (
        x509.CertificateBuilder()
        .subject_name(own_name)
        .issuer_name(own_name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(days=10))
        .not_valid_after(now + timedelta(days=days))
        .add_extension(x509.SubjectAlternativeName(places), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(key, hashes.SHA256())
    )
    file, key_file = Path(folder) / f"{names[0]}{days}.pem", Path(folder) / f"{names[0]}{days}.key"
    file.write_bytes(certificate.public_bytes(serialization.Encoding.PEM))
    no_password = serialization.NoEncryption()
    key_file.write_bytes(key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, no_password))
    return Certificate(str(file), str(key_file))


class Session(SMTP):
    """One connection."""

    def __init__(self, post, number, **options):
        self.post, self.number = post, number
        super().__init__(post, **options)

    async def _handle_client(self):
        if await self.misbehaves("connect"):
            self.transport.close()
        else:
            await super()._handle_client()

    async def smtp_EHLO(self, hostname):  # noqa: N802 -- aiosmtpd's names, here and below
        if not await self.misbehaves("EHLO"):
            await super().smtp_EHLO(hostname)

    async def smtp_AUTH(self, arg):  # noqa: N802
        if not await self.misbehaves("AUTH"):
            await super().smtp_AUTH(arg)

    async def smtp_MAIL(self, arg):  # noqa: N802
        self.post.note(f"MAIL {arg}")
        if not await self.misbehaves("MAIL"):
            await super().smtp_MAIL(arg)

    async def smtp_RCPT(self, arg):  # noqa: N802
        self.post.note(f"RCPT {arg}")
        address = re.search("<(.*)>", arg)
        if not await self.misbehaves("RCPT") and not await self.misbehaves(address and address[1]):
            await super().smtp_RCPT(arg)

    async def smtp_DATA(self, arg):  # noqa: N802
        fault = self.post.take("DATA")
        if fault == "drop":
            await self.push("354 Go ahead")
        if not await self.does(fault):
            await super().smtp_DATA(arg)

    async def smtp_RSET(self, arg):  # noqa: N802
        if not await self.misbehaves("RSET"):
            await super().smtp_RSET(arg)

    async def misbehaves(self, step):
        """Do what is wrong at a step now; say whether the step is over."""
        return await self.does(self.post.take(step))

    async def does(self, fault):
        if fault == "slow":
            await asyncio.sleep(self.post.slow_seconds)
        elif fault == "drop":
            self.transport.abort()
        elif fault == "drip":
            self._writer.write(b"250-")
            for _ in range(600):
                self._writer.write(b"x")
                await asyncio.sleep(0.05)
        elif fault:
            await self.push(fault)
            if fault.startswith("421"):
                self.transport.close()
        return fault not in {None, "slow"}


class MailServer:
    """Keeps what it was given in `mails`, every envelope command in `commands`, and counts `connections`."""

    def __init__(self, port=0, security="none", certificate=None, *, has_auth=False, has_utf8=True, size=33_554_432):
        self.port, self.security, self.has_auth = port or free_port(), security, has_auth
        self.lock = threading.Lock()
        self.mails, self.commands, self.faults, self.complaints = [], [], {}, []
        self.connections, self.slow_seconds = 0, 1.0
        self.clock = time.time
        self.sessions = []
        context = certificate and ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
        if context:
            context.load_cert_chain(*certificate)
        self.tls = context if security == "tls" else None
        self.options = {
            "tls_context": context if security == "starttls" else None,
            "require_starttls": security == "starttls",
            "enable_SMTPUTF8": has_utf8,
            "data_size_limit": size,
            "authenticator": self.authenticate if has_auth else None,
            "auth_required": has_auth,
            "auth_require_tls": not has_auth,  # without it, AUTH is offered in any case
        }

    # What a test asks.

    @property
    def setting(self):
        """The mail server as configuration.py reads it."""
        user, password = CREDENTIALS if self.has_auth else ("", "")
        return MailServerSetting(HOST, self.port, self.security, user, password)

    @property
    def url(self):
        """The same as SLOTKEEPER_MAIL_SERVER."""
        scheme = {"none": "smtp", "starttls": "smtp+starttls", "tls": "smtps"}[self.security]
        credentials = "user:a%20password@" if self.has_auth else ""
        return f"{scheme}://{credentials}{HOST}:{self.port}"

    def wait_for(self, count, seconds=10):
        """Wait until so many mails came; give them."""
        until = time.monotonic() + seconds
        while len(self.mails) < count and time.monotonic() < until:
            time.sleep(0.01)
        assert len(self.mails) >= count, f"{len(self.mails)} of {count} mails came"
        return self.mails

    def hang_up(self, words=""):
        """Close every connection, as a server does with those that are idle; it may say so first."""

        def close():
            for session in self.sessions:
                if session.transport:
                    if words:
                        session.transport.write(f"{words}\r\n".encode())
                    session.transport.close()
            self.sessions.clear()

        self.loop.call_soon_threadsafe(close)
        time.sleep(0.1)

    # What its connections ask.

    def take(self, step):
        with self.lock:
            fault = self.faults.get(step)
            if isinstance(fault, list):
                fault = fault.pop(0) if fault else None
            return fault

    def note(self, command):
        with self.lock:
            self.commands.append(command)

    def authenticate(self, server, session, envelope, mechanism, data):
        given = (data.login.decode(), data.password.decode()) if mechanism in {"PLAIN", "LOGIN"} else None
        session.user = CREDENTIALS[0]
        return AuthResult(success=given == CREDENTIALS, handled=False)

    async def handle_DATA(self, server, session, envelope):  # noqa: N802
        fault = self.take("content")
        if fault and fault[0].isdigit():
            return fault
        if await server.does(fault):
            return "250 Nobody hears this"
        with self.lock:
            self.mails.append(
                Mail(
                    envelope.mail_from,
                    list(envelope.rcpt_tos),
                    envelope.original_content,
                    list(envelope.mail_options),
                    getattr(session, "user", ""),
                    server.number,
                    self.clock(),
                )
            )
            return f"250 2.0.0 Queued as {len(self.mails)}"

    def make_session(self):
        with self.lock:
            self.connections += 1
            session = Session(self, self.connections, **self.options)
        self.sessions.append(session)
        return session

    # Its life.

    def start(self):
        self.loop = asyncio.new_event_loop()
        self.loop.set_exception_handler(lambda _loop, _context: None)  # connections are cut on purpose here
        self.thread = threading.Thread(target=self.loop.run_forever, daemon=True)
        self.thread.start()
        # Not run_until_complete: where a browser was driven before, this thread has a loop that runs already.
        serving = self.loop.create_server(self.make_session, HOST, self.port, ssl=self.tls)
        self.server = asyncio.run_coroutine_threadsafe(serving, self.loop).result(5)

    def stop(self):
        """End as if the machine was switched off."""

        def end():
            self.server.close()
            for session in self.sessions:
                if session.transport:
                    session.transport.abort()
            self.loop.call_later(0.02, self.loop.stop)

        self.loop.call_soon_threadsafe(end)
        self.thread.join(5)


@contextmanager
def mail_server(*arguments, **options):
    """Run a mail server for a while."""
    server = MailServer(*arguments, **options)
    server.start()
    try:
        yield server
    finally:
        if server.thread.is_alive():
            server.stop()


if __name__ == "__main__":
    with mail_server(int(sys.argv[1])) as running:
        sys.stdout.write("ready\n")
        sys.stdout.flush()
        running.thread.join()
