"""What went wrong with a message, in the page's language: it is stored in English, for channels know no language."""

import re
from functools import cache

from django.utils.translation import gettext, gettext_noop

_SENTENCES = (
    gettext_noop("The connection to the mail server broke before it took the message."),
    gettext_noop("The email address contains line breaks or characters that cannot be seen."),
    gettext_noop("The email address is not of the form name@example.com."),
    gettext_noop("The email address is too long."),
    gettext_noop("The mail server cannot be reached: %(why)s"),
    gettext_noop("The mail server cannot write to addresses with letters other than a to z before the @."),
    gettext_noop("The mail server does not accept the user name and password: %(answer)s"),
    gettext_noop("The mail server does not offer encryption (STARTTLS) at this port."),
    gettext_noop("The mail server does not offer signing in at this port."),
    gettext_noop("The mail server does not speak TLS at this port as it should."),
    gettext_noop("The mail server does not take the message now: %(answer)s"),
    gettext_noop("The mail server is not available now: %(answer)s"),
    gettext_noop("The mail server is too slow."),
    gettext_noop("The mail server refuses the address: %(answer)s"),
    gettext_noop("The mail server refuses the message: %(answer)s"),
    gettext_noop("The mail server refuses the sender: %(answer)s"),
    gettext_noop("The mail server wants us to sign in: %(answer)s"),
    gettext_noop("The mail server's certificate cannot be trusted: %(why)s"),
    gettext_noop("The mail server's name, or the user name or password for it, has letters other than a to z."),
    gettext_noop("The message contains characters that cannot be written."),
    gettext_noop("The message is empty."),
    gettext_noop("The message is longer than %(count)s characters."),
    gettext_noop("The message is too large for the mail server: %(answer)s"),
    gettext_noop("There is no email address."),
    gettext_noop("This is not exactly one email address of the form name@example.com."),
    gettext_noop("This is not exactly one phone number with its country's code."),
    gettext_noop("Twilio answers what it should not."),
    gettext_noop("Twilio answers what it should not (%(status)s)."),
    gettext_noop("Twilio cannot be reached: %(why)s"),
    gettext_noop("Twilio does not let us send: %(answer)s"),
    gettext_noop("Twilio does not take the message: %(answer)s"),
    gettext_noop("Twilio gave no answer, so nobody knows whether the message was sent."),
    gettext_noop("Twilio has a fault: %(answer)s"),
    gettext_noop("Twilio has too much to do: %(answer)s"),
    gettext_noop("Twilio refuses the message: %(answer)s"),
    gettext_noop("Twilio's address cannot be asked: %(why)s"),
    gettext_noop("What stands behind the @ of the email address is no name of a mail server."),
)
_PLACE = re.compile(r"%\\\((\w+)\\\)s")


def trouble_in_words(message: str) -> str:
    """Say what a channel said in the language that is spoken now; what nobody has translated stays as it is."""
    for sentence, pattern in _patterns():
        found = pattern.fullmatch(message)
        if found:
            return gettext(sentence) % found.groupdict()
    return message


def is_known(message: str) -> bool:
    """Say whether a message can be said in other languages."""
    return any(pattern.fullmatch(message) for _sentence, pattern in _patterns())


@cache
def _patterns() -> list[tuple[str, re.Pattern[str]]]:
    return [(sentence, re.compile(_PLACE.sub(r"(?P<\1>.+)", re.escape(sentence)))) for sentence in _SENTENCES]
