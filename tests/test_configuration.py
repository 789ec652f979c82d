"""Settings: what they are read as, what is refused, and how the secret key is kept."""

from dataclasses import replace

import pytest

from slotkeeper.configuration import BadSetting, read_configuration
from slotkeeper.doors.cli import backup

KEY = "k" * 40


def configuration(tmp_path, **given):
    environ = {"SLOTKEEPER_DATA_DIR": str(tmp_path / "data"), "SLOTKEEPER_SECRET_KEY": KEY} | given
    return read_configuration(environ, tmp_path)


@pytest.mark.parametrize(
    ("written", "read"),
    [
        ("https://booking.example.com", "https://booking.example.com"),
        ("https://Booking.example.com:8443/", "https://booking.example.com:8443"),
        ("http://[fd00::1]:8000", "http://[fd00::1]:8000"),
        ("http://192.168.1.20:8000", "http://192.168.1.20:8000"),
        ("https://bücher.example", "https://xn--bcher-kva.example"),
    ],
)
def test_an_address_is_read_as_browsers_send_it(tmp_path, written, read):
    assert configuration(tmp_path, SLOTKEEPER_URL=written).url == read


@pytest.mark.parametrize(
    "url",
    [
        "http://host:abc", "http://host:99999", "https://u:p@host", "https://host#x", "https://host/path",
        "https://ho st", "https://", "ftp://host", "https://a..b",
    ],
)  # fmt: skip
def test_an_address_that_cannot_be_served_is_refused(tmp_path, url):
    with pytest.raises(BadSetting, match="SLOTKEEPER_URL"):
        configuration(tmp_path, SLOTKEEPER_URL=url)


def test_hosts_are_names_and_addresses_alone(tmp_path):
    read = configuration(tmp_path, SLOTKEEPER_HOSTS="Other.example, fd00::2, .all.example").hosts
    assert read == ("other.example", "[fd00::2]", ".all.example")
    for bad in ("foo.example:8443", "https://foo.example", "*"):
        with pytest.raises(BadSetting, match="SLOTKEEPER_HOSTS"):
            configuration(tmp_path, SLOTKEEPER_HOSTS=bad)


def test_the_home_of_nobody_is_refused_in_a_sentence(tmp_path):
    with pytest.raises(BadSetting, match="SLOTKEEPER_DATA_DIR"):
        configuration(tmp_path, SLOTKEEPER_DATA_DIR="~nobody-of-that-name/data")


def first_start(tmp_path, **given):
    return read_configuration({"SLOTKEEPER_DATA_DIR": str(tmp_path)} | given, tmp_path / "project")


def test_the_key_joins_a_file_that_was_written_by_hand(tmp_path):
    file = tmp_path / "slotkeeper.env"
    file.write_text("SLOTKEEPER_URL=https://booking.example.com")  # without an end of its line
    file.chmod(0o644)
    first, second = first_start(tmp_path), first_start(tmp_path)
    assert first.url == second.url == "https://booking.example.com"
    assert first.secret_key == second.secret_key
    assert file.stat().st_mode & 0o777 == 0o600


@pytest.mark.parametrize("where", ["file", "environment"])
def test_a_key_that_is_set_to_nothing_is_made_once(tmp_path, where):
    file = tmp_path / "slotkeeper.env"
    file.write_text("SLOTKEEPER_SECRET_KEY=\n" if where == "file" else "")
    given = {"SLOTKEEPER_SECRET_KEY": ""} if where == "environment" else {}
    keys = {first_start(tmp_path, **given).secret_key for _ in range(3)}
    assert len(keys) == 1
    assert file.read_text().count("SLOTKEEPER_SECRET_KEY=") == (2 if where == "file" else 1)


def test_backup_names_the_file_that_holds_the_key_and_not_the_first_one(monkeypatch, tmp_path):
    project, data = tmp_path / "project", tmp_path / "data"
    for folder, content in ((project, "SLOTKEEPER_URL=http://x.test\n"), (data, f"SLOTKEEPER_SECRET_KEY={'k' * 40}\n")):
        folder.mkdir()
        (folder / "slotkeeper.env").write_text(content)
    monkeypatch.setattr(backup, "PROJECT_FOLDER", project)
    monkeypatch.setattr(backup, "CONFIGURATION", replace(backup.CONFIGURATION, data_dir=data))
    monkeypatch.delenv("SLOTKEEPER_SECRET_KEY", raising=False)
    assert backup._secret_place() == str(data / "slotkeeper.env")
    monkeypatch.setenv("SLOTKEEPER_ENCRYPTION_KEYS", "e" * 40)
    assert backup._secret_place() == f"{data / 'slotkeeper.env'} and SLOTKEEPER_ENCRYPTION_KEYS of the environment"
