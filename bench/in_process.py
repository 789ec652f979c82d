"""Measuring in one process: requests through everything but the socket, and what they cost."""

import resource
import time
from collections.abc import Callable

from django.test import Client


def asker(token: str) -> Callable[[str], bytes]:
    """Make a client that asks for a path with a token and gives the body of the answer."""
    client = Client(HTTP_HOST="localhost", HTTP_AUTHORIZATION=f"Bearer {token}")

    def ask(path: str) -> bytes:
        response = client.get(path)
        assert response.status_code == 200, response.content
        return response.content

    return ask


def cpu_ms(act: Callable[[], object]) -> float:
    """Give the CPU milliseconds that something took: of this process, and of its children that ended meanwhile."""
    before = _spent()
    act()
    return (_spent() - before) * 1000


def _spent() -> float:
    children = resource.getrusage(resource.RUSAGE_CHILDREN)
    return time.process_time() + children.ru_utime + children.ru_stime
