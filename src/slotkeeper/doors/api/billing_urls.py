"""The API's paths about money."""

from typing import Any

from slotkeeper.doors.api import billing_profile, invoices, papers, payments, quotes, revenue
from slotkeeper.doors.api.base import path


def billing_paths() -> list[Any]:
    """Give the paths; called once the converter of ids is known."""
    quote, invoice = "quotes/<record_id:quote_id>", "invoices/<record_id:invoice_id>"
    return [
        path("quotes", quotes.Quotes.as_view(), name="api_quotes"),
        path(quote, quotes.OneQuote.as_view(), name="api_quote"),
        path(f"{quote}/send", quotes.SendQuote.as_view(), name="api_quote_send"),
        path(f"{quote}/accept", quotes.AcceptQuote.as_view(), name="api_quote_accept"),
        path(f"{quote}/decline", quotes.DeclineQuote.as_view(), name="api_quote_decline"),
        path(f"{quote}/invoice", quotes.InvoiceQuote.as_view(), name="api_quote_invoice"),
        path(f"{quote}/book", quotes.BookQuote.as_view(), name="api_quote_book"),
        path(f"{quote}/pdf", papers.QuotePaper.as_view(), name="api_quote_paper"),
        path("invoices", invoices.Invoices.as_view(), name="api_invoices"),
        path("invoices/export", revenue.ExportInvoices.as_view(), name="api_invoices_export"),
        path(invoice, invoices.OneInvoice.as_view(), name="api_invoice"),
        path(f"{invoice}/issue", invoices.IssueInvoice.as_view(), name="api_invoice_issue"),
        path(f"{invoice}/record-payment", invoices.RecordPayment.as_view(), name="api_invoice_record_payment"),
        path(f"{invoice}/payment-link", payments.PaymentLinks.as_view(), name="api_invoice_payment_link"),
        path(f"{invoice}/refund", payments.Refunds.as_view(), name="api_invoice_refund"),
        path(f"{invoice}/pdf", papers.InvoicePaper.as_view(), name="api_invoice_paper"),
        path(f"{invoice}/credit-note", invoices.CreditInvoice.as_view(), name="api_invoice_credit_note"),
        path(
            "appointments/<record_id:appointment_id>/invoice",
            invoices.InvoiceAppointment.as_view(),
            name="api_appointment_invoice",
        ),
        path("billing-profile", billing_profile.BillingProfileEndpoint.as_view(), name="api_billing_profile"),
        path("reports/revenue", revenue.RevenueReport.as_view(), name="api_revenue"),
    ]
