"""A paper as HTML, for setting: in its reader's language, with everything that it shows within it."""

from base64 import b64encode

from django.conf import settings
from django.template.loader import render_to_string
from django.utils.translation import override, pgettext

from slotkeeper.billing.models import BillingProfile, Invoice
from slotkeeper.billing.pdf.e_invoice import e_invoice
from slotkeeper.billing.pdf.setting import Task
from slotkeeper.billing.sheet import Paperwork, sheet_of, transfer_of
from slotkeeper.languages import known_language
from slotkeeper.people.models import Business, BusinessLogo
from slotkeeper.rules.accent import OURS_LIGHT, light_accent
from slotkeeper.rules.contrast import parse_color


def task_of(document: Paperwork) -> Task:
    """Write what is to be set; an invoice's data, too, where its business wants e-invoices."""
    data = b""
    if isinstance(document, Invoice) and _has_e_invoices(document.business_id):
        data = e_invoice(document)
    return Task(page_of(document).encode(), data)


def page_of(document: Paperwork) -> str:
    """Write a document as HTML; names and notes in it are text, whatever they look like."""
    language = known_language(document.locale) or settings.LANGUAGE_CODE
    with override(language):
        context = {
            "language": language,
            "sheet": sheet_of(document),
            "transfer": transfer_of(document, document.gross) if isinstance(document, Invoice) else None,
            "accent": _accent(document.business),
            "logo": _logo(document.business_id),
            "page_word": pgettext("before its number", "Page"),
        }
        return render_to_string("billing/paper.html", context)


def _has_e_invoices(business_id: int) -> bool:
    return BillingProfile.objects.filter(business_id=business_id, has_e_invoices=True).exists()


def _accent(business: Business) -> str:
    color = parse_color(business.accent_color)
    return str(((light_accent(color) if color else None) or OURS_LIGHT).accent)


def _logo(business_id: int) -> str:
    logo = BusinessLogo.objects.filter(business_id=business_id).first()
    return f"data:{logo.media_type};base64,{b64encode(bytes(logo.content)).decode()}" if logo else ""
