"""Servers that somebody else wrote, for Node: `bin/set-up test` installs them where npm and Node 20 are."""

import shutil
from pathlib import Path

import pytest

from servers.fake_oauth import CLIENT_ID, CLIENT_SECRET

HERE = "https://booking.example.com/calendars/connected/google"
CLIENT = {"google_client_id": CLIENT_ID, "google_client_secret": CLIENT_SECRET}
FOLDER = Path(__file__).parent / "node"


def needs(package: str) -> pytest.MarkDecorator:
    """Skip a test where a package is missing."""
    is_there = (FOLDER / "node_modules" / package).is_dir() and shutil.which("node") is not None
    return pytest.mark.skipif(not is_there, reason=f"npm's {package} is not installed: see bin/set-up")
