"""A business's own accent colour, as a style sheet; where people could not read it, ours stays."""

from django.http import HttpRequest, HttpResponse
from django.views.decorators.cache import cache_control
from django.views.decorators.http import require_safe

from slotkeeper.doors.access import PUBLIC, permit
from slotkeeper.rules.contrast import Color, contrast, is_readable, mix, parse_color

_WHITE, _BLACK = Color(255, 253, 250), Color(30, 20, 12)
# The grounds of look.css on which the accent is written, light and dark.
_LIGHT = (Color(0xF7, 0xF4, 0xEF), Color(0xFF, 0xFD, 0xFA), Color(0xF0, 0xEB, 0xE3))
_DARK = (Color(0x19, 0x16, 0x13), Color(0x22, 0x1E, 0x1A), Color(0x2C, 0x27, 0x22))
_TINTS = 20


@permit(PUBLIC)
@require_safe
@cache_control(public=True, max_age=86_400, immutable=True)
def accent_style(request: HttpRequest, color: str) -> HttpResponse:
    """Serve the style sheet of a colour; it depends on nothing else."""
    del request
    return HttpResponse(accent_rules(color), "text/css")


def accent_rules(color: str) -> str:
    """Write the tokens of look.css that a colour replaces: all, those of the dark look only, or none."""
    wanted = parse_color(color)
    if wanted is None:
        return ""
    light = _tokens(wanted, _LIGHT, _BLACK)
    # On dark ground most colours are too dark themselves: the nearest tint of theirs that can be read stands in.
    tints = (mix(wanted, _WHITE, step / _TINTS) for step in range(_TINTS))
    dark = next(filter(None, (_tokens(tint, _DARK, _WHITE) for tint in tints)), "")
    rules = f":root {{ {light} }}\n" if light else ""
    return rules + (f"@media (prefers-color-scheme: dark) {{ :root {{ {dark} }} }}\n" if dark else "")


def _tokens(accent: Color, grounds: tuple[Color, ...], away: Color) -> str:
    """Write the tokens of one look, or nothing; hovering moves the accent further away from the ground."""
    sheet = grounds[1]
    deep, wash = mix(accent, away, 0.22), mix(sheet, accent, 0.1)
    on_accent = max((_WHITE, _BLACK), key=lambda text: contrast(text, accent))
    if not (is_readable(accent, *grounds) and is_readable(on_accent, accent, deep) and is_readable(deep, wash)):
        return ""
    return f"--accent: {accent}; --accent-deep: {deep}; --accent-wash: {wash}; --on-accent: {on_accent};"
