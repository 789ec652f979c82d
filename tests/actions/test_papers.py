"""Papers are wanted when something is issued or sent, written once, kept, and tried again when that fails."""

import threading
from datetime import UTC, datetime, timedelta
from hashlib import sha256

import pytest

from customer_papers import ISSUED_AT, invoice_for, line, quote_for
from money_post import happened, open_post
from paper_reading import text_of
from slotkeeper.billing import papers
from slotkeeper.billing.models import Invoice, Paper
from slotkeeper.billing.papers import content_of, filename_of, is_any_wanted, write_next
from slotkeeper.billing.pdf.setting import NotSet
from slotkeeper.worker.paper_pool import PaperPool


@pytest.fixture
def post(cast):
    return open_post()


def test_what_is_issued_or_sent_gets_its_paper_and_drafts_get_none(cast, post):
    invoice, quote = invoice_for(cast.customer), quote_for(cast.customer)
    draft = Invoice.objects.create(business=cast.owner.business, currency="EUR")
    happened(invoice, "issued")
    happened(quote, "sent")
    happened(draft, "created")
    post.plan()
    assert {(paper.invoice_id, paper.quote_id) for paper in Paper.objects.all()} == {
        (invoice.pk, None),
        (None, quote.pk),
    }
    assert content_of(invoice) is None
    post.write_papers()
    assert "Invoice R0001" in text_of(content_of(invoice))
    assert "Quote Q0001" in text_of(content_of(quote))
    assert not is_any_wanted(post.now)


def test_paper_is_written_once_and_kept_as_it_was(cast, post, monkeypatch):
    invoice = invoice_for(cast.customer)
    happened(invoice, "issued")
    post.plan()
    post.write_papers()
    before = Paper.objects.values().get()
    assert before["sha256"] == sha256(bytes(before["content"])).hexdigest()
    monkeypatch.setattr(papers, "set_paper", lambda task: pytest.fail("it was written again"))
    happened(invoice, "issued")
    post.later(days=2).plan()
    post.write_papers()
    assert Paper.objects.values().get() == before


def test_what_fails_says_why_is_tried_again_and_keeps_nobody_waiting(cast, post, monkeypatch):
    broken, sound = invoice_for(cast.customer), invoice_for(cast.customer, [line("Sound")], number=2)
    whole = papers.set_paper

    def fail(task):
        if b"Sound" not in task.html:
            raise NotSet("Pango is missing.")
        return whole(task)

    monkeypatch.setattr(papers, "set_paper", fail)
    for invoice in (broken, sound):
        happened(invoice, "issued")
    post.plan()
    post.write_papers()
    assert content_of(broken) is None
    assert "Sound" in text_of(content_of(sound))
    paper = Paper.objects.get(invoice=broken)
    assert (paper.error, paper.attempts) == ("Pango is missing.", 1)
    monkeypatch.undo()
    post.later(minutes=20).write_papers()
    assert content_of(broken)
    assert Paper.objects.get(invoice=broken).error == ""


def test_document_that_cannot_be_put_into_words_is_noted(cast, post):
    broken = invoice_for(cast.customer)
    Paper.objects.create(invoice=broken, wanted_at=ISSUED_AT)
    paper = Paper.objects.get()
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(papers, "task_of", lambda document: 1 / 0)
        assert write_next(lambda: post.now)
    paper.refresh_from_db()
    assert paper.error.startswith("ZeroDivisionError")
    assert paper.wanted_at > post.now


def test_paper_whose_writer_was_killed_is_written_by_another(cast, post):
    invoice = invoice_for(cast.customer)
    Paper.objects.create(invoice=invoice, wanted_at=post.now)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(papers, "set_paper", _killed)
        with pytest.raises(KeyboardInterrupt):
            write_next(lambda: post.now)
    assert not is_any_wanted(post.now)
    post.later(minutes=4).write_papers()
    assert content_of(invoice)


def _killed(task):
    raise KeyboardInterrupt


def test_file_is_called_by_what_it_is(cast):
    assert filename_of(invoice_for(cast.customer)) == "Invoice-R0001.pdf"
    assert filename_of(quote_for(cast.customer, number=2)) == "Quote-Q0002.pdf"
    odd = invoice_for(cast.customer, number=3)
    odd.number = 'Ä/../"x"\r\n<3>'
    assert filename_of(odd) == "Invoice-A-----x----3.pdf"


@pytest.mark.django_db(transaction=True)
def test_worker_writes_papers_in_a_thread_of_its_own(committed_cast):
    invoice = invoice_for(committed_cast.customer)
    Paper.objects.create(invoice=invoice, wanted_at=datetime.now(UTC) - timedelta(seconds=1))
    pool = PaperPool()
    pool.start_due()
    pool.start_due()
    pool.stop()
    assert "Invoice R0001" in text_of(content_of(invoice))
    assert not any(one.name.startswith("papers") for one in threading.enumerate())
