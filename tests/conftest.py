"""Fixtures that everybody uses."""

import pytest

from cast import Cast, make_cast
from emptying import set_rule_aside_while_emptying


def pytest_addoption(parser):
    parser.addoption("--soak", action="store_true", help="run the heavy suites with their full figures")


@pytest.fixture
def soak(request) -> bool:
    """Whether the heavy suites run with their full figures."""
    return bool(request.config.getoption("--soak"))


@pytest.fixture(scope="session")
def django_db_setup(django_db_setup):
    """Django's own, whose flush empties the record of changes, too."""
    set_rule_aside_while_emptying()


@pytest.fixture
def cast(db) -> Cast:
    """Owner, colleague, outsider and customer, in a transaction that is rolled back."""
    return make_cast()


@pytest.fixture
def committed_cast(transactional_db) -> Cast:
    """The cast, really committed: for threads and other connections."""
    return make_cast()
