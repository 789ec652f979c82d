"""Fixtures that everybody uses."""

import os
import shutil

import pytest
from django.db import connection
from hypothesis import settings

from cast import Cast, make_cast
from emptying import set_rule_aside_while_emptying
from servers.migrated import copy_data, copy_database

# How long an example takes says how busy the machine is.
settings.register_profile("slotkeeper", deadline=None)
settings.load_profile("slotkeeper")


def pytest_addoption(parser):
    parser.addoption("--soak", action="store_true", help="run the heavy suites with their full figures")


@pytest.fixture
def soak(request) -> bool:
    """Whether the heavy suites run with their full figures."""
    return bool(request.config.getoption("--soak"))


@pytest.fixture(scope="session")
def django_db_keepdb(django_db_modify_db_settings, tmp_path_factory) -> bool:
    """Whether Django uses a database that is there: one is, copied, as to migrate it takes each process seconds."""
    name = connection.creation._get_test_db_name()
    if connection.vendor == "sqlite":
        folder = tmp_path_factory.mktemp("migrated")
        copy_data(folder)
        shutil.copy(folder / "slotkeeper.sqlite3", name)
    else:
        copy_database(os.environ["TEST_POSTGRESQL_URL"], name)
    return True


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
