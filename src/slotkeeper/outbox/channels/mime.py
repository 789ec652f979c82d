"""A message as a mail (RFC 5322), written anew for each: what one carries can never stand in another.

Header lines are written here to the last character. Names and subjects are made one line first, so no text that
somebody typed can end a header and begin another.
"""

import re
import string
from dataclasses import dataclass
from datetime import UTC, datetime
from email.charset import QP, Charset
from email.header import Header
from email.mime.application import MIMEApplication
from email.mime.multipart import MIMEMultipart
from email.mime.nonmultipart import MIMENonMultipart
from email.policy import Compat32
from email.utils import format_datetime, parseaddr
from typing import Self
from urllib.parse import quote

from slotkeeper.outbox.channels.addresses import Mailbox, mailbox_of
from slotkeeper.outbox.channels.base import Attachment, Dispatch, Invitation, Refused

_LONGEST_SUBJECT, _LONGEST_NAME = 200, 150  # a line may have 998 characters (RFC 5322 section 2.1.1)
_OUTSIDE_NAMES = re.compile(r"[^A-Za-z0-9._-]+")
_JOINERS = "\u200c\u200d"  # without them some scripts, and some emoji, fall apart
_UTF_8 = Charset("utf-8")
_UTF_8.body_encoding = QP  # seven bits: no server has to be asked whether it takes eight
_ICS_NAME = "invite.ics"


class _AsWritten(Compat32):
    """Writes header values as they are. The standard library would fold them anew, and lose quotes on the way."""

    def fold_binary(self, name: str, value: str) -> bytes:
        """Write one header."""
        return f"{name}: {value}{self.linesep}".encode()


_POLICY = _AsWritten(linesep="\r\n", mangle_from_=False)


@dataclass(frozen=True, slots=True)
class Sender:
    """Who sends every mail of this installation."""

    name: str
    mailbox: Mailbox

    @classmethod
    def of(cls, mail_from: str) -> Self:
        """Read the setting SLOTKEEPER_MAIL_FROM."""
        name, address = parseaddr(mail_from)
        return cls(one_line(name, _LONGEST_NAME), mailbox_of(address))

    def on_behalf_of(self, business: str) -> str:
        """Name who speaks and who sends: the address is not the business's own."""
        business = one_line(business, _LONGEST_NAME)
        if not business or business == self.name:
            return self.name
        return f"{business} via {self.name}" if self.name else business


def one_line(text: str, longest: int) -> str:
    """Make a name or subject one line without control characters, no longer than it may be."""
    shown = "".join(one if one.isprintable() or one in _JOINERS else " " for one in text)
    return " ".join(shown.split())[:longest].rstrip()


def write_mail(dispatch: Dispatch, sender: Sender, to: Mailbox) -> bytes:
    """Write the mail as it goes over the wire. Raises Refused for a text that cannot be written."""
    try:
        mail = _body(dispatch)
    except UnicodeError:
        raise Refused("The message contains characters that cannot be written.") from None
    mail["From"] = _address(sender.on_behalf_of(dispatch.sender_name), sender.mailbox)
    reply_to = _reply_to(dispatch, to)
    if reply_to:
        mail["Reply-To"] = reply_to
    mail["To"] = _address(one_line(dispatch.name, _LONGEST_NAME), to)
    mail["Subject"] = _words("Subject", one_line(dispatch.letter.subject, _LONGEST_SUBJECT))
    mail["Date"] = format_datetime(datetime.now(UTC))
    mail["Message-ID"] = quote(dispatch.message_id, safe=string.punctuation)
    # No machine may answer, such as one that is on holiday (RFC 3834).
    mail["Auto-Submitted"] = "auto-generated"
    return mail.as_bytes(policy=_POLICY)


def _body(dispatch: Dispatch) -> MIMEMultipart | MIMENonMultipart:
    """Put together the same in several forms, the best one last (RFC 2046 section 5.1.4)."""
    letter, invitation = dispatch.letter, dispatch.invitation
    forms: list[MIMENonMultipart] = [_text(letter.text, "plain")]
    if letter.html:
        forms.append(_text(letter.html, "html"))
    if invitation:
        forms.append(_calendar_form(invitation))
    # Some programs act on the form above, others only show what is attached.
    files = (Attachment(invitation.content, _ICS_NAME, "application/ics"),) if invitation else ()
    attached = [_file(one) for one in (*files, *dispatch.attachments)]
    if len(forms) == 1 and not attached:
        return forms[0]
    body = forms[0] if len(forms) == 1 else MIMEMultipart("alternative", _subparts=forms, policy=_POLICY)
    return MIMEMultipart("mixed", _subparts=[body, *attached], policy=_POLICY) if attached else body


def _file(attachment: Attachment) -> MIMENonMultipart:
    name = _OUTSIDE_NAMES.sub("-", attachment.name)  # what is left means the same to every program, and ends no header
    subtype = attachment.media_type.removeprefix("application/")
    file = MIMEApplication(attachment.content, subtype, policy=_POLICY, name=name)
    file.add_header("Content-Disposition", "attachment", filename=name)
    return file


def _text(text: str, kind: str) -> MIMENonMultipart:
    form = MIMENonMultipart("text", kind, policy=_POLICY)
    form.set_payload(text.replace("\r\n", "\n").replace("\r", "\n").encode(), _UTF_8)
    return form


def _calendar_form(invitation: Invitation) -> MIMENonMultipart:
    """Write the form that calendar programs act on (RFC 6047 section 2.4)."""
    if invitation.method not in {"REQUEST", "CANCEL"}:
        raise ValueError(f"{invitation.method} is no method of an invitation.")
    form = MIMEApplication(invitation.content, "ics", policy=_POLICY)
    form.replace_header("Content-Type", f'text/calendar; method={invitation.method}; charset="utf-8"')
    return form


def _reply_to(dispatch: Dispatch, to: Mailbox) -> str:
    """Write where answers go. An address that is none, or that this mail cannot carry, keeps no mail from leaving."""
    try:
        mailbox = mailbox_of(dispatch.reply_to)
    except Refused:
        return ""
    if to.is_ascii and not mailbox.is_ascii:
        return ""
    return _address(one_line(dispatch.sender_name, _LONGEST_NAME), mailbox)


def _address(name: str, mailbox: Mailbox) -> str:
    if not name:
        return str(mailbox)
    if _is_plain(name):
        escaped = name.replace("\\", "\\\\").replace('"', '\\"')
        return f'"{escaped}" <{mailbox}>'
    return f"{_words('To', name)} <{mailbox}>"


def _words(header: str, text: str) -> str:
    """Write a text as a header carries it (RFC 2047)."""
    if _is_plain(text):
        return text
    return Header(text.encode("utf-8", "replace"), "utf-8", header_name=header).encode(linesep="\r\n")


def _is_plain(text: str) -> bool:
    return text.isascii() and "=?" not in text  # what looks encoded would be decoded: a line break could hide there
