"""A real server and a real browser, shared by the tests here.

Set SHOTS to a folder to keep a picture of every page, wide and narrow, light and dark.
"""

import os
import shutil
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import httpx
import pytest
from playwright.sync_api import Browser, Page, sync_playwright

from servers.command import environment_of
from servers.migrated import copy_data

SOURCE = Path(__file__).parents[2] / "src"
AUDIT = (Path(__file__).parent / "audit.js").read_text()
CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
WIDE, NARROW, HEIGHT = 1280, 390, 850
# Each size and each look once; `make soak` sets ALL_VIEWS and looks at every pair.
VIEWS = [(WIDE, "light"), (NARROW, "dark")]
if "ALL_VIEWS" in os.environ:
    VIEWS += [(WIDE, "dark"), (NARROW, "light")]


# Both live for this folder only: while Playwright runs, Django takes the thread for an asynchronous one.
@pytest.fixture(scope="package")
def server(tmp_path_factory) -> Iterator[str]:
    """The server on an empty SQLite database, as `http://localhost:PORT`."""
    with running_server(tmp_path_factory) as (url, _):
        yield url


@contextmanager
def running_server(tmp_path_factory, **settings: str) -> Iterator[tuple[str, dict[str, str]]]:
    """Run a server on an empty SQLite database; give its address, and the environment that its commands need."""
    folder = tmp_path_factory.mktemp("data")
    copy_data(folder)
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    url = f"http://localhost:{port}"
    environment = environment_of(folder) | {"PYTHONPATH": str(SOURCE), "SLOTKEEPER_URL": url, **settings}
    granian = [sys.executable, "-m", "granian", "--interface", "wsgi", "--no-ws", "--blocking-threads", "2"]
    log = tmp_path_factory.mktemp("log") / "server.log"
    with log.open("w") as output:
        process = subprocess.Popen(
            [*granian, "--host", "127.0.0.1", "--port", str(port), "slotkeeper.wsgi:application"],
            env=environment, stdout=output, stderr=output,
        )  # fmt: skip
        try:
            wait_for(url, process, log)
            yield url, environment
        finally:
            process.send_signal(signal.SIGTERM)
            process.wait(10)


def wait_for(url: str, process: subprocess.Popen, log: Path) -> None:
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline and process.poll() is None:
        try:
            httpx.get(f"{url}/healthz")
        except httpx.TransportError:
            time.sleep(0.1)
        else:
            return
    raise RuntimeError(log.read_text())


@pytest.fixture(scope="package")
def chromium() -> Iterator[Browser]:
    if CHROMIUM is None:
        pytest.skip("no Chromium is installed")
    quiet = ["--no-sandbox", "--disable-gpu", "--disable-background-networking", "--disable-component-update"]
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=quiet)
        yield browser
        browser.close()


class Visitor:
    """A person at the browser, in Lisbon; what goes wrong on a page is kept in `complaints`."""

    def __init__(self, page: Page, url: str) -> None:
        self.page, self.url = page, url
        self.complaints: list[str] = []
        page.set_default_timeout(30_000)
        page.on("console", lambda message: self._complain(message.type, message.text))
        page.on("pageerror", lambda error: self._complain("error", str(error)))

    def _complain(self, kind: str, text: str) -> None:
        if kind in {"error", "warning"}:
            self.complaints.append(f"{self.page.url}: {text}")

    def open(self, path: str) -> Page:
        self.page.goto(self.url + path)
        return self.page

    def fill(self, **fields: str) -> None:
        for name, value in fields.items():
            self.page.fill(f"main [name={name}]", value)

    def sign_in(self, email: str, password: str) -> None:
        self.open("/accounts/login/")
        self.fill(login=email, password=password)
        self.press("Sign in")

    def press(self, name: str) -> None:
        self.page.locator("main").get_by_role("button", name=name, exact=True).click()

    def follow(self, name: str) -> None:
        self.page.locator("main").get_by_role("link", name=name, exact=True).click()

    def inspect(self, name: str) -> None:
        """Look at the page, wide and narrow: contrast, labels, ids, and that nothing sticks out."""
        for width, scheme in VIEWS[::3]:  # colours do not depend on widths
            self._show(width, scheme)
            self.page.wait_for_load_state()  # a click that led here waits for the first byte only
            wrong = self.page.evaluate(AUDIT)
            self.complaints += [f"{name} at {width} px, {scheme}: {text}" for text in wrong]
        if "SHOTS" in os.environ:
            for width, scheme in VIEWS:
                self._show(width, scheme)
                path = Path(os.environ["SHOTS"]) / f"{name}-{width}-{scheme}.png"
                self.page.screenshot(path=path, full_page=not name.startswith("docs"))
        self._show(*VIEWS[0])

    def _show(self, width: int, scheme: str) -> None:
        self.page.set_viewport_size({"width": width, "height": HEIGHT})
        self.page.emulate_media(color_scheme=scheme)


@pytest.fixture
def visitor(chromium, server) -> Iterator[Visitor]:
    context = chromium.new_context(
        timezone_id="Europe/Lisbon", reduced_motion="reduce", viewport={"width": WIDE, "height": HEIGHT}
    )
    visitor = Visitor(context.new_page(), server)
    yield visitor
    context.close()
    assert not visitor.complaints, "\n".join(visitor.complaints)
