"""Every setting of an installation, typed, in one place.

A setting comes from the environment, or from `slotkeeper.env` in the project folder, or from
`slotkeeper.env` in the data directory; the first of these that names it wins. So cron, systemd
and a shell see the same. `docs/settings.md` describes each one; a test keeps the two in step.
"""

import os
import re
import secrets
from collections.abc import Callable, Mapping
from dataclasses import dataclass, fields
from email.utils import getaddresses
from ipaddress import IPv4Network, IPv6Network, ip_network
from pathlib import Path
from typing import Any
from urllib.parse import SplitResult, unquote, urlsplit

from slotkeeper.typed_addresses import base_url, hosts, origin

ENV_FILE = "slotkeeper.env"
DEFAULT_URL = "http://localhost:8000"
STRIPE_KEY = r"[sr]k_(?:test|live)_[A-Za-z0-9_]{8,500}"
STRIPE_SIGNER = r"whsec_[A-Za-z0-9+/=_-]{8,500}"
_CHECKOUT = Path(__file__).resolve().parents[2]
# The project folder: the checkout, or, where the package was installed without one, the folder one is in.
PROJECT_FOLDER = _CHECKOUT if (_CHECKOUT / "pyproject.toml").exists() else Path.cwd()


class BadSetting(Exception):
    """A setting cannot be used; the message says which one and how to mend it."""


@dataclass(frozen=True, slots=True)
class Database:
    """Where the data is: SQLite's file, or PostgreSQL's address."""

    engine: str
    name: str
    host: str = ""
    port: str = ""
    user: str = ""
    password: str = ""
    options: tuple[tuple[str, str], ...] = ()

    @property
    def is_sqlite(self) -> bool:
        """Whether the data lives in a file of ours."""
        return self.engine == "sqlite"


@dataclass(frozen=True, slots=True)
class MailServer:
    """Where mails are handed over."""

    host: str
    port: int
    security: str  # "none", "starttls" or "tls"
    user: str
    password: str


Network = IPv4Network | IPv6Network


@dataclass(frozen=True, slots=True)
class Configuration:
    """The settings of this installation, checked."""

    data_dir: Path
    database: Database
    secret_key: str
    url: str
    hosts: tuple[str, ...]
    trusted_proxies: tuple[Network, ...]
    mail_server: MailServer | None
    mail_from: str
    is_sign_up_open: bool
    synchronous: str
    prepared_statements: bool
    web_workers: int
    web_threads: int
    token_requests_per_minute: int
    bookings_per_source_and_hour: int
    bookings_per_address_and_day: int
    holds_per_source_and_hour: int
    import_limit_mb: int
    private_hosts: tuple[str, ...]
    encryption_keys: tuple[str, ...]
    google_client_id: str
    google_client_secret: str
    google_url: str
    microsoft_client_id: str
    microsoft_client_secret: str
    microsoft_tenant: str
    microsoft_url: str
    microsoft_graph_url: str
    twilio_account_sid: str
    twilio_auth_token: str
    twilio_from: str
    twilio_url: str
    stripe_secret_key: str
    stripe_webhook_secret: str
    stripe_url: str
    log_level: str


def _text(value: str) -> str:
    return value


def _number(smallest: int, largest: int) -> Callable[[str], int]:
    def read(value: str) -> int:
        if not value.isascii() or not value.isdigit() or not smallest <= int(value) <= largest:
            raise ValueError(f"write a whole number from {smallest} to {largest}")
        return int(value)

    return read


def _choice(*choices: str) -> Callable[[str], str]:
    def read(value: str) -> str:
        if value not in choices:
            raise ValueError(f"write one of: {', '.join(choices)}")
        return value

    return read


def _switch(value: str) -> bool:
    return _choice("on", "off")(value) == "on"


def _tenant(value: str) -> str:
    if not re.fullmatch(r"[A-Za-z0-9][A-Za-z0-9.-]*", value):
        raise ValueError("write common, organizations, consumers, or the tenant's id or domain")
    return value


def _shaped(form: str, wanted: str) -> Callable[[str], str]:
    """Read what is empty or of one form; `wanted` describes it."""

    def read(value: str) -> str:
        if value and not re.fullmatch(form, value, re.ASCII):
            raise ValueError(f"write {wanted}")
        return value

    return read


def _sender(value: str) -> str:
    found = getaddresses([value])
    address = found[0][1] if len(found) == 1 else ""
    atom, label = r"[^\s()<>@,;:\\\".\[\]]+", r"[a-z0-9]([a-z0-9-]*[a-z0-9])?"
    is_address = re.fullmatch(rf"{atom}(\.{atom})*@{label}(\.{label})*", address, re.ASCII | re.IGNORECASE)
    if not is_address or not address.isascii() or not value.isprintable():
        raise ValueError(
            "write it like Ada's practice <booking@example.com>; a name with a comma needs quotes around it"
        )
    return value


def _words(value: str) -> tuple[str, ...]:
    return tuple(value.replace(",", " ").split())


def _networks(value: str) -> tuple[Network, ...]:
    try:
        return tuple(ip_network(word) for word in _words(value))
    except ValueError as error:
        raise ValueError(f"{error}; write addresses or networks like 127.0.0.1 or 10.0.0.0/8") from None


def _secret(value: str) -> str:
    if len(value) < 32:
        raise ValueError("it is too short: use at least 32 random characters, or leave it out to have one made")
    return value


def _secrets(value: str) -> tuple[str, ...]:
    return tuple(_secret(word) for word in _words(value))


def _database(value: str) -> Database:
    parts = urlsplit(value)
    if parts.scheme == "sqlite":
        path = unquote(parts.path).removeprefix("/") if not parts.netloc else ""
        if not path:
            raise ValueError("write it like sqlite:////var/lib/slotkeeper/slotkeeper.sqlite3")
        return Database("sqlite", str(Path(path).absolute()))
    if parts.scheme in {"postgres", "postgresql"} and parts.path.strip("/"):
        return _postgresql(parts)
    raise ValueError("write it like postgresql://user:password@host:5432/name or sqlite:////folder/file")


def _postgresql(parts: SplitResult) -> Database:
    pairs = (pair.partition("=") for pair in parts.query.split("&") if "=" in pair)
    named = {name: unquote(setting) for name, _, setting in pairs}
    return Database(
        "postgresql",
        unquote(parts.path.strip("/")),
        host=named.pop("host", "") or unquote(parts.hostname or ""),
        port=named.pop("port", "") or str(parts.port or ""),
        user=unquote(parts.username or ""),
        password=unquote(parts.password or ""),
        options=tuple(named.items()),
    )


def _mail_server(value: str) -> MailServer | None:
    if not value:
        return None
    parts = urlsplit(value)
    kinds = {"smtp": ("none", 25), "smtp+starttls": ("starttls", 587), "smtps": ("tls", 465)}
    if parts.scheme not in kinds or not parts.hostname:
        raise ValueError("write it like smtp+starttls://user:password@mail.example.com:587 (or smtps://, smtp://)")
    security, port = kinds[parts.scheme]
    return MailServer(
        parts.hostname,
        parts.port or port,
        security,
        unquote(parts.username or ""),
        unquote(parts.password or ""),
    )


# name in Configuration: (name in the environment, default, reader)
SETTINGS: dict[str, tuple[str, str, Callable[[str], Any]]] = {
    "data_dir": (
        "SLOTKEEPER_DATA_DIR",
        str(PROJECT_FOLDER / "data"),
        lambda value: Path(value).expanduser().absolute(),
    ),
    "database": ("DATABASE_URL", "", _database),
    "secret_key": ("SLOTKEEPER_SECRET_KEY", "", _secret),
    "url": ("SLOTKEEPER_URL", DEFAULT_URL, origin),
    "hosts": ("SLOTKEEPER_HOSTS", "", hosts),
    "trusted_proxies": ("SLOTKEEPER_TRUSTED_PROXIES", "", _networks),
    "mail_server": ("SLOTKEEPER_MAIL_SERVER", "", _mail_server),
    "mail_from": ("SLOTKEEPER_MAIL_FROM", "Slotkeeper <slotkeeper@localhost>", _sender),
    "is_sign_up_open": ("SLOTKEEPER_SIGN_UP", "on", _switch),
    "synchronous": ("SLOTKEEPER_SYNCHRONOUS", "FULL", _choice("FULL", "NORMAL")),
    "prepared_statements": ("SLOTKEEPER_PREPARED_STATEMENTS", "on", _switch),
    "web_workers": ("SLOTKEEPER_WEB_WORKERS", "2", _number(1, 64)),
    "web_threads": ("SLOTKEEPER_WEB_THREADS", "", _number(1, 64)),
    "token_requests_per_minute": ("SLOTKEEPER_TOKEN_REQUESTS_PER_MINUTE", "0", _number(0, 1_000_000)),
    "bookings_per_source_and_hour": ("SLOTKEEPER_BOOKINGS_PER_SOURCE_AND_HOUR", "20", _number(0, 1_000_000)),
    "bookings_per_address_and_day": ("SLOTKEEPER_BOOKINGS_PER_ADDRESS_AND_DAY", "10", _number(0, 1_000_000)),
    "holds_per_source_and_hour": ("SLOTKEEPER_HOLDS_PER_SOURCE_AND_HOUR", "60", _number(0, 1_000_000)),
    "import_limit_mb": ("SLOTKEEPER_IMPORT_LIMIT_MB", "25", _number(1, 1_000)),
    "private_hosts": ("SLOTKEEPER_PRIVATE_HOSTS", "", _words),
    "encryption_keys": ("SLOTKEEPER_ENCRYPTION_KEYS", "", _secrets),
    "google_client_id": ("SLOTKEEPER_GOOGLE_CLIENT_ID", "", _text),
    "google_client_secret": ("SLOTKEEPER_GOOGLE_CLIENT_SECRET", "", _text),
    "google_url": ("SLOTKEEPER_GOOGLE_URL", "", base_url),
    "microsoft_client_id": ("SLOTKEEPER_MICROSOFT_CLIENT_ID", "", _text),
    "microsoft_client_secret": ("SLOTKEEPER_MICROSOFT_CLIENT_SECRET", "", _text),
    "microsoft_tenant": ("SLOTKEEPER_MICROSOFT_TENANT", "common", _tenant),
    "microsoft_url": ("SLOTKEEPER_MICROSOFT_URL", "https://login.microsoftonline.com", base_url),
    "microsoft_graph_url": ("SLOTKEEPER_MICROSOFT_GRAPH_URL", "https://graph.microsoft.com/v1.0", base_url),
    "twilio_account_sid": (
        "SLOTKEEPER_TWILIO_ACCOUNT_SID",
        "",
        _shaped("AC[0-9a-fA-F]{32}", "the account's SID, which begins with AC"),
    ),
    "twilio_auth_token": ("SLOTKEEPER_TWILIO_AUTH_TOKEN", "", _shaped(r"\S+", "the token, without spaces")),
    "twilio_from": (
        "SLOTKEEPER_TWILIO_FROM",
        "",
        _shaped(
            r"\+[1-9]\d{6,14}|MG[0-9a-fA-F]{32}",
            "a number like +4915123456789, or a messaging service's SID, which begins with MG",
        ),
    ),
    "twilio_url": ("SLOTKEEPER_TWILIO_URL", "https://api.twilio.com", base_url),
    "stripe_secret_key": (
        "SLOTKEEPER_STRIPE_SECRET_KEY",
        "",
        _shaped(STRIPE_KEY, "the secret key, which begins with sk_live_, sk_test_, rk_live_ or rk_test_"),
    ),
    "stripe_webhook_secret": (
        "SLOTKEEPER_STRIPE_WEBHOOK_SECRET",
        "",
        _shaped(STRIPE_SIGNER, "the webhook's signing secret, which begins with whsec_"),
    ),
    "stripe_url": ("SLOTKEEPER_STRIPE_URL", "https://api.stripe.com", base_url),
    "log_level": ("SLOTKEEPER_LOG_LEVEL", "INFO", _choice("DEBUG", "INFO", "WARNING", "ERROR")),
}

_SECRET = {
    "secret_key",
    "encryption_keys",
    "google_client_secret",
    "microsoft_client_secret",
    "twilio_auth_token",
    "stripe_secret_key",
    "stripe_webhook_secret",
}
# Of these all are set, or none.
_TOGETHER = ("twilio_account_sid", "twilio_auth_token", "twilio_from")
_LINE = re.compile(r"""\s*(?:export\s+)?([A-Za-z_][A-Za-z0-9_]*)\s*=\s*(.*?)\s*$""")


def read_env_file(path: Path) -> dict[str, str]:
    """Read `NAME=value` lines; of two with one name the first counts.

    Comments, blank lines and quotes around a value are allowed. Raises BadSetting for a line of any
    other form, naming it.
    """
    found: dict[str, str] = {}
    try:
        lines = path.read_text(encoding="utf-8").splitlines()
    except FileNotFoundError:
        return found
    except (OSError, UnicodeDecodeError) as error:
        raise BadSetting(f"{path} cannot be read: {error}.") from None
    for number, line in enumerate(lines, 1):
        if not line.strip() or line.lstrip().startswith("#"):
            continue
        match = _LINE.match(line)
        if match is None:
            raise BadSetting(f"Line {number} of {path} is not NAME=value: {line!r}.")
        name, value = match.groups()
        if len(value) >= 2 and value[0] == value[-1] and value[0] in "'\"":
            value = value[1:-1]
        found[name] = found.get(name) or value
    return found


def _read_one(field: str, given: Mapping[str, str], default: str) -> Any:
    name, _, reader = SETTINGS[field]
    value = given.get(name, "").strip() or default
    try:
        return reader(value)
    except (ValueError, RuntimeError) as error:  # RuntimeError: the home of somebody who is not there
        shown = "***" if field in _SECRET else f"{re.sub(r':[^:@/]*@', ':***@', value)!r}"
        raise BadSetting(f"{name} is {shown}: {error}.") from None


def _kept_secret(data_dir: Path) -> str:
    """Make the installation's secret key and keep it in the data directory, for its owner's eyes only."""
    path = data_dir / ENV_FILE
    if kept := read_env_file(path).get("SLOTKEEPER_SECRET_KEY"):
        return kept  # somebody sets it to nothing elsewhere
    secret = secrets.token_urlsafe(48)
    try:
        data_dir.mkdir(parents=True, exist_ok=True, mode=0o700)
        descriptor = os.open(path, os.O_RDWR | os.O_APPEND | os.O_CREAT, 0o600)
        with os.fdopen(descriptor, "a+", encoding="utf-8") as file:
            os.fchmod(descriptor, 0o600)  # it may have been written by hand before it held a secret
            file.seek(0)
            written = file.read()
            if written and not written.endswith("\n"):
                file.write("\n")
            file.write("# Signs sessions and links. Keep it secret, and keep it with your backups.\n")
            file.write(f"SLOTKEEPER_SECRET_KEY={secret}\n")
    except OSError as error:
        raise BadSetting(f"The data directory {data_dir} cannot be written: {error.strerror}.") from None
    # Two first starts at once both appended a line: the first one counts for both.
    return read_env_file(path)["SLOTKEEPER_SECRET_KEY"]


def read_configuration(environ: Mapping[str, str], project_folder: Path = PROJECT_FOLDER) -> Configuration:
    """Read every setting; raise BadSetting with a sentence that says how to mend the first bad one."""
    given = read_env_file(project_folder / ENV_FILE) | dict(environ)
    data_dir: Path = _read_one("data_dir", given, SETTINGS["data_dir"][1])
    given = read_env_file(data_dir / ENV_FILE) | given
    known = {name for name, _, _ in SETTINGS.values()}
    for name in given:
        if name.startswith("SLOTKEEPER_") and name not in known:
            raise BadSetting(f"{name} is no setting of Slotkeeper. See docs/settings.md for those there are.")
    defaults = {field: default for field, (_, default, _) in SETTINGS.items()}
    defaults["database"] = f"sqlite:///{data_dir / 'slotkeeper.sqlite3'}"
    if not given.get("SLOTKEEPER_SECRET_KEY", "").strip():
        defaults["secret_key"] = _kept_secret(data_dir)
    # Threads share one interpreter: more than one help only to wait for a server, and SQLite has none.
    database: Database = _read_one("database", given, defaults["database"])
    defaults["web_threads"] = "1" if database.is_sqlite else "2"
    values = {field.name: _read_one(field.name, given, defaults[field.name]) for field in fields(Configuration)}
    _refuse_halves(values)
    return Configuration(**values)


def _refuse_halves(values: Mapping[str, Any]) -> None:
    missing = [SETTINGS[field][0] for field in _TOGETHER if not values[field]]
    if 0 < len(missing) < len(_TOGETHER):
        raise BadSetting(f"SMS need {' and '.join(missing)}, too; or leave out all SLOTKEEPER_TWILIO_ settings.")
