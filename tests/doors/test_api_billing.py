"""Quotes, invoices, the billing settings, revenue and CSV over HTTP."""

import csv
import io
from datetime import UTC, datetime

import pytest

from asking import bad_names, role_api
from cast import Api, add_member, token_for
from offered import offer
from papers import COMPLETE, HAIRCUT, NOW, complete_profile, draft, for_customer, issued, paid, target_of
from slotkeeper.billing.credit_notes import CreditWish, credit_invoice
from slotkeeper.billing.export import COLUMNS
from slotkeeper.billing.invoices import issue_invoice, record_payment
from slotkeeper.billing.models import Invoice, Payment
from slotkeeper.billing.quotes import create_quote, send_quote
from slotkeeper.changes.record import COMMAND
from slotkeeper.rules.permissions import Role, Scope
from slotkeeper.spreadsheets import safe

LINE = {"description": "Haircut", "quantity": "2", "unit_price": 4800, "tax_rate": "19.00"}
CASH = {"amount": {"amount": 5712, "currency": "EUR"}, "method": "cash"}


@pytest.fixture
def api(cast):
    complete_profile(cast.owner.business)
    return cast.api()


def new_invoice(api, cast, **fields):
    body = {"lines": [LINE], "contact_id": cast.customer.pk} | fields
    answer = api.post("/api/invoices", body)
    assert answer.status_code == 201, answer.content
    return answer.json()


def issue(api, invoice):
    return api.post(f"/api/invoices/{invoice['id']}/issue").json()


def code_of(answer, status=409) -> str:
    assert answer.status_code == status, answer.content
    return answer.json()["code"]


# Invoices


def test_an_invoice_is_written_issued_paid_and_taken_back(api, cast):
    invoice = new_invoice(api, cast)
    assert (invoice["status"], invoice["number"], invoice["gross"]) == ("draft", None, 11_424)
    assert invoice["taxes"] == [{"rate": "19.00", "net": 9600, "tax": 1824}]
    invoice = issue(api, invoice)
    assert (invoice["status"], invoice["number"], invoice["open_amount"]) == ("open", "0001", 11_424)
    assert invoice["buyer"]["name"] == "Carla Customer"
    place = f"/api/invoices/{invoice['id']}"
    entered = api.post(f"{place}/record-payment", CASH)
    assert (entered.status_code, entered.json()["open_amount"]) == (201, 5712)
    taken = api.post(f"{place}/credit-note", {"lines": [{"position": 0, "quantity": "1"}]})
    assert taken.status_code == 201
    credit = taken.json()
    assert (credit["kind"], credit["gross"], credit["corrects_id"]) == ("credit_note", -5712, invoice["id"])
    now = api.get(place).json()
    assert (now["status"], now["open_amount"], now["credit_note_ids"]) == ("paid", 0, [credit["id"]])
    assert [payment["amount"] for payment in now["payments"]] == [5712]


def test_a_draft_is_changed_and_deleted_and_an_issued_invoice_is_not(api, cast):
    invoice = new_invoice(api, cast)
    place = f"/api/invoices/{invoice['id']}"
    changed = api.put(place, {"note": "Thank you\nCome again", "due_date": "2199-01-01", "version": 1})
    assert (changed.json()["note"], changed.json()["due_date"]) == ("Thank you\nCome again", "2199-01-01")
    assert code_of(api.put(place, {"note": "x", "version": 1})) == "VERSION_CONFLICT"
    assert code_of(api.put(place, {"note": "x"}, If_Match='"1"'), 412) == "VERSION_CONFLICT"
    assert api("PATCH", place, {"note": None}).json()["note"] == ""
    issue(api, invoice)
    assert code_of(api.put(place, {"note": "x"})) == "INVALID_TRANSITION"
    assert code_of(api("DELETE", place)) == "INVALID_TRANSITION"
    other = new_invoice(api, cast)
    assert api("DELETE", f"/api/invoices/{other['id']}").status_code == 204
    assert api.get(f"/api/invoices/{other['id']}").status_code == 404


def test_issuing_twice_is_issuing_once(api, cast):
    invoice = new_invoice(api, cast)
    assert issue(api, invoice)["number"] == issue(api, invoice)["number"] == "0001"


def test_an_incomplete_profile_is_refused_by_field(cast):
    api = cast.api()
    answer = api.post(f"/api/invoices/{new_invoice(api, cast)['id']}/issue")
    assert code_of(answer) == "PROFILE_INCOMPLETE"
    fields = sorted(error["field"] for error in answer.json()["errors"])
    assert fields == ["city", "country", "legal_name", "street", "vat_id"]
    assert api.put("/api/billing-profile", COMPLETE).status_code == 200
    assert issue(api, new_invoice(api, cast))["number"] == "0001"


@pytest.mark.parametrize(
    ("fields", "names"),
    [
        ({"lines": []}, ["lines"]),
        ({"lines": [LINE] * 501}, ["lines"]),
        ({"lines": [LINE | {"quantity": "-1"}]}, ["lines.0.quantity"]),
        ({"lines": [LINE | {"quantity": "1e999999"}]}, ["lines.0.quantity"]),
        ({"lines": [LINE | {"unit_price": -1}]}, ["lines"]),
        ({"lines": [LINE | {"unit_price": 1.5}]}, ["lines"]),
        ({"lines": [LINE | {"quantity": "1000000", "unit_price": 10**11}]}, ["lines"]),
        ({"lines": [LINE | {"tax_rate": "-19"}]}, ["lines.0.tax_rate"]),
        ({"lines": [LINE | {"description": "a\x00b"}]}, ["lines"]),
        ({"discount": "101"}, ["discount"]),
        ({"currency": "eur"}, ["currency"]),
        ({"due_date": "2027-02-30"}, ["due_date"]),
        ({"buyer": {"country": "Germany"}}, ["buyer"]),
    ],
)
def test_bad_input_is_refused_by_field_and_nothing_is_stored(api, fields, names):
    assert bad_names(api.post("/api/invoices", {"lines": [LINE]} | fields)) == names
    assert not Invoice.objects.exists()


def test_ten_thousand_lines_are_refused(api):
    many = [{"description": "x", "unit_price": 1}] * 10_000
    assert bad_names(api.post("/api/invoices", {"lines": many})) == ["lines"]


def test_creating_with_the_same_key_creates_once(api, cast):
    body = {"lines": [LINE], "contact_id": cast.customer.pk}
    first, second = (api.post("/api/invoices", body, Idempotency_Key="one").json() for _ in range(2))
    assert first["id"] == second["id"]
    place = f"/api/invoices/{issue(api, first)['id']}/record-payment"
    assert [api.post(place, CASH, Idempotency_Key="two").status_code for _ in range(2)] == [201, 201]
    assert Payment.objects.count() == 1


def test_a_payment_with_the_same_reference_is_refused(api, cast):
    place = f"/api/invoices/{issue(api, new_invoice(api, cast))['id']}/record-payment"
    told = CASH | {"method": "bank_transfer", "external_id": "statement 7, line 3"}
    assert api.post(place, told).status_code == 201
    assert code_of(api.post(place, told)) == "ALREADY_ENTERED"


@pytest.mark.parametrize(
    ("fields", "name"),
    [
        ({"amount": {"amount": 0, "currency": "EUR"}}, "amount"),
        ({"amount": {"amount": 5712, "currency": "USD"}}, "amount"),
        ({"amount": {"amount": -1, "currency": "EUR"}}, "amount"),
        ({"method": "stripe"}, "method"),
        ({"received_on": "yesterday"}, "received_on"),
    ],
)
def test_an_impossible_payment_is_refused_by_field(api, cast, fields, name):
    place = f"/api/invoices/{issue(api, new_invoice(api, cast))['id']}/record-payment"
    assert bad_names(api.post(place, CASH | fields)) == [name]
    assert not Payment.objects.exists()


def test_a_draft_is_neither_paid_nor_taken_back(api, cast):
    place = f"/api/invoices/{new_invoice(api, cast)['id']}"
    assert code_of(api.post(f"{place}/record-payment", CASH)) == "INVALID_TRANSITION"
    assert code_of(api.post(f"{place}/credit-note")) == "INVALID_TRANSITION"


def test_no_more_is_taken_back_than_was_invoiced(api, cast):
    place = f"/api/invoices/{issue(api, new_invoice(api, cast))['id']}/credit-note"
    assert bad_names(api.post(place, {"lines": [{"position": 0, "quantity": "2.001"}]})) == ["lines.0.quantity"]
    assert api.post(place).json()["gross"] == -11_424
    assert code_of(api.post(place)) == "INVALID_TRANSITION"


def test_an_appointment_is_invoiced_in_one_call_and_once(api, cast):
    service = offer(cast.owner, price_amount=4800, price_currency="EUR")
    appointment = api.book(service_id=service.pk, contact_id=cast.customer.pk).json()
    place = f"/api/appointments/{appointment['id']}/invoice"
    made = api.post(place)
    assert made.status_code == 201, made.content
    assert (made.json()["net"], made.json()["performed_on"]) == (4800, "2027-01-15")
    assert code_of(api.post(place)) == "ALREADY_INVOICED"
    other = api.book("2027-01-18T10:00:00", "2027-01-18T11:00:00").json()
    assert bad_names(api.post(f"/api/appointments/{other['id']}/invoice")) == ["appointment_id"]


def test_what_is_in_another_business_looks_unknown(api, cast):
    theirs, stranger = new_invoice(api, cast), cast.api("outsider")
    unknown = stranger.get("/api/invoices/999999").content
    for method, verb in (("GET", ""), ("PUT", ""), ("DELETE", ""), ("POST", "/issue"), ("POST", "/credit-note")):
        answer = stranger(method, f"/api/invoices/{theirs['id']}{verb}", {} if method == "PUT" else None)
        assert (answer.status_code, answer.content) == (404, unknown)
    assert stranger.post("/api/invoices", {"lines": [LINE], "contact_id": cast.customer.pk}).status_code == 404


# Lists


def test_invoices_are_listed_by_how_they_stand(api, cast):
    waiting = new_invoice(api, cast)["id"]
    unpaid = issued(cast.owner, contact_id=cast.customer.pk)
    settled = for_customer(cast)
    record_payment(target_of(settled), paid(5712), COMMAND, NOW)

    def ids(query: str) -> list[int]:
        return [one["id"] for one in api.get(f"/api/invoices?{query}").json()["invoices"]]

    assert ids("") == [settled.pk, unpaid.pk, waiting]
    assert ids("status=draft") == [waiting]
    assert ids("status=paid&status=draft") == [settled.pk, waiting]
    assert ids(f"contact_id={cast.customer.pk}&status=open") == [unpaid.pk]
    assert ids("from=2027-01-15&to=2027-01-15") == [settled.pk, unpaid.pk]
    assert ids("to=2027-01-14") == []
    page = api.get("/api/invoices?limit=2").json()
    assert [one["id"] for one in api.get(f"/api/invoices?cursor={page['next_cursor']}").json()["invoices"]] == [waiting]
    assert bad_names(api.get("/api/invoices?status=lost")) == ["status"]


def test_an_invoice_is_overdue_after_its_last_day(api, cast):
    past = datetime(2026, 1, 5, 12, tzinfo=UTC)
    invoice = issue_invoice(target_of(draft(cast.owner)), COMMAND, past)
    found = api.get("/api/invoices?status=overdue").json()["invoices"]
    assert [(one["id"], one["is_overdue"], one["status"]) for one in found] == [(invoice.pk, True, "open")]


# Quotes


def new_quote(api, cast, **fields):
    answer = api.post("/api/quotes", {"lines": [LINE], "contact_id": cast.customer.pk} | fields)
    assert answer.status_code == 201, answer.content
    return answer.json()


def test_a_quote_goes_from_draft_to_appointment_and_invoice(api, cast):
    quote = new_quote(api, cast)
    place = f"/api/quotes/{quote['id']}"
    assert code_of(api.post(f"{place}/accept")) == "INVALID_TRANSITION"
    sent = api.post(f"{place}/send").json()
    assert (sent["status"], sent["number"]) == ("sent", "Q-0001")
    assert code_of(api.post(f"{place}/invoice")) == "INVALID_TRANSITION"
    assert api.post(f"{place}/accept").json()["status"] == "accepted"
    assert code_of(api.post(f"{place}/decline")) == "INVALID_TRANSITION"
    wish = {"start_time": "2027-01-15T14:00:00", "end_time": "2027-01-15T15:00:00", "title": "Haircut"}
    booked = api.post(f"{place}/book", wish)
    assert booked.status_code == 201, booked.content
    assert booked.json()["contact_id"] == cast.customer.pk
    assert code_of(api.post(f"{place}/book", wish)) == "ALREADY_BOOKED"
    invoiced = api.post(f"{place}/invoice")
    assert (invoiced.json()["gross"], invoiced.json()["appointment_id"]) == (11_424, booked.json()["id"])
    assert code_of(api.post(f"{place}/invoice")) == "ALREADY_INVOICED"
    assert api.get(place).json()["invoice_ids"] == [invoiced.json()["id"]]


def test_a_taken_time_names_three_others(api, cast):
    api.book()
    place = f"/api/quotes/{new_quote(api, cast)['id']}"
    api.post(f"{place}/send")
    api.post(f"{place}/accept")
    wish = {"start_time": "2027-01-15T14:00:00", "end_time": "2027-01-15T15:00:00", "title": "Haircut"}
    refused = api.post(f"{place}/book", wish)
    assert code_of(refused) == "SLOT_TAKEN"
    assert len(refused.json()["suggested_slots"]) == 3


def test_an_expired_quote_says_so_and_is_not_accepted(api, cast):
    api.post(f"/api/quotes/{new_quote(api, cast)['id']}/send")
    old = _sent_long_ago(cast)
    assert api.get(f"/api/quotes/{old.pk}").json()["status"] == "expired"
    assert code_of(api.post(f"/api/quotes/{old.pk}/accept")) == "QUOTE_EXPIRED"
    assert [one["id"] for one in api.get("/api/quotes?status=expired").json()["quotes"]] == [old.pk]
    assert [one["status"] for one in api.get("/api/quotes?status=sent").json()["quotes"]] == ["sent"]


def _sent_long_ago(cast):
    past = datetime(2026, 1, 5, 12, tzinfo=UTC)
    quote = create_quote(cast.owner.business_id, {"lines": [HAIRCUT], "contact_id": cast.customer.pk}, COMMAND, past)
    return send_quote(target_of(quote), COMMAND, past)


def test_a_sent_quote_is_neither_changed_nor_deleted(api, cast):
    place = f"/api/quotes/{new_quote(api, cast)['id']}"
    assert api.put(place, {"discount": "10"}).json()["gross"] == 10_282
    api.post(f"{place}/send")
    assert code_of(api.put(place, {"discount": "0"})) == "INVALID_TRANSITION"
    assert code_of(api("DELETE", place)) == "INVALID_TRANSITION"


# Revenue and CSV


def test_revenue_is_added_up_by_month_and_service(api, cast):
    service = offer(cast.owner, price_amount=4800, price_currency="EUR")
    appointment = api.book(service_id=service.pk, contact_id=cast.customer.pk).json()
    kept = issued(cast.owner, appointment_id=appointment["id"])
    record_payment(target_of(kept), paid(5000), COMMAND, NOW)
    credit_invoice(target_of(for_customer(cast)), CreditWish(), COMMAND, NOW)
    for_customer(cast, currency="USD")
    found = api.get("/api/reports/revenue?from=2027-01-01&to=2027-12-31").json()
    expected = {
        ("2027-01", "EUR", service.pk): (4800, 912, 5712, 5000),
        ("2027-01", "EUR", None): (0, 0, 0, 0),
        ("2027-01", "USD", None): (4800, 912, 5712, 0),
    }
    keys, numbers = ("month", "currency", "service_id"), ("net", "tax", "gross", "paid")
    rows = {tuple(row[name] for name in keys): tuple(row[name] for name in numbers) for row in found["rows"]}
    assert rows == expected
    assert [(one["currency"], one["gross"]) for one in found["totals"]] == [("EUR", 5712), ("USD", 5712)]
    assert bad_names(api.get("/api/reports/revenue?from=2027-01-02&to=2027-01-01")) == ["to"]
    assert bad_names(api.get("/api/reports/revenue?from=1999-01-02&to=2027-01-01")) == ["to"]


def test_invoices_are_exported_as_csv_that_no_spreadsheet_runs(api, cast):
    for_customer(cast, buyer={"name": '=HYPERLINK("http://evil.test")', "vat_id": "@SUM(A1)"})
    credit_invoice(target_of(for_customer(cast)), CreditWish(), COMMAND, NOW)
    draft(cast.owner)
    answer = api.get("/api/invoices/export?from=2027-01-01&to=2027-12-31")
    assert answer.headers["Content-Type"] == "text/csv"
    rows = list(csv.DictReader(io.StringIO(b"".join(answer.streaming_content).decode(), newline="")))
    assert list(rows[0]) == list(COLUMNS)
    assert [(row["number"], row["gross"], row["open"]) for row in rows] == [
        ("0001", "57.12", "57.12"), ("0002", "57.12", "0.00"), ("0003", "-57.12", "0.00"),
    ]  # fmt: skip
    assert rows[0]["customer"] == '\'=HYPERLINK("http://evil.test")'
    assert rows[0]["customer_vat_id"] == "'@SUM(A1)"
    assert rows[2]["corrects"] == "0002"


@pytest.mark.parametrize("text", ["=1", "+1", "-1", "@a", "\t=1", " =1", "＝1"])
def test_what_begins_like_a_formula_is_made_a_text(text):
    assert safe(text) == f"'{text}"
    assert safe(f"a{text}") == f"a{text}"


# Who may


@pytest.mark.parametrize("role", list(Role))
def test_money_is_read_and_written_by_those_who_may(api, cast, role):
    invoice = new_invoice(api, cast)
    theirs = role_api(cast, role)
    may_read = role in {Role.OWNER, Role.ADMIN, Role.SCHEDULER, Role.BOOKKEEPER}
    may_write = may_read and role != Role.SCHEDULER
    reads = ("/api/invoices", "/api/quotes", f"/api/invoices/{invoice['id']}", "/api/billing-profile")
    assert {theirs.get(path).status_code for path in reads} == {200 if may_read else 403}
    written = theirs.post("/api/invoices", {"lines": [LINE], "contact_id": cast.customer.pk})
    assert written.status_code == (201 if may_write else 403)
    assert theirs.put("/api/billing-profile", {"city": "X"}).status_code == (200 if may_write else 403)


def test_a_token_that_only_reads_issues_nothing(api, cast):
    invoice = new_invoice(api, cast)
    reader = cast.api("owner", Scope.READ)
    assert reader.get(f"/api/invoices/{invoice['id']}").status_code == 200
    assert reader.post(f"/api/invoices/{invoice['id']}/issue").status_code == 403


def test_who_may_not_see_addresses_sees_the_buyer_without(api, cast):
    invoice = issue(api, new_invoice(api, cast))
    viewer = add_member(cast.owner, "viewer@practice.test", Role.VIEWER)
    viewer.grants = ["money.read"]
    viewer.save()
    seen = Api(token_for(viewer)).get(f"/api/invoices/{invoice['id']}").json()["buyer"]
    assert (seen["name"], seen["email"]) == ("Carla Customer", None)


def test_all_there_is_about_a_customer_has_their_papers_for_who_may_read_money(api, cast):
    invoice, quote = new_invoice(api, cast), new_quote(api, cast)
    place = f"/api/contacts/{cast.customer.pk}/export"
    found = api.get(place).json()
    assert ([one["id"] for one in found["invoices"]], [one["id"] for one in found["quotes"]]) == (
        [invoice["id"]], [quote["id"]]
    )  # fmt: skip
    scheduler = role_api(cast, Role.SCHEDULER).get(place).json()
    assert len(scheduler["invoices"]) == 1
    booked = cast.api().book(user_id=cast.colleague.user_id, contact_id=cast.customer.pk)
    assert booked.status_code == 201
    assert cast.api("colleague").get(place).json()["invoices"] == []
