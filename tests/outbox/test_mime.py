"""What a mail looks like when it arrives, whatever was typed into names, subjects and addresses."""

from email.header import decode_header, make_header

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from outbox.mails import ANN, BOB, FROM, ICS, invitation, letter_to, one_mail
from servers.mail_server import mail_server
from slotkeeper.outbox.channels.addresses import mailbox_of
from slotkeeper.outbox.channels.base import Invitation, Refused
from slotkeeper.outbox.channels.mime import Sender, write_mail
from slotkeeper.outbox.channels.smtp import SmtpChannel

HEADERS = ["From", "Reply-To", "To", "Subject", "Date", "Message-ID", "Auto-Submitted"]
HOSTILE = [
    "Ann\r\nBcc: bob@customer.test",
    "Ann\nBcc: bob@customer.test",
    "Ann\rBcc: bob@customer.test",
    "Ann\r\n\r\nA text of my own",
    "Ann\u2028Bcc: bob@customer.test",
    "Ann\x85Bcc: bob@customer.test",
    "Ann\x0bBcc: bob@customer.test",
    'Ann" <bob@customer.test>, "',
    "Ann <bob@customer.test>, ",
    "Ann, bob@customer.test",
    "Ann, x <bob@customer.test> " * 5,  # the standard library writes this one without its quotes
    "ann@customer.test, bob@customer.test;",
    "=?utf-8?q?Ann=0D=0ABcc=3A_bob=40customer=2Etest?=",
    "=?utf-8?b?QW5uDQpCY2M6IGJvYkBjdXN0b21lci50ZXN0?=",
    "Änn\r\nBcc: bob@customer.test",
    'Änn" <bob@customer.test>, "',
    "Ann\\",
    '\\" <bob@customer.test>',
    "(Ann) [x] : ; <>",
    "\u202ennA",
    "Ann\x00\x07",
    "\ud800",
    "x" * 5000,
    "ü" * 5000,
    "  ",
]  # fmt: skip


@pytest.fixture
def server():
    with mail_server() as server:
        yield server


@pytest.fixture
def send(server):
    """Sends a message over a real server, and gives the one that came."""
    channel = SmtpChannel(server.setting, FROM)

    def run(dispatch):
        server.mails.clear()
        channel.send(dispatch)
        return one_mail(server)

    yield run
    channel.close()


def tree(part):
    if not part.is_multipart():
        return part.get_content_type()
    return {part.get_content_type(): [tree(one) for one in part.iter_parts()]}


def check_headers(mail, to=ANN):
    """Whatever was typed, these headers and no others are there, and this recipient."""
    assert mail.recipients == [to]
    names = [line.partition(b":")[0].decode() for line in mail.headers]
    assert [name for name in names if name not in {"MIME-Version", "Content-Type", "Content-Transfer-Encoding"}] == (
        HEADERS
    )
    addressed = mail.email["To"].addresses
    assert [one.addr_spec for one in addressed] == [to]
    assert [one.addr_spec for one in mail.email["From"].addresses] == ["booking@practice.test"]
    assert mail.email.defects == []
    for line in mail.content.split(b"\r\n"):
        assert len(line) <= 998
        assert b"\r" not in line
        assert b"\n" not in line


def test_a_mail_says_who_sends_for_whom_and_where_answers_go(send):
    mail = send(letter_to(ANN))
    check_headers(mail)
    assert mail.sender == "booking@practice.test"
    assert str(mail.email["From"]) == "Practice via Slotkeeper <booking@practice.test>"
    assert str(mail.email["Reply-To"]) == "Practice <desk@practice.test>"
    assert str(mail.email["To"]) == "Ann Customer <ann@customer.test>"
    assert str(mail.email["Subject"]) == "Your appointment"
    assert str(mail.email["Message-ID"]) == "<appointment-1.booked.1.customer@booking.practice.test>"
    assert str(mail.email["Auto-Submitted"]) == "auto-generated"
    assert mail.email["Date"].datetime.tzinfo is not None
    assert tree(mail.email) == "text/plain"


def test_a_mail_without_names_and_answers_has_addresses_only(send):
    mail = send(letter_to(ANN, name="", sender_name="", reply_to=""))
    assert (str(mail.email["To"]), str(mail.email["From"])) == (ANN, "Slotkeeper <booking@practice.test>")
    assert "Reply-To" not in mail.email


@pytest.mark.parametrize("method", ["REQUEST", "CANCEL"])
def test_an_invitation_is_there_for_programs_and_for_people(send, method):
    dispatch = letter_to(ANN, text="Grüße", html="<p>Grüße</p>", invitation=invitation(method))
    mail = send(dispatch)
    check_headers(mail)
    assert tree(mail.email) == {
        "multipart/mixed": [{"multipart/alternative": ["text/plain", "text/html", "text/calendar"]}, "application/ics"]
    }
    text, html, calendar, attached = [part for part in mail.email.walk() if not part.is_multipart()]
    assert [one.get_content().strip() for one in (text, html)] == ["Grüße", "<p>Grüße</p>"]
    assert (calendar.get_param("method"), calendar.get_content_charset()) == (method, "utf-8")
    assert calendar.get_payload(decode=True) == attached.get_payload(decode=True) == ICS
    assert (attached.get_filename(), attached.get_content_disposition()) == ("invite.ics", "attachment")


def test_nothing_of_one_message_is_in_the_next(send):
    send(letter_to(ANN, text="Secret", html="<p>Secret</p>", invitation=invitation(), name="Secret"))
    mail = send(letter_to(BOB, name="Bob"))
    assert tree(mail.email) == "text/plain"
    for secret in (b"Secret", b"ics", b"calendar", b"VkNBTEVOREFS", ANN.encode()):
        assert secret not in mail.content


def test_a_method_that_an_invitation_cannot_have_is_a_mistake_of_ours():
    dispatch = letter_to(ANN, invitation=Invitation(ICS, "REQUEST\r\nBcc: x"))
    with pytest.raises(ValueError, match="no method"):
        write_mail(dispatch, Sender.of(FROM), mailbox_of(ANN))


@pytest.mark.parametrize("text", HOSTILE)
def test_no_name_or_subject_adds_a_header_or_a_recipient(send, text):
    mail = send(letter_to(ANN, name=text, sender_name=text, subject=text, html="<p>x</p>", invitation=invitation()))
    check_headers(mail)
    assert "Bcc" not in mail.email
    for header in ("To", "From", "Subject"):
        assert not set(str(mail.email[header])) & set("\r\n\x00\u2028\u202e")


@pytest.mark.parametrize(
    "name",
    [
        "Ann Customer",
        'Ann "the boss" Customer',
        "Customer, Ann",
        "O'Neill\\Sons; (Ltd.) [x]",
        "Jörg Müller-Lüdenscheidt",
        "Müller, Jörg",
        "山田 太郎",
        "محمد علی‌زاده",
        "Ann 👩‍👩‍👧",
        "=?utf-8?q?looks_encoded?=",
    ],
)
def test_names_arrive_as_they_were_typed(send, name):
    mail = send(letter_to(ANN, name=name, sender_name=name, subject=name))
    check_headers(mail)
    assert mail.email["To"].addresses[0].display_name == name
    assert mail.email["From"].addresses[0].display_name == f"{name} via Slotkeeper"
    assert str(mail.email["Subject"]) == name


def test_a_long_name_is_written_in_pieces_that_belong_together(send):
    name = "Dr. " + "Sehrlangername-" * 8 + "Ö"
    mail = send(letter_to(ANN, name=name))
    check_headers(mail)
    (header,) = [line for line in mail.headers if line.startswith(b"To: ")]
    assert max(len(line) for line in header.split(b"\r\n")) <= 100
    # The newer parser of Python 3.11 leaves a space between the pieces.
    assert str(make_header(decode_header(header.decode()[4:]))) == f"{name} <{ANN}>"


@settings(max_examples=150, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.text(max_size=200), st.text(max_size=200), st.text(max_size=200))
def test_whatever_is_typed_the_headers_are_ours(name, sender_name, subject):
    dispatch = letter_to(ANN, name=name, sender_name=sender_name, subject=subject)
    content = write_mail(dispatch, Sender.of(FROM), mailbox_of(ANN))
    head = content.partition(b"\r\n\r\n")[0].decode("ascii")
    lines = [line for line in head.split("\r\n") if line[0] not in " \t"]
    assert len(lines) == len(HEADERS) + 3
    assert head.count("\n") == head.count("\r\n") == head.count("\r")


@pytest.mark.parametrize(
    "reply_to",
    ["desk", "desk@a.test, bob@b.test", "desk@a.test\r\nBcc: bob@b.test", "Desk <desk@a.test>", "büro@a.test"],
)
def test_an_answer_address_that_is_none_keeps_no_mail_from_leaving(send, reply_to):
    mail = send(letter_to(ANN, reply_to=reply_to))
    assert "Reply-To" not in mail.email
    assert mail.recipients == [ANN]


@pytest.mark.parametrize(
    ("typed", "sent"),
    [
        ("ann@Bücher.example", "ann@xn--bcher-kva.example"),
        ("Ann.O'Neil+slots@customer.test", "Ann.O'Neil+slots@customer.test"),
        ("ann@EXAMPLE.Test", "ann@example.test"),
        (" ann@customer.test ", ANN),
        ("ann@例え.テスト", "ann@xn--r8jz45g.xn--zckzah"),
        ("ann@localhost", "ann@localhost"),
        ("user%other.test@customer.test", "user%other.test@customer.test"),
        ("other.test!user@customer.test", "other.test!user@customer.test"),
        ("-oQ/tmp@customer.test", "-oQ/tmp@customer.test"),
    ],
)
def test_addresses_reach_the_server_as_it_knows_them(send, server, typed, sent):
    mail = send(letter_to(typed))
    assert mail.recipients == [sent]
    assert server.commands[-1] == f"RCPT TO:<{sent}>"
    assert f"<{sent}>".encode() in mail.content
    assert "SMTPUTF8" not in mail.options


def test_quotes_around_dots_are_kept(send, server):
    send(letter_to('"ann..customer"@customer.test'))
    assert server.commands[-1] == 'RCPT TO:<"ann..customer"@customer.test>'


@pytest.mark.parametrize("address", ["jörg@customer.test", "山田@例え.テスト", "jo\u0308rg@customer.test"])
def test_letters_of_all_scripts_before_the_at_need_a_server_that_knows_them(send, server, address):
    mail = send(letter_to(address))
    (recipient,) = mail.recipients
    assert "SMTPUTF8" in mail.options
    assert f"<{recipient}>".encode() in mail.content
    assert recipient.isprintable()
    assert not recipient.rpartition("@")[0].isascii()
    assert "SMTPUTF8" not in send(letter_to(ANN)).options


def test_a_server_that_does_not_know_them_is_asked_for_others_only():
    with mail_server(has_utf8=False) as server:
        channel = SmtpChannel(server.setting, FROM)
        with pytest.raises(Refused, match="other than a to z"):
            channel.send(letter_to("jörg@customer.test"))
        channel.send(letter_to(ANN))
        channel.close()
    assert one_mail(server).recipients == [ANN]
    assert server.connections == 1


def test_long_lines_and_dots_and_ends_of_lines_survive(send):
    text = "x" * 3000 + "\n.\n..\r\n.\rFrom Ann\n" + "ü" * 3000 + " \n"
    mail = send(letter_to(ANN, text=text))
    check_headers(mail)
    assert max(len(line) for line in mail.content.split(b"\r\n")) <= 78
    received = mail.email.get_content().replace("\r\n", "\n").rstrip("\n")
    assert received == text.replace("\r\n", "\n").replace("\r", "\n").rstrip("\n")


def test_the_id_of_a_server_with_a_name_of_its_own_script_is_ascii(send):
    mail = send(letter_to(ANN, message_id="<appointment-1.booked@bücher.example>"))
    assert b"Message-ID: <appointment-1.booked@b%C3%BCcher.example>\r\n" in mail.content
