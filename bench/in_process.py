"""Measuring in one process: requests through everything but the socket."""

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
