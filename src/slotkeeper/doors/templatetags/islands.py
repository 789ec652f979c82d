"""Scripts that make a page more comfortable, where they were built."""

from hashlib import sha256
from pathlib import Path

from django import template
from django.contrib.staticfiles import finders
from django.templatetags.static import static
from django.utils.html import format_html
from django.utils.safestring import SafeString

register = template.Library()

_FOLDER = "slotkeeper/built"


def _built() -> dict[str, str]:
    """Find the pages' scripts, each with a mark of its content: browsers keep scripts for an hour."""
    folder = finders.find(_FOLDER)
    if folder is None:
        return {}
    return {path.stem: sha256(path.read_bytes()).hexdigest()[:12] for path in Path(folder).glob("*.js")}


_BUILT = _built()  # once, as the server does with all static files


@register.simple_tag
def island(name: str) -> SafeString:
    """Load a page's script; nothing where it was not built, for the page works without it."""
    if name not in _BUILT:
        return SafeString()
    return format_html('<script type="module" src="{}?{}"></script>', static(f"{_FOLDER}/{name}.js"), _BUILT[name])
