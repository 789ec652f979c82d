"""Revenue, and invoices as CSV, over HTTP."""

from datetime import date
from http import HTTPStatus

import msgspec
from django.http import HttpResponse, StreamingHttpResponse

from slotkeeper.billing.documents import today_of
from slotkeeper.billing.export import csv_lines
from slotkeeper.billing.reading import Narrowing, invoices_of
from slotkeeper.billing.reports import MAX_RANGE_DAYS, read_revenue
from slotkeeper.doors.api.base import CsvText, JsonEndpoint, Query, answer, answers
from slotkeeper.doors.api.document_forms import Day, moment_now
from slotkeeper.doors.api.problems import bad_field
from slotkeeper.doors.api.times import read_day
from slotkeeper.people.models import Business
from slotkeeper.rules.permissions import Permission


class DayRange(msgspec.Struct):
    """From which day to which, both within; at most three years."""

    since: Day = msgspec.field(name="from")
    until: Day = msgspec.field(name="to")


class RevenueRow(msgspec.Struct):
    """What was issued in a month for a service, less credit notes; `paid` is what came for those invoices by now."""

    month: str
    currency: str
    service_id: int | None
    service: str
    net: int
    tax: int
    gross: int
    paid: int


class RevenueSum(msgspec.Struct):
    """All of it in one currency."""

    currency: str
    net: int
    tax: int
    gross: int
    paid: int


class RevenueAnswer(msgspec.Struct):
    """Revenue by month, currency and service; amounts are minor units."""

    rows: list[RevenueRow]
    totals: list[RevenueSum]


class RevenueReport(JsonEndpoint):
    """Revenue."""

    permissions = {"GET": Permission.MONEY_READ}

    @answers(RevenueAnswer)
    def get(self, parsed_query: Query[DayRange]) -> HttpResponse:
        """Add up what was invoiced, by month and service; currencies stand apart."""
        found = read_revenue(self.caller.business_id, *_days(parsed_query))
        rows = [RevenueRow(f"{one.month:%Y-%m}", *one[1:]) for one in found]
        totals: dict[str, RevenueSum] = {}
        for one in found:
            total = totals.setdefault(one.currency, RevenueSum(one.currency, 0, 0, 0, 0))
            total.net, total.tax = total.net + one.net, total.tax + one.tax
            total.gross, total.paid = total.gross + one.gross, total.paid + one.paid
        return answer(RevenueAnswer(rows, [totals[currency] for currency in sorted(totals)]))


class ExportInvoices(JsonEndpoint):
    """Invoices as CSV."""

    exclude_validate_responses = frozenset({HTTPStatus.OK})  # a stream of text has no type to check
    permissions = {"GET": Permission.MONEY_READ}

    @answers(CsvText, headers=("Content-Disposition",))
    def get(self, parsed_query: Query[DayRange]) -> StreamingHttpResponse:
        """Export the invoices and credit notes that were issued on these days, by number, as CSV in UTF-8."""
        since, until = _days(parsed_query)
        return csv_answer(self.caller.business_id, since, until)


def csv_answer(business_id: int, since: date, until: date) -> StreamingHttpResponse:
    """Stream what was issued on these days, by number."""
    today = today_of(Business.objects.get(pk=business_id), moment_now())
    found = invoices_of(business_id, Narrowing(since=since, until=until), today).order_by("sequence")
    name = f"invoices-{since}-{until}.csv"
    headers = {"Content-Disposition": f'attachment; filename="{name}"'}
    return StreamingHttpResponse(csv_lines(found), content_type="text/csv", headers=headers)


def _days(query: DayRange) -> tuple[date, date]:
    since, until = read_day("from", query.since), read_day("to", query.until)
    if until < since:
        raise bad_field("to", "END_BEFORE_START", "The last day must not come before the first.")
    if (until - since).days > MAX_RANGE_DAYS:
        raise bad_field("to", "TOO_LONG", f"The range is longer than {MAX_RANGE_DAYS} days.")
    return since, until
