"""Messages for the tests of mails."""

from slotkeeper.outbox.channels.base import Dispatch, Invitation
from slotkeeper.outbox.letters import Letter

FROM = "Slotkeeper <booking@practice.test>"
ANN, BOB = "ann@customer.test", "bob@customer.test"
ICS = b"BEGIN:VCALENDAR\r\nVERSION:2.0\r\nMETHOD:REQUEST\r\nSUMMARY:Gr\xc3\xbc\xc3\x9fe\r\nEND:VCALENDAR\r\n"


def letter_to(address, name="Ann Customer", text="See you on Monday.", **fields):
    """A message with what a test leaves open filled in."""
    letter = Letter(fields.pop("subject", "Your appointment"), text, fields.pop("html", ""))
    given = {
        "message_id": "<appointment-1.booked.1.customer@booking.practice.test>",
        "sender_name": "Practice",
        "reply_to": "desk@practice.test",
    }
    return Dispatch(address=address, name=name, letter=letter, **given | fields)


def invitation(method="REQUEST"):
    return Invitation(ICS, method)


def one_mail(server):
    (mail,) = server.mails
    return mail
