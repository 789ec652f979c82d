"""Addresses of the pages about money."""

from django.urls import path

from slotkeeper.doors.dashboard import billing_settings, invoices, money, online_payments, papers, quotes, stripe_page

urlpatterns = [
    path("money", money.overview, name="money"),
    path("money/export", money.export, name="money_export"),
    path("money/quotes", money.quotes, name="quotes"),
    path("money/quotes/new", quotes.new, name="quote_new"),
    path("money/quotes/<int:quote_id>", quotes.page, name="quote"),
    path("money/quotes/<int:quote_id>/edit", quotes.edit, name="quote_edit"),
    path("money/quotes/<int:quote_id>/act", quotes.act, name="quote_act"),
    path("money/quotes/<int:quote_id>/book", quotes.book, name="quote_book"),
    path("money/quotes/<int:quote_id>/delete", quotes.delete, name="quote_delete"),
    path("money/quotes/<int:quote_id>/pdf", papers.of_quote, name="quote_paper"),
    path("money/invoices/new", invoices.new, name="invoice_new"),
    path("money/invoices/<int:invoice_id>", invoices.page, name="invoice"),
    path("money/invoices/<int:invoice_id>/edit", invoices.edit, name="invoice_edit"),
    path("money/invoices/<int:invoice_id>/issue", invoices.issue, name="invoice_issue"),
    path("money/invoices/<int:invoice_id>/payment", invoices.pay, name="invoice_pay"),
    path("money/invoices/<int:invoice_id>/payment-link", online_payments.link, name="invoice_payment_link"),
    path("money/invoices/<int:invoice_id>/refund", online_payments.refund, name="invoice_refund"),
    path("money/invoices/<int:invoice_id>/credit", invoices.credit, name="invoice_credit"),
    path("money/invoices/<int:invoice_id>/delete", invoices.delete, name="invoice_delete"),
    path("money/invoices/<int:invoice_id>/pdf", papers.of_invoice, name="invoice_paper"),
    path("appointments/<int:appointment_id>/invoice", invoices.of_appointment, name="appointment_invoice"),
    path("settings/billing", billing_settings.settings, name="billing_settings"),
    path("settings/stripe", stripe_page.page, name="stripe"),
    path("settings/stripe/forget", stripe_page.forget, name="stripe_forget"),
]
