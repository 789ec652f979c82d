"""Make a business's accent colour readable on our grounds, light and dark."""

from typing import NamedTuple

from slotkeeper.rules.contrast import Color, contrast, is_readable, mix

_WHITE, _BLACK = Color(255, 253, 250), Color(30, 20, 12)
# The grounds of look.css on which the accent is written, light and dark.
_LIGHT = (Color(0xF7, 0xF4, 0xEF), Color(0xFF, 0xFD, 0xFA), Color(0xF0, 0xEB, 0xE3))
_DARK = (Color(0x19, 0x16, 0x13), Color(0x22, 0x1E, 0x1A), Color(0x2C, 0x27, 0x22))
_TINTS = 20


class Accent(NamedTuple):
    """The colours that go with an accent: itself, deeper under the mouse, its wash, and what is written on it."""

    accent: Color
    deep: Color
    wash: Color
    on_accent: Color


# Slotkeeper's own, as look.css has them.
OURS_LIGHT = Accent(Color(0xA8, 0x45, 0x1F), Color(0x87, 0x35, 0x14), Color(0xF8, 0xE8, 0xDE), Color(0xFF, 0xFD, 0xFA))
OURS_DARK = Accent(Color(0xF1, 0xA3, 0x7C), Color(0xF7, 0xBD, 0x9F), Color(0x3E, 0x29, 0x1D), Color(0x2A, 0x14, 0x08))


def light_accent(wanted: Color) -> Accent | None:
    """Give the colours of a light page, or None where people could not read them."""
    return _accent(wanted, _LIGHT, _BLACK)


def dark_accent(wanted: Color) -> Accent | None:
    """Give the colours of a dark page.

    On dark ground most colours are too dark themselves: the nearest tint of theirs that can be read stands in.
    """
    tints = (mix(wanted, _WHITE, step / _TINTS) for step in range(_TINTS))
    return next(filter(None, (_accent(tint, _DARK, _WHITE) for tint in tints)), None)


def _accent(accent: Color, grounds: tuple[Color, ...], away: Color) -> Accent | None:
    """Give the colours of one look; the deeper one is further away from the ground."""
    sheet = grounds[1]
    deep, wash = mix(accent, away, 0.22), mix(sheet, accent, 0.1)
    on_accent = max((_WHITE, _BLACK), key=lambda text: contrast(text, accent))
    if not (is_readable(accent, *grounds) and is_readable(on_accent, accent, deep) and is_readable(deep, wash)):
        return None
    return Accent(accent, deep, wash, on_accent)
