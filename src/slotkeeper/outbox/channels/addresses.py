"""E-mail addresses, looked at before anything leaves: exactly one, and nothing that a server could read as more."""

import re
import unicodedata
from dataclasses import dataclass

import idna

from slotkeeper.outbox.channels.base import Refused

# RFC 5321 section 4.5.3.1
_LONGEST_ADDRESS, _LONGEST_LOCAL_PART, _LONGEST_LABEL = 254, 64, 63
_ATOM = r"[^\s\x00-\x20\x7f()<>@,;:\\\".\[\]]+"
_LOCAL_PART = re.compile(rf"{_ATOM}(?:\.{_ATOM})*")
# In quotes almost everything is allowed (RFC 5322 section 3.4.1). Some servers stumble over separators there and see
# two addresses; what people have in quotes is a dot too many.
_QUOTED_LOCAL_PART = re.compile(rf'"(?:{_ATOM}|\.)+"')
_LABEL = re.compile(r"[a-z0-9_](?:[a-z0-9_-]*[a-z0-9_])?", re.ASCII)


@dataclass(frozen=True, slots=True)
class Mailbox:
    """One address. Its domain is ASCII always, what stands before the @ is not."""

    local_part: str
    domain: str

    def __str__(self) -> str:
        return f"{self.local_part}@{self.domain}"

    @property
    def is_ascii(self) -> bool:
        """Whether every server can take it; others need SMTPUTF8 (RFC 6531)."""
        return self.local_part.isascii()


def mailbox_of(address: str) -> Mailbox:
    """Read one address. Raises Refused, with a sentence, for everything else."""
    text = unicodedata.normalize("NFC", address.strip(" "))
    if not text:
        raise Refused("There is no email address.")
    if not text.isprintable():
        raise Refused("The email address contains line breaks or characters that cannot be seen.")
    local_part, at, domain = text.rpartition("@")
    if not at or not local_part or not domain:
        raise Refused("The email address is not of the form name@example.com.")
    if not _LOCAL_PART.fullmatch(local_part) and not _QUOTED_LOCAL_PART.fullmatch(local_part):
        raise Refused("This is not exactly one email address of the form name@example.com.")
    mailbox = Mailbox(local_part, _ascii_domain(domain))
    if len(local_part.encode()) > _LONGEST_LOCAL_PART or len(str(mailbox).encode()) > _LONGEST_ADDRESS:
        raise Refused("The email address is too long.")
    return mailbox


def _ascii_domain(domain: str) -> str:
    """Write a domain as the network knows it: `bücher.example` is `xn--bcher-kva.example` there (RFC 5891)."""
    try:
        written = domain.lower() if domain.isascii() else idna.encode(domain, uts46=True).decode()
    except UnicodeError:
        raise _no_domain() from None
    labels = written.split(".")
    if not all(_LABEL.fullmatch(label) and len(label) <= _LONGEST_LABEL for label in labels) or labels[-1].isdigit():
        raise _no_domain()
    return written


def _no_domain() -> Refused:
    return Refused("What stands behind the @ of the email address is no name of a mail server.")
