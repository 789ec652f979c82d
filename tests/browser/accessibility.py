"""What axe-core finds on a page, where it is installed; audit.js is our own look at the same."""

from playwright.sync_api import Page

try:
    from axe_playwright_python.sync_playwright import Axe
except ImportError:
    Axe = None


def serious_findings(page: Page) -> list[str]:
    """Name what axe finds serious or critical; nothing where axe is not installed."""
    if Axe is None:
        return []
    found = Axe().run(page).response["violations"]
    return [
        f"{one['id']}: {one['help']} {[node['target'] for node in one['nodes']][:3]}"
        for one in found
        if one["impact"] in {"serious", "critical"}
    ]
