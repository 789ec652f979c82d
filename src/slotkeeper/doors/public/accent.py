"""A business's own accent colour, as a style sheet; where people could not read it, ours stays."""

from django.http import HttpRequest, HttpResponse
from django.views.decorators.cache import cache_control
from django.views.decorators.http import require_safe

from slotkeeper.doors.access import PUBLIC, permit
from slotkeeper.rules.accent import Accent, dark_accent, light_accent
from slotkeeper.rules.contrast import parse_color


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
    light, dark = light_accent(wanted), dark_accent(wanted)
    rules = f":root {{ {_tokens(light)} }}\n" if light else ""
    return rules + (f"@media (prefers-color-scheme: dark) {{ :root {{ {_tokens(dark)} }} }}\n" if dark else "")


def _tokens(look: Accent) -> str:
    return (
        f"--accent: {look.accent}; --accent-deep: {look.deep}; --accent-wash: {look.wash}; "
        f"--on-accent: {look.on_accent};"
    )
