"""Papers as PDF: what they say, that everybody can read them, and the data within, held to the official rules."""

import subprocess
import sys
from datetime import date
from decimal import Decimal
from xml.etree import ElementTree as ET

import msgspec
import pytest

from customer_papers import IBAN, invoice_for, line, profile_of, quote_for
from paper_reading import broken_rules, data_of, opened, picture_of, tags_of, text_of
from slotkeeper.billing.girocode import girocode_text
from slotkeeper.billing.models import InvoiceKind
from slotkeeper.billing.pdf import setting
from slotkeeper.billing.pdf.e_invoice import e_invoice
from slotkeeper.billing.pdf.page import page_of, task_of
from slotkeeper.billing.pdf.setting import NotSet, Task, set_paper
from slotkeeper.outbox.channels.mime import one_line

MIXED = [
    line(),
    line("Second\nconversation", 12_345, quantity="1.5", tax_rate="7", discount="10"),
    line("Travel", 4_200, tax_rate="0"),
]
RAM = "{urn:un:unece:uncefact:data:standard:ReusableAggregateBusinessInformationEntity:100}"


def pdf_of(document):
    return set_paper(task_of(document))


def test_invoice_says_who_what_how_much_and_until_when(cast):
    pdf = pdf_of(invoice_for(cast.customer, MIXED, discount="5", note="Thank you!"))
    text = text_of(pdf)
    for said in (
        "Invoice R0001",
        "Practice Winter GmbH Mühlenweg 12 10115 Berlin",
        "Carla Customer",
        "VAT number DE123456789",
        "Due on 17 June 2030",
        "Given on 2 June 2030",
        "Second conversation 1.5 €123.45 10% 7% €166.66",
        "Discount of 5% −€14.43",
        "19% tax on €76.00 €14.44",
        "7% tax on €158.33 €11.08",
        "Total €299.75",
        "Thank you!",
        "IBAN DE89 3704 0044 0532 0130 00",
        "Registered in Berlin, HRB 12345",
        "Page 1 / 1",
    ):
        assert said in text, said


def test_quote_and_credit_note_are_called_so_and_ask_for_no_transfer(cast):
    quote = text_of(pdf_of(quote_for(cast.customer)))
    assert "Quote Q0001" in quote
    assert "Valid until 3 July 2030" in quote
    invoice = invoice_for(cast.customer)
    lines = [line(quantity="-1")]
    credit = invoice_for(cast.customer, lines, number=2, kind=InvoiceKind.CREDIT_NOTE, corrects=invoice)
    text = text_of(pdf_of(credit))
    assert "Credit note R0002" in text
    assert "Corrects invoice R0001" in text
    assert "Total −€95.20" in text
    assert "IBAN" not in quote + text


def test_paper_speaks_its_customers_language(cast):
    pdf = pdf_of(invoice_for(cast.customer, locale="de-AT"))
    assert opened(pdf).trailer["/Root"]["/Lang"] == "de"
    text = text_of(pdf)
    assert "Rechnung R0001" in text
    assert "Fällig am 17. Juni 2030" in text
    assert "19 % Steuer auf 80,00 €" in text


def test_screen_readers_find_tags_a_language_and_a_title(cast):
    pdf = pdf_of(invoice_for(cast.customer, MIXED))
    root, page = opened(pdf).trailer["/Root"], opened(pdf).pages[0]
    assert root["/MarkInfo"]["/Marked"]
    assert root["/ViewerPreferences"]["/DisplayDocTitle"]
    assert (root["/Lang"], opened(pdf).metadata.title, page["/Tabs"]) == ("en", "Invoice R0001", "/S")
    assert {"/H1", "/Table", "/THead", "/TH", "/TD", "/Figure", "/P"} <= tags_of(pdf)
    assert b'pdfuaid:part="1"' in root["/Metadata"].get_data()


def test_paper_is_made_to_be_kept(cast):
    pdf = pdf_of(invoice_for(cast.customer))
    root = opened(pdf).trailer["/Root"]
    about = ET.fromstring(root["/Metadata"].get_data().decode().partition("?>")[2].rpartition("<?")[0])
    said = {name.rpartition("}")[2]: value for one in about.iter() for name, value in one.attrib.items()}
    assert (said["conformance"], root["/OutputIntents"][0]["/S"]) == ("B", "/GTS_PDFA1")
    assert sum(1 for one in about.iter() if one.tag.endswith("}RDF")) == 1
    for font in opened(pdf).pages[0]["/Resources"]["/Font"].values():
        described = font.get_object()["/DescendantFonts"][0].get_object()["/FontDescriptor"]
        assert "/FontFile2" in described or "/FontFile3" in described


def test_page_has_ink_where_text_stands_and_none_on_its_edge(cast):
    picture = picture_of(pdf_of(invoice_for(cast.customer, MIXED)))
    width, height = picture.size
    dark = sum(picture.histogram()[:128]) / (width * height)
    assert 0.01 < dark < 0.2
    for edge in (
        (0, 0, width, 40),
        (0, height - 40, width, height),
        (0, 0, 60, height),
        (width - 60, 0, width, height),
    ):
        assert picture.crop(edge).getextrema()[0] > 200


def test_markup_in_names_stays_text(cast):
    cast.customer.name = "<script>alert(1)</script> & <b>Co</b>"
    page = page_of(invoice_for(cast.customer, [line("<img src=file:///etc/passwd>")]))
    assert "&lt;script&gt;" in page
    assert "<img src=file" not in page
    text = text_of(set_paper(Task(page.encode())))
    assert "<script>alert(1)</script> & <b>Co</b>" in text
    assert "<img src=file:///etc/passwd>" in text


def test_500_lines_fill_pages_and_each_repeats_its_head(cast):
    pdf = pdf_of(invoice_for(cast.customer, [line(f"Conversation {number}", number) for number in range(1, 501)]))
    pages = [page.extract_text() for page in opened(pdf).pages]
    assert len(pages) > 8
    assert all("Description" in page for page in pages[:-1])
    assert f"Page {len(pages)} / {len(pages)}" in pages[-1]
    assert "Conversation 500" in pages[-1] + pages[-2]


def test_long_words_and_names_from_right_to_left_stay_on_the_page(cast):
    cast.customer.name = "שלום עולם"
    pdf = pdf_of(invoice_for(cast.customer, [line("W" * 1_000), line("مرحبا")]))
    assert text_of(pdf).replace(" ", "").count("W") >= 1_000
    picture = picture_of(pdf)
    assert picture.crop((picture.width - 60, 0, picture.width, picture.height)).getextrema()[0] > 200


def test_paper_fetches_nothing_and_runs_nothing(tmp_path):
    secret = tmp_path / "secret.txt"
    secret.write_text("do not print")
    asked = (
        f'<p>Hello</p><img src="file://{secret}"><link rel=attachment href="file://{secret}"><iframe src="file:///">'
    )
    pdf = set_paper(Task(f"<html lang=en><title>t</title>{asked}".encode()))
    assert not opened(pdf).attachments
    assert b"do not print" not in pdf
    assert "Hello" in text_of(pdf)


def test_paper_that_takes_too_long_is_given_up(monkeypatch):
    monkeypatch.setattr(setting, "_DEADLINE_SECONDS", 0.05)
    with pytest.raises(NotSet, match=r"more than 0\.05 seconds"):
        set_paper(Task(b"<p>Hello"))


def test_paper_that_takes_too_much_memory_is_given_up():
    little = "from slotkeeper.billing.pdf import setting; setting._MEMORY_BYTES //= 6; "
    start = "import sys; setting.main(sys.stdin.buffer, sys.stdout.buffer)"
    task = Task(("<table>" + "<tr><td>x<td>x<td>x" * 100_000).encode())
    asked = msgspec.json.encode(task)
    done = subprocess.run([sys.executable, "-c", little + start], input=asked, capture_output=True, check=False)
    assert (done.returncode, done.stdout) == (1, b"")
    assert b"MemoryError" in done.stderr


@pytest.mark.parametrize(
    ("lines", "fields"),
    [
        (MIXED, {}),
        (MIXED, {"discount": "12.5", "note": "Thank you!\nSee you soon."}),
        ([line(unit_price=1, quantity="0.333"), line(unit_price=99_999, quantity="7.5", discount="33.33")], {}),
        ([line(tax_rate="0")], {}),
        ([line(discount="100")], {}),
        ([line()], {"currency": "CHF"}),
        ([line(unit_price=5_000)], {"currency": "JPY"}),
        (
            [line()],
            {"buyer": {"name": "Kunde AG", "street": "Ring 1", "city": "Wien", "country": "AT", "vat_id": "ATU1"}},
        ),
    ],
)
def test_embedded_data_keeps_every_rule_of_en_16931(cast, lines, fields):
    profile_of(cast.owner.business, has_e_invoices=True, exemption_note="No VAT is charged (§ 19 UStG).")
    pdf = pdf_of(invoice_for(cast.customer, lines, **fields))
    assert broken_rules(data_of(pdf)) == []
    assert b'fx:ConformanceLevel="EN 16931"' in opened(pdf).trailer["/Root"]["/Metadata"].get_data()
    assert [one.get_object()["/AFRelationship"] for one in opened(pdf).trailer["/Root"]["/AF"]] == ["/Alternative"]


def test_credit_note_as_data_is_one_and_names_its_invoice(cast):
    profile_of(cast.owner.business, has_e_invoices=True)
    invoice = invoice_for(cast.customer, MIXED[:2], discount="5")
    lines = [line(quantity="-1"), MIXED[1] | {"quantity": "-1.5"}]
    fields = {"kind": InvoiceKind.CREDIT_NOTE, "corrects": invoice, "discount": "5"}
    xml = e_invoice(invoice_for(cast.customer, lines, number=2, **fields))
    assert broken_rules(xml) == []
    root = ET.fromstring(xml)
    assert next(one.text for one in root.iter(f"{RAM}TypeCode")) == "381"
    assert [one.text for one in root.iter(f"{RAM}IssuerAssignedID")] == ["R0001"]
    assert Decimal(root.find(f".//{RAM}DuePayableAmount").text) == -Decimal(-invoice.gross).scaleb(-2)


def test_without_the_switch_there_is_no_data(cast):
    assert not opened(pdf_of(invoice_for(cast.customer))).attachments


def test_girocode_fills_in_a_transfer(cast):
    invoice = invoice_for(cast.customer)
    assert girocode_text(invoice, 9_520).split("\n") == [
        "BCD", "002", "1", "SCT", "COBADEFFXXX", "Practice Winter GmbH", IBAN, "EUR95.20", "", "", "R0001",
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("fields", "amount"),
    [({"currency": "CHF"}, 9_520), ({}, 0), ({}, -5), ({"seller": {"name": "Practice"}}, 9_520)],
)
def test_no_girocode_for_what_cannot_be_transferred(cast, fields, amount):
    assert girocode_text(invoice_for(cast.customer, **fields), amount) is None


def test_girocode_keeps_to_its_size_and_lines(cast):
    seller = {"name": "Ä\nÖ" * 100, "iban": IBAN, "bic": "COBADEFFXXX"}
    text = girocode_text(invoice_for(cast.customer, seller=seller, number=7), 100)
    assert len(text.encode()) <= 331
    assert text.count("\n") == 10
    assert one_line(text.split("\n")[5], 100) == text.split("\n")[5]


def test_days_are_those_of_the_business(cast):
    assert "3 June 2030" in text_of(pdf_of(quote_for(cast.customer, valid_until=date(2030, 7, 1))))
