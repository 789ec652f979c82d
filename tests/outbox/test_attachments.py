"""Files that go with a mail: each reaches its own reader, whole, and nobody else."""

from email import message_from_bytes, policy

import pytest

from outbox.mails import ANN, BOB, FROM, ICS, invitation, letter_to
from servers.mail_server import mail_server
from slotkeeper.outbox.channels.addresses import mailbox_of
from slotkeeper.outbox.channels.base import Attachment
from slotkeeper.outbox.channels.mime import Sender, write_mail
from slotkeeper.outbox.channels.smtp import SmtpChannel

PDF = b"%PDF-1.7\n" + bytes(range(256)) * 200 + b"\n.\r\n.\n%%EOF\n"  # lines that a mail server could take for its end


def written(dispatch):
    return message_from_bytes(write_mail(dispatch, Sender.of(FROM), mailbox_of(ANN)), policy=policy.default)


def files_of(mail):
    return [(one.get_filename(), one.get_content_type(), one.get_content()) for one in mail.iter_attachments()]


def paper(name="Invoice-R0001.pdf", content=PDF):
    return Attachment(content, name, "application/pdf")


@pytest.mark.parametrize("html", ["", "<p>See you on Monday.</p>"])
def test_file_arrives_whole_beside_the_text(html):
    mail = written(letter_to(ANN, html=html, attachments=(paper(),)))
    assert mail.get_content_type() == "multipart/mixed"
    assert files_of(mail) == [("Invoice-R0001.pdf", "application/pdf", PDF)]
    assert "See you on Monday." in mail.get_body(("plain",)).get_content()
    assert bool(mail.get_body(("html",))) is bool(html)


def test_invitation_and_files_go_together():
    mail = written(letter_to(ANN, invitation=invitation(), attachments=(paper(), paper("Quote-Q1.pdf", b"%PDF-2"))))
    assert [name for name, _, _ in files_of(mail)] == ["invite.ics", "Invoice-R0001.pdf", "Quote-Q1.pdf"]
    assert files_of(mail)[0][2] == ICS


def test_mail_without_files_is_as_it_was():
    assert written(letter_to(ANN)).get_content_type() == "text/plain"
    assert written(letter_to(ANN, html="<p>x</p>")).get_content_type() == "multipart/alternative"


def test_name_of_a_file_cannot_begin_another_header():
    mail = written(letter_to(ANN, attachments=(paper('a"\r\nBcc: bob@customer.test\r\n.pdf'),)))
    assert mail["Bcc"] is None
    assert all(one["Bcc"] is None for one in mail.walk())
    assert files_of(mail)[0][2] == PDF


def test_file_of_one_mail_is_in_no_other_on_the_same_connection():
    with mail_server() as server:
        channel = SmtpChannel(server.setting, FROM)
        for address, files in ((ANN, (paper(),)), (BOB, ()), (ANN, (paper("Second.pdf", b"%PDF-2"),)), (BOB, ())):
            channel.send(letter_to(address, attachments=files))
        channel.close()
        mails = [message_from_bytes(mail.content, policy=policy.default) for mail in server.mails]
    assert [[name for name, _, _ in files_of(mail)] for mail in mails] == [
        ["Invoice-R0001.pdf"],
        [],
        ["Second.pdf"],
        [],
    ]
    assert [mail["To"].addresses[0].addr_spec for mail in mails] == [ANN, BOB, ANN, BOB]
