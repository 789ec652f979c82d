"""A PostgreSQL that drops connections or goes away: 503 and back, never another 5xx."""

import json
import urllib.error
from contextlib import ExitStack

import psycopg
import pytest

from servers.command import Server, environment_of, run_in
from servers.postgresql import running_postgresql


@pytest.fixture
def postgresql():
    """A server of the test's own, which it may stop."""
    with ExitStack() as stack:
        stack.url = stack.enter_context(running_postgresql())
        yield stack


def ask(server, token):
    try:
        return 200, json.loads(server.get("/api/me", Authorization=f"Bearer {token}")), {}
    except urllib.error.HTTPError as error:
        return error.code, json.loads(error.read()), error.headers


def test_lost_connections_heal_and_an_absent_database_is_503(tmp_path, postgresql):
    changes = {"DATABASE_URL": f"{postgresql.url}/postgres"}
    folder = tmp_path / "data"
    owner = ("create-owner", "--email", "o@x.test", "--name", "Olga", "--time-zone", "Europe/Berlin")
    assert run_in(folder, "migrate", **changes).returncode == 0
    assert run_in(folder, *owner, given="a long password\n", **changes).returncode == 0
    token = run_in(folder, "create-token", "--email", "o@x.test", "--name", "t", **changes).stdout.strip()
    server = Server(environment_of(folder) | changes, "--no-worker")
    try:
        server.wait()
        assert ask(server, token)[0] == 200
        with psycopg.connect(f"{postgresql.url}/postgres", autocommit=True) as connection:
            connection.execute(
                "SELECT pg_terminate_backend(pid) FROM pg_stat_activity "
                "WHERE pid <> pg_backend_pid() AND datname = 'postgres'"
            )
        statuses = [ask(server, token)[0] for _ in range(20)]
        assert set(statuses) <= {200, 503}
        assert statuses[-1] == 200
        postgresql.close()
        status, problem, headers = ask(server, token)
        assert (status, problem["code"], headers["Retry-After"]) == (503, "UNAVAILABLE", "1")
        assert server.get("/healthz") == "ok\n"
    finally:
        server.process.kill()
        server.process.communicate()
