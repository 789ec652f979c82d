"""Phone numbers as people write them, and as networks want them."""

import re

import phonenumbers
from phonenumbers import PhoneNumberFormat, PhoneNumberType

E164 = re.compile(r"\+[1-9]\d{6,14}", re.ASCII)  # ITU-T E.164
_LONGEST_TEXT = 40
# Whoever types one of these as their own has us pay for it.
_COSTLY = {PhoneNumberType.PREMIUM_RATE, PhoneNumberType.SHARED_COST}


def as_e164(text: str, region: str | None) -> str | None:
    """Bring a number to E.164; give None for what is no number that a message can go to.

    `region` is the country (ISO 3166) from whose inside a number without a country code is dialled.
    """
    if len(text) > _LONGEST_TEXT or not text.isprintable():
        return None
    try:
        number = phonenumbers.parse(text, region and region.upper())
    except phonenumbers.NumberParseException:
        return None
    if number.extension or not phonenumbers.is_valid_number(number):
        return None  # no message reaches an extension
    if phonenumbers.number_type(number) in _COSTLY:
        return None
    return phonenumbers.format_number(number, PhoneNumberFormat.E164)
