import pytest

from outbound.far_server import far_server
from slotkeeper.outbound.client import Client


@pytest.fixture
def far():
    with far_server() as server:
        yield server


@pytest.fixture
def client():
    """A client of an installation whose settings allow this machine."""
    with Client(["127.0.0.1"]) as client:
        yield client
