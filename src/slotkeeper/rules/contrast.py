"""Tell whether people can read one colour on another, as WCAG 2.2 computes it (success criterion 1.4.3)."""

import re
from typing import NamedTuple

READABLE = 4.5

_COLOR = re.compile(r"#?([0-9a-fA-F]{2})([0-9a-fA-F]{2})([0-9a-fA-F]{2})")


class Color(NamedTuple):
    """A colour of a screen: red, green and blue, 0 to 255."""

    red: int
    green: int
    blue: int

    def __str__(self) -> str:
        """Write it as style sheets do: `#b5552b`."""
        return f"#{self.red:02x}{self.green:02x}{self.blue:02x}"


def parse_color(text: str) -> Color | None:
    """Read `#b5552b`, with or without the sign; None for anything else."""
    match = _COLOR.fullmatch(text)
    return None if match is None else Color(*(int(part, 16) for part in match.groups()))


def contrast(one: Color, other: Color) -> float:
    """Give the contrast of two colours, 1 to 21."""
    dark, light = sorted((_luminance(one), _luminance(other)))
    return (light + 0.05) / (dark + 0.05)


def is_readable(color: Color, *grounds: Color) -> bool:
    """Tell whether text of a colour can be read on every one of the grounds."""
    return all(contrast(color, ground) >= READABLE for ground in grounds)


def mix(color: Color, other: Color, share: float) -> Color:
    """Mix two colours; `share`, 0 to 1, is how much there is of the second."""
    return Color(*(round(a + (b - a) * share) for a, b in zip(color, other, strict=True)))


def _luminance(color: Color) -> float:
    linear = (
        part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4
        for part in (value / 255 for value in color)
    )
    return sum(share * part for share, part in zip((0.2126, 0.7152, 0.0722), linear, strict=True))
