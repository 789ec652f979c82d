from contextlib import ExitStack

import pytest


@pytest.fixture
def stack():
    """Leave at a test's end what was entered here."""
    with ExitStack() as stack:
        yield stack
