"""The pages of money: what is open, overdue and paid, invoices and quotes with filters, revenue, and CSV."""

from collections.abc import Sequence
from datetime import UTC, date, datetime
from typing import Any, NamedTuple

from django import forms
from django.core.paginator import Paginator
from django.http import HttpRequest, HttpResponseBase, StreamingHttpResponse
from django.utils.translation import gettext, pgettext_lazy
from django.utils.translation import gettext_lazy as _
from django.views.decorators.cache import never_cache

from slotkeeper.amounts import amount_in_words
from slotkeeper.billing.documents import today_of
from slotkeeper.billing.export import csv_lines
from slotkeeper.billing.models import Invoice, Quote
from slotkeeper.billing.reading import Narrowing, invoices_of, quotes_of, sums_of
from slotkeeper.billing.reports import Revenue, read_revenue
from slotkeeper.doors.access import permit
from slotkeeper.doors.dashboard.appointment_list import PAGE_ROWS, DayField, query_without_page
from slotkeeper.doors.dashboard.asking import MOST_PAGES, caller_of, number_from, show
from slotkeeper.doors.dashboard.calendar_words import Standing
from slotkeeper.doors.dashboard.money_words import standing_of
from slotkeeper.people.models import Business
from slotkeeper.rules.permissions import Permission

MONTHS_SHOWN = 12
MOST_SERVICES = 12
# In the units of the chart's viewBox.
_BAR, _CHART_HEIGHT = 36, 120


class InvoiceFilter(forms.Form):
    """What the list of invoices is narrowed to."""

    status = forms.ChoiceField(
        label=_("Status"), required=False,
        choices=[
            ("", _("Any")),
            ("draft", pgettext_lazy("status of an invoice", "Draft")),
            ("open", pgettext_lazy("status of an invoice", "Open")),
            ("overdue", pgettext_lazy("status of an invoice", "Overdue")),
            ("paid", pgettext_lazy("status of an invoice", "Paid")),
            ("credited", pgettext_lazy("status of an invoice", "Taken back")),
        ],
    )  # fmt: skip
    start = DayField(_("Issued from"))
    end = DayField(_("Until"))


class QuoteFilter(forms.Form):
    """What the list of quotes is narrowed to."""

    status = forms.ChoiceField(
        label=_("Status"), required=False,
        choices=[
            ("", _("Any")),
            ("draft", pgettext_lazy("status of a quote", "Draft")),
            ("sent", pgettext_lazy("status of a quote", "Sent")),
            ("accepted", pgettext_lazy("status of a quote", "Accepted")),
            ("declined", pgettext_lazy("status of a quote", "Declined")),
            ("expired", pgettext_lazy("status of a quote", "Expired")),
        ],
    )  # fmt: skip
    start = DayField(_("Sent from"))
    end = DayField(_("Until"))


class Row(NamedTuple):
    """A quote or an invoice in a list."""

    document: Quote | Invoice
    customer: str
    amount: str
    open_amount: str
    standing: Standing


class Bar(NamedTuple):
    """A month's column: what was paid, and what was not, each with its top and height."""

    x: int
    month: date
    paid: tuple[int, int]
    unpaid: tuple[int, int]
    gross: str
    came: str


class ServiceLine(NamedTuple):
    """A service's revenue, and how long its line is beside the longest."""

    name: str
    net: str
    gross: str
    width: int


@permit(Permission.MONEY_READ)
@never_cache
def overview(request: HttpRequest) -> HttpResponseBase:
    """Show sums, the invoices, and the revenue of a year."""
    caller = caller_of(request)
    business, now = Business.objects.get(pk=caller.business_id), datetime.now(UTC)
    today = today_of(business, now)
    form = InvoiceFilter(request.GET)
    found = invoices_of(business.pk, _narrowing(form), today).select_related("contact", "business").order_by("-pk")
    page = Paginator(found, PAGE_ROWS).get_page(number_from(request.GET.get("page"), MOST_PAGES) or 1)
    since = _month_before(today, MONTHS_SHOWN - 1)
    revenue = read_revenue(business.pk, since, today)
    currencies = sorted({one.currency for one in revenue}, key=lambda one: (one != business.currency, one))
    chosen = request.GET.get("currency", "")
    currency = chosen if chosen in currencies else (currencies or [business.currency])[0]
    mine = [one for one in revenue if one.currency == currency]
    context = {
        "sums": [_in_words(one) for one in sums_of(business.pk, today)],
        "form": form,
        "page": page,
        "rows": rows_of(page.object_list, today, now),
        "query": query_without_page(request.GET),
        "is_narrowed": any(form.data.get(name) for name in form.fields),
        "bars": bars_of(mine, since),
        "lines": lines_of(mine),
        "currency": currency,
        "currencies": currencies,
        "export_from": form.data.get("start") or today.replace(month=1, day=1).isoformat(),
        "export_to": form.data.get("end") or today.isoformat(),
        "may_write": caller.may(Permission.MONEY_WRITE),
    }
    return show(request, "dashboard/money.html", context)


@permit(Permission.MONEY_READ)
@never_cache
def quotes(request: HttpRequest) -> HttpResponseBase:
    """List the quotes, the newest first."""
    caller = caller_of(request)
    business, now = Business.objects.get(pk=caller.business_id), datetime.now(UTC)
    today, form = today_of(business, now), QuoteFilter(request.GET)
    found = quotes_of(business, _narrowing(form), today).select_related("contact", "business").order_by("-pk")
    page = Paginator(found, PAGE_ROWS).get_page(number_from(request.GET.get("page"), MOST_PAGES) or 1)
    context = {
        "form": form,
        "page": page,
        "rows": rows_of(page.object_list, today, now),
        "query": query_without_page(request.GET),
        "is_narrowed": any(form.data.get(name) for name in form.fields),
        "may_write": caller.may(Permission.MONEY_WRITE),
    }
    return show(request, "dashboard/quotes.html", context)


@permit(Permission.MONEY_READ)
@never_cache
def export(request: HttpRequest) -> HttpResponseBase:
    """Download what was issued on some days as CSV."""
    caller = caller_of(request)
    business = Business.objects.get(pk=caller.business_id)
    today, form = today_of(business, datetime.now(UTC)), InvoiceFilter(request.GET)
    asked = _narrowing(form)
    narrowing = Narrowing(since=asked.since or today.replace(month=1, day=1), until=asked.until or today)
    found = invoices_of(business.pk, narrowing, today).order_by("sequence")
    name = f"invoices-{narrowing.since}-{narrowing.until}.csv"
    headers = {"Content-Disposition": f'attachment; filename="{name}"'}
    return StreamingHttpResponse(csv_lines(found), content_type="text/csv", headers=headers)


def rows_of(documents: Any, today: date, now: datetime) -> list[Row]:
    """Prepare quotes or invoices for a list."""
    return [
        Row(
            document=one,
            customer=(one.buyer or {}).get("name") or (one.contact.name if one.contact else ""),
            amount=amount_in_words(one.gross, one.currency),
            open_amount=_open_in_words(one),
            standing=standing_of(one, today, now),
        )
        for one in documents
    ]


def bars_of(revenue: Sequence[Revenue], since: date) -> list[Bar]:
    """Stack, for each month of a year, what was paid below what was not."""
    if not revenue:
        return []
    months = [_month_before(since, -number) for number in range(MONTHS_SHOWN)]
    gross = {month: sum(one.gross for one in revenue if one.month == month) for month in months}
    paid = {month: sum(one.paid for one in revenue if one.month == month) for month in months}
    most = max(*gross.values(), *paid.values(), 1)
    bars = []
    for place, month in enumerate(months):
        whole = _CHART_HEIGHT * max(0, gross[month]) // most
        came = min(_CHART_HEIGHT * max(0, paid[month]) // most, _CHART_HEIGHT)
        words = (amount_in_words(one[month], revenue[0].currency) for one in (gross, paid))
        unpaid = (_CHART_HEIGHT - max(whole, came), max(0, whole - came))
        bars.append(Bar(place * (_BAR + 4), month, (_CHART_HEIGHT - came, came), unpaid, *words))
    return bars


def lines_of(revenue: Sequence[Revenue]) -> list[ServiceLine]:
    """Measure the services by what they brought; what is left is added up."""
    sums: dict[tuple[int | None, str], tuple[int, int]] = {}
    for one in revenue:
        net, gross = sums.get((one.service_id, one.service), (0, 0))
        sums[one.service_id, one.service] = net + one.net, gross + one.gross
    ordered = sorted(sums.items(), key=lambda entry: (-entry[1][1], entry[0][1]))
    named = [(name or gettext("Without a service"), *amounts) for (_number, name), amounts in ordered]
    shown, rest = named[:MOST_SERVICES], named[MOST_SERVICES:]
    if rest:
        shown.append((gettext("Others"), sum(one[1] for one in rest), sum(one[2] for one in rest)))
    most = max((gross for _name, _net, gross in shown), default=1) or 1
    currency = revenue[0].currency if revenue else ""
    return [
        ServiceLine(
            name, amount_in_words(net, currency), amount_in_words(gross, currency), max(0, 100 * gross // most)
        )
        for name, net, gross in shown
    ]  # fmt: skip


def _narrowing(form: forms.Form) -> Narrowing:
    data = form.cleaned_data if form.is_valid() else {}
    status = data.get("status")
    return Narrowing(statuses=[status] if status else [], since=data.get("start"), until=data.get("end"))


def _in_words(sums: Any) -> dict[str, str]:
    names = ("open", "overdue", "paid")
    return {name: amount_in_words(getattr(sums, name), sums.currency) for name in names} | {
        "currency": sums.currency,
        "is_late": "yes" if sums.overdue else "",
    }


def _open_in_words(document: Quote | Invoice) -> str:
    if isinstance(document, Quote) or document.corrects_id or document.sequence is None or not document.open_amount:
        return ""
    return amount_in_words(document.open_amount, document.currency)


def _month_before(day: date, months: int) -> date:
    """Give the first of the month so many months before."""
    count = day.year * 12 + day.month - 1 - months
    return date(count // 12, count % 12 + 1, 1)
