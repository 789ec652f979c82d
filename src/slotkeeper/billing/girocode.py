"""The GiroCode: a QR code that fills in a bank transfer (EPC069-12, version 2), for invoices in euros."""

import re
from urllib.parse import quote

from slotkeeper.billing.models import Invoice, InvoiceKind
from slotkeeper.rules.money import as_decimal

_MOST_BYTES = 331  # so that it stays within version 13 of a QR code, which cameras read from paper
_MOST_AMOUNT = 99_999_999_999  # cents


def girocode_text(invoice: Invoice, amount: int) -> str | None:
    """Write what the code says; None where no such transfer can be made, such as in another currency."""
    seller = invoice.seller or {}
    iban = _plain(seller.get("iban"), 34).replace(" ", "")
    holder = _plain(seller.get("account_holder") or seller.get("name"), 70)
    is_payable = invoice.kind == InvoiceKind.INVOICE and 0 < amount <= _MOST_AMOUNT
    if not (is_payable and iban and holder and invoice.currency == "EUR"):
        return None
    bic = _plain(seller.get("bic"), 11)
    parts = ["BCD", "002", "1", "SCT", bic, holder, iban, f"EUR{as_decimal(amount, 'EUR')}", "", "", invoice.number]
    while len("\n".join(parts).encode()) > _MOST_BYTES:
        parts[5] = parts[5][:-1]
    return "\n".join(parts)


def qr_image(text: str) -> str:
    """Draw a QR code as an address that an `img` takes: an SVG, black on white."""
    import qrcode  # noqa: PLC0415 -- only who prints an invoice needs it
    from qrcode.image.svg import SvgPathFillImage  # noqa: PLC0415

    code = qrcode.QRCode(error_correction=qrcode.constants.ERROR_CORRECT_M, border=4, image_factory=SvgPathFillImage)
    code.add_data(text.encode())
    return "data:image/svg+xml," + quote(code.make_image().to_string(encoding="unicode"))


def _plain(text: str | None, most: int) -> str:
    """Make a text one line, no longer than the standard lets it be."""
    return re.sub(r"[\s\x00-\x1f]+", " ", text or "").strip()[:most]
