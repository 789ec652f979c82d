"""Addresses of the portal."""

from django.urls import path

from slotkeeper.doors.portal import home, invoices, pay, quotes

urlpatterns = [
    path("portal/<slug:business>", home.ask, name="portal_ask"),
    path("portal/home/<str:token>", home.view, name="portal_home"),
    path("portal/home/<str:token>/appointment/<int:record_id>", home.appointment, name="portal_home_appointment"),
    path("portal/home/<str:token>/invoice/<int:record_id>", home.invoice, name="portal_home_invoice"),
    path("portal/home/<str:token>/quote/<int:record_id>", home.quote, name="portal_home_quote"),
    path("portal/appointment/<str:link>", home.booking, name="portal_appointment"),
    path(
        "portal/appointment/<str:link>/invoice/<int:record_id>",
        home.invoice_of_booking,
        name="portal_appointment_invoice",
    ),
    path("portal/invoice/<str:token>", invoices.view, name="portal_invoice"),
    path("portal/invoice/<str:token>/pay", pay.pay, name="portal_invoice_pay"),
    path("portal/invoice/<str:token>/pdf", invoices.paper, name="portal_invoice_paper"),
    path("portal/quote/<str:token>", quotes.view, name="portal_quote"),
    path("portal/quote/<str:token>/accept", quotes.accept, name="portal_quote_accept"),
    path("portal/quote/<str:token>/decline", quotes.decline, name="portal_quote_decline"),
    path("portal/quote/<str:token>/pdf", quotes.paper, name="portal_quote_paper"),
]
