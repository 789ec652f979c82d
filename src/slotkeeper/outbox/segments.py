"""How many SMS a text makes."""

# GSM 03.38: what an SMS carries in seven bits each; those of the second line take two places.
_SEVEN_BITS = frozenset(
    "@£$¥èéùìòÇ\nØø\rÅåΔ_ΦΓΛΩΠΨΣΘΞÆæßÉ !\"#¤%&'()*+,-./0123456789:;<=>?¡ABCDEFGHIJKLMNOPQRSTUVWXYZÄÖÑÜ§¿"
    "abcdefghijklmnopqrstuvwxyzäöñüà"
)
_TWO_PLACES = frozenset("^{}\\[~]|€\f")


def segments_of(text: str) -> int:
    """Count the SMS that a text is sent as: of 160 or 70 places when it is one, of 153 or 67 when they are several."""
    if set(text) <= _SEVEN_BITS | _TWO_PLACES:
        places, alone, each = sum(2 if one in _TWO_PLACES else 1 for one in text), 160, 153
    else:
        places, alone, each = len(text.encode("utf-16-le")) // 2, 70, 67
    return 1 if places <= alone else -(-places // each)
