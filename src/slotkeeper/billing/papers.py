"""The papers of what was issued or sent: wanted when that happens, written once, and kept as they were written.

Whoever writes one claims it by moving its `wanted_at` on, with a conditional update: a process that is killed holds
nobody up for longer than that. Two that write at once do no harm, for only the first content is kept.
"""

import logging
from collections.abc import Callable, Sequence
from datetime import datetime, timedelta
from hashlib import sha256
from unicodedata import normalize

from django.db.models import F

from slotkeeper.billing.models import Invoice, Paper, Quote
from slotkeeper.billing.pdf.page import task_of
from slotkeeper.billing.pdf.setting import NotSet, set_paper
from slotkeeper.billing.sheet import Paperwork, title_of
from slotkeeper.changes.models import Change
from slotkeeper.rules.reconcile import pause_after

logger = logging.getLogger("slotkeeper.billing")
_WANTED_BY = {("invoice", "issued"), ("quote", "sent")}
_CLAIM = timedelta(minutes=3)  # longer than a paper may take
_LONGEST_PAUSE_SECONDS = 900.0
_LONGEST_ERROR = 500


def want_papers(changes: Sequence[Change]) -> None:
    """Want the papers of what was issued or sent, in the transaction that marks these changes as handled."""
    wanted: dict[str, set[int]] = {"invoice": set(), "quote": set()}
    for change in changes:
        if (change.subject_kind, change.verb) in _WANTED_BY:
            wanted[change.subject_kind].add(change.subject_id)
    invoices = Invoice.objects.filter(pk__in=wanted["invoice"]).values_list("pk", flat=True)
    quotes = Quote.objects.filter(pk__in=wanted["quote"]).values_list("pk", flat=True)
    papers = [Paper(invoice_id=pk) for pk in invoices] + [Paper(quote_id=pk) for pk in quotes]
    Paper.objects.bulk_create(papers, ignore_conflicts=True)  # each has one


def paper_of(document: Paperwork) -> Paper | None:
    """Find a document's paper, written or not; None where none is wanted yet."""
    return Paper.objects.filter(**{_column(document): document}).first()


def content_of(document: Paperwork) -> bytes | None:
    """Give the PDF of a document; None while it is not written."""
    paper = paper_of(document)
    return None if paper is None or paper.content is None else bytes(paper.content)


def filename_of(document: Paperwork) -> str:
    """Name the file after what it is, in letters that every system takes: `Invoice-R0001.pdf`."""
    name = f"{title_of(document)}-{document.number}"
    kept = "".join(one if one.isalnum() or one in "-_" else "-" for one in normalize("NFKD", name) if one.isascii())
    return f"{kept.strip('-')}.pdf"


def is_any_wanted(now: datetime) -> bool:
    """Say whether a paper waits to be written; it only reads."""
    return Paper.objects.filter(written_at=None, wanted_at__lte=now).exists()


def write_next(clock: Callable[[], datetime]) -> bool:
    """Write the paper that has waited longest; False where none waits."""
    now = clock()
    waiting = Paper.objects.filter(written_at=None, wanted_at__lte=now).defer("content")
    paper = waiting.select_related("invoice__business", "quote__business").order_by("wanted_at", "pk").first()
    if paper is None:
        return False
    claimed = Paper.objects.filter(pk=paper.pk, written_at=None, wanted_at=paper.wanted_at)
    if not claimed.update(wanted_at=now + _CLAIM, attempts=F("attempts") + 1):
        return True  # another has it
    document = paper.invoice or paper.quote
    assert document is not None
    try:
        content = set_paper(task_of(document))
    except NotSet as error:
        _put_back(paper, str(error), clock())
    except Exception as error:
        # One document that cannot be put into words must not keep the others waiting.
        logger.exception("Paper %d could not be written", paper.pk)
        _put_back(paper, f"{type(error).__name__}: {error}", clock())
    else:
        kept = Paper.objects.filter(pk=paper.pk, written_at=None)
        kept.update(content=content, sha256=sha256(content).hexdigest(), error="", written_at=clock())
    return True


def _put_back(paper: Paper, reason: str, now: datetime) -> None:
    seconds = pause_after(paper.attempts + 1, None, 1.0, _LONGEST_PAUSE_SECONDS)
    logger.warning("The paper of %s is not written, and tried again in %d s: %s", paper, seconds, reason)
    Paper.objects.filter(pk=paper.pk, written_at=None).update(
        error=reason[:_LONGEST_ERROR], wanted_at=now + timedelta(seconds=seconds)
    )


def _column(document: Paperwork) -> str:
    return "invoice" if isinstance(document, Invoice) else "quote"
