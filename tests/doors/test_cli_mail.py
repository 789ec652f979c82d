"""`slotkeeper send-test-mail`, run as people run it, against real mail servers."""

import sqlite3

import pytest

from servers.command import run_in
from servers.mail_server import HOST, mail_server, make_certificate
from servers.migrated import copy_data
from servers.postgresql import free_port

FROM = "Ada's practice <booking@practice.test>"


@pytest.fixture
def folder(tmp_path):
    copy_data(tmp_path / "data")
    return tmp_path / "data"


@pytest.fixture
def send(folder):
    """Sends a test mail in an installation of its own."""

    def run(url, *arguments, to="ann@customer.test", **changes):
        given = {"SLOTKEEPER_MAIL_SERVER": url, "SLOTKEEPER_MAIL_FROM": FROM} | changes
        return run_in(folder, "send-test-mail", "--to", to, *arguments, **given)

    return run


def refusal(done):
    assert (done.returncode, done.stdout) == (1, "")
    assert len(done.stderr.splitlines()) == 1, done.stderr
    return done.stderr


def test_an_accepted_mail_is_said_with_the_servers_words(send):
    with mail_server(has_auth=True) as server:
        done = send(server.url)
        assert (done.returncode, done.stderr) == (0, "")
        assert done.stdout == f"Accepted by {HOST}:{server.port} with: 250 2.0.0 Queued as 1\n"
    (mail,) = server.mails
    assert (mail.sender, mail.recipients, mail.user) == ("booking@practice.test", ["ann@customer.test"], "user")
    assert str(mail.email["From"]) == FROM
    assert "http://localhost:8000" in mail.email.get_body().get_content()


def test_without_a_mail_server_it_says_which_setting_is_missing(send):
    assert "SLOTKEEPER_MAIL_SERVER" in refusal(send(""))


def test_a_server_that_cannot_be_reached_names_the_setting(send):
    said = refusal(send(f"smtp://{HOST}:{free_port()}"))
    assert "cannot be reached" in said
    assert "SLOTKEEPER_MAIL_SERVER" in said


def test_a_wrong_password_names_the_setting_and_not_the_password(send):
    with mail_server(has_auth=True) as server:
        said = refusal(send(server.url.replace("a%20password", "another")))
    assert "does not accept the user name and password" in said
    assert "SLOTKEEPER_MAIL_SERVER" in said
    assert "another" not in said


def test_a_certificate_that_nobody_knows_is_said_and_one_that_is_known_is_accepted(send, tmp_path):
    certificate = make_certificate(tmp_path)
    with mail_server(security="starttls", certificate=certificate) as server:
        assert "certificate cannot be trusted" in refusal(send(server.url))
        assert send(server.url, SSL_CERT_FILE=certificate.file).returncode == 0
    assert len(server.mails) == 1


def test_a_refused_sender_names_its_own_setting(send):
    with mail_server() as server:
        server.faults["MAIL"] = "553 5.7.1 Sender address rejected: not owned by user"
        said = refusal(send(server.url))
    assert "not owned by user" in said
    assert "SLOTKEEPER_MAIL_FROM" in said


@pytest.mark.parametrize("to", ["ann", "ann@a.test,bob@b.test", "ann@a.test\nBcc: bob@b.test", "Ann <ann@a.test>"])
def test_what_is_not_one_address_is_refused(send, to):
    with mail_server() as server:
        assert "--to" in refusal(send(server.url, to=to))
        assert server.connections == 0


def test_a_refused_recipient_and_a_busy_server_are_said(send):
    with mail_server() as server:
        server.faults["ann@customer.test"] = "550 5.1.1 No such user"
        assert "No such user" in refusal(send(server.url))
        server.faults["ann@customer.test"] = "451 4.7.1 Greylisted"
        assert "Try again" in refusal(send(server.url))


def test_while_sending_is_held_nothing_leaves_unless_it_is_meant(send, folder):
    with sqlite3.connect(folder / "slotkeeper.sqlite3") as database:
        database.execute("INSERT INTO sending_holds (reason, held_at) VALUES ('restored', '2026-01-01 00:00:00')")
    with mail_server() as server:
        said = refusal(send(server.url))
        assert "held: restored" in said
        assert server.connections == 0
        assert send(server.url, "--even-if-held").returncode == 0
    assert len(server.mails) == 1
