"""`slotkeeper export`: everything that people entered, as .json, and the appointments as .ics."""

import argparse
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import IO, Any
from urllib.parse import urlsplit

import msgspec
from django.db import connection, transaction
from django.db.models import Model, QuerySet

from slotkeeper.appointments.models import Appointment, ImportedEvent, IntakeAnswer, SeriesPlace
from slotkeeper.billing.gateway_models import GatewayEvent, GatewayRecord, PaymentLink, Prepayment
from slotkeeper.billing.models import BillingProfile, DocumentCounter, Invoice, Payment, Quote
from slotkeeper.calendars.ics_writing import folded, ics_text, ics_time
from slotkeeper.calendars.models import (
    CalendarConnection,
    CalendarEventLink,
    CalendarFeed,
    CalendarProposal,
    ConnectedCalendar,
)
from slotkeeper.changes.models import Change
from slotkeeper.contacts.models import Contact
from slotkeeper.doors.cli.database import require_connection, require_migrations
from slotkeeper.doors.cli.main import CommandRefused
from slotkeeper.doors.cli.private_files import private_file
from slotkeeper.offerings.models import (
    Closure,
    DateOverride,
    OpeningHours,
    Resource,
    Service,
    ServiceProvider,
    ServiceResource,
    TimeOff,
)
from slotkeeper.outbox.models import Message, MessageChoice, MessageTemplate
from slotkeeper.people.models import ApiToken, Business, BusinessLogo, Membership, User
from slotkeeper.settings import CONFIGURATION
from slotkeeper.webhooks.models import WebhookEndpoint

# Name in the file: the model, and its columns that are nobody else's business.
CONTENTS: dict[str, tuple[type[Model], frozenset[str]]] = {
    "businesses": (Business, frozenset()),
    "business_logos": (BusinessLogo, frozenset()),
    "users": (User, frozenset({"password"})),
    "memberships": (Membership, frozenset()),
    "tokens": (ApiToken, frozenset({"secret_hash"})),
    "contacts": (Contact, frozenset()),
    "services": (Service, frozenset()),
    "service_providers": (ServiceProvider, frozenset()),
    "opening_hours": (OpeningHours, frozenset()),
    "date_overrides": (DateOverride, frozenset()),
    "closures": (Closure, frozenset()),
    "time_off": (TimeOff, frozenset()),
    "resources": (Resource, frozenset()),
    "service_resources": (ServiceResource, frozenset()),
    "appointments": (Appointment, frozenset()),
    "intake_answers": (IntakeAnswer, frozenset()),
    "series_places": (SeriesPlace, frozenset()),
    "imported_events": (ImportedEvent, frozenset()),
    "calendar_connections": (CalendarConnection, frozenset({"sealed_secret", "lease"})),
    "connected_calendars": (ConnectedCalendar, frozenset({"cursor", "channel_secret"})),
    "calendar_event_links": (CalendarEventLink, frozenset()),
    "calendar_proposals": (CalendarProposal, frozenset()),
    "calendar_feeds": (CalendarFeed, frozenset({"secret_hash"})),
    "messages": (Message, frozenset({"claim"})),
    "message_templates": (MessageTemplate, frozenset()),
    "message_choices": (MessageChoice, frozenset()),
    "webhook_endpoints": (WebhookEndpoint, frozenset({"sealed_secret", "sealed_former_secret"})),
    "billing_profiles": (BillingProfile, frozenset({"stripe_sealed_key", "stripe_sealed_signing_secret"})),
    "document_counters": (DocumentCounter, frozenset()),
    "quotes": (Quote, frozenset()),
    "invoices": (Invoice, frozenset()),
    "payments": (Payment, frozenset()),
    "payment_links": (PaymentLink, frozenset({"url"})),
    "prepayments": (Prepayment, frozenset({"secret_hash", "sealed_hold"})),
    "gateway_records": (GatewayRecord, frozenset()),
    "gateway_events": (GatewayEvent, frozenset()),
    "changes": (Change, frozenset()),
}
# Tables that follow from the others, or mean something to this installation only.
LEFT_OUT = {
    "customer_links",
    "holds",
    "time_claims",
    "idempotent_answers",
    "request_counts",
    "sending_holds",
    "calendar_busy_times",
    "webhook_deliveries",
    "customer_tokens",
    "gateway_readings",
    "session_records",
    "invitations",
    "papers",  # they follow from what was issued
}

_ROWS_AT_ONCE = 2_000
_ICS_STATUS = {
    "scheduled": "TENTATIVE",
    "confirmed": "CONFIRMED",
    "completed": "CONFIRMED",
    "canceled": "CANCELLED",
    "no_show": "CANCELLED",  # it gave its time back, too
}


def export(options: argparse.Namespace) -> None:
    """Write both files, from one moment's state of the database."""
    folder = Path(options.to).absolute()
    if not folder.is_dir():
        raise CommandRefused(f"{folder} is no folder. Make it, or name another with --to.")
    require_connection()
    require_migrations()
    now = datetime.now(UTC)
    base = folder / f"slotkeeper-{now:%Y-%m-%d}"
    with (
        private_file(base.with_suffix(".json")) as as_json,
        private_file(base.with_suffix(".ics")) as as_ics,
        _one_moment(),
    ):
        with as_json.open("wb") as file:
            _write_json(file, now)
        with as_ics.open("wb") as file:
            count = _write_ics(file, now)
    print(f"Wrote {base}.json (everything) and {base}.ics ({count} appointments). Only you may read them.")


@contextmanager
def _one_moment() -> Iterator[None]:
    """Read everything as of one moment. On SQLite `atomic()` makes writers wait; a plain BEGIN does not."""
    if connection.vendor == "sqlite":
        with connection.cursor() as cursor:
            cursor.execute("BEGIN DEFERRED")
            try:
                yield
            finally:
                cursor.execute("ROLLBACK")
    else:
        with transaction.atomic(), connection.cursor() as cursor:
            cursor.execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ READ ONLY")
            yield


def _write_json(file: IO[bytes], now: datetime) -> None:
    head = {"format": "slotkeeper-export-1", "url": CONFIGURATION.url, "exported_at": now}
    file.write(msgspec.json.encode(head).removesuffix(b"}"))
    for name, (model, omitted) in CONTENTS.items():
        file.write(b',\n"%b": [' % name.encode())
        separator = b"\n"
        for row in _rows(model, omitted):
            file.write(separator + msgspec.json.encode(row))
            separator = b",\n"
        file.write(b"\n]")
    file.write(b"\n}\n")


def _rows(model: type[Model], omitted: frozenset[str] = frozenset()) -> Iterable[dict[str, Any]]:
    fields = model._meta.concrete_fields  # noqa: SLF001 -- Django's public Meta API
    columns = [field.attname for field in fields if field.name not in omitted]
    rows: QuerySet[Any, dict[str, Any]] = QuerySet(model).order_by("pk").values(*columns)
    return rows.iterator(_ROWS_AT_ONCE)


def _write_ics(file: IO[bytes], now: datetime) -> int:
    host = urlsplit(CONFIGURATION.url).hostname
    people = dict(User.objects.values_list("pk", "name"))
    head = ["BEGIN:VCALENDAR", "VERSION:2.0", "PRODID:-//Slotkeeper//Slotkeeper//EN", "CALSCALE:GREGORIAN"]
    file.write(folded(head))
    count = 0
    for count, row in enumerate(_rows(Appointment), 1):  # noqa: B007 -- the last one is the total
        file.write(folded(_event(row, f"appointment-{row['id']}@{host}", people.get(row["user_id"]), now)))
    file.write(folded(["END:VCALENDAR"]))
    return count


def _event(row: dict[str, Any], uid: str, person: str | None, now: datetime) -> list[str]:
    contact = ", ".join(row[name] for name in ("contact_name", "contact_email", "contact_phone") if row[name])
    optional = {
        "CREATED": ics_time(row["created_at"]),
        "LAST-MODIFIED": ics_time(row["updated_at"]),
        "DESCRIPTION": ics_text(row["description"]),
        "LOCATION": ics_text(row["location"]),
        "CONTACT": ics_text(contact),
        "CATEGORIES": ics_text(person),  # whose appointment it is
    }
    return [
        "BEGIN:VEVENT",
        f"UID:{uid}",
        f"DTSTAMP:{ics_time(row['updated_at'] or now)}",
        f"DTSTART:{ics_time(row['start_time'])}",
        f"DTEND:{ics_time(row['end_time'])}",
        f"SEQUENCE:{row['version'] - 1}",
        f"STATUS:{_ICS_STATUS[row['status']]}",
        f"SUMMARY:{ics_text(row['title'])}",
        *(f"{name}:{value}" for name, value in optional.items() if value),
        "END:VEVENT",
    ]
