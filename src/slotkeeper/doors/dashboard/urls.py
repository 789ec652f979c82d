"""Addresses of a signed-in member's pages."""

from django.urls import path

from slotkeeper.doors.dashboard import (
    appointment_list,
    appointments,
    calendar,
    customers,
    home,
    profile,
    reports,
    series,
    tokens,
    why,
)

urlpatterns = [
    path("", home.week, name="home"),
    path("calendar/feed", calendar.feed, name="calendar_feed"),
    path("calendar/free/<int:appointment_id>", calendar.free, name="calendar_free"),
    path("calendar/latest", calendar.latest, name="calendar_latest"),
    path("appointments", appointment_list.listing, name="appointments"),
    path("appointments/new", appointments.new, name="appointment_new"),
    path("appointments/repeat", series.repeat, name="repeat"),
    path("appointments/<int:appointment_id>/series", series.page, name="series"),
    path("appointments/<int:appointment_id>/series/move", series.move, name="series_move"),
    path("appointments/<int:appointment_id>/series/cancel", series.cancel, name="series_cancel"),
    path("appointments/<int:appointment_id>", appointments.page, name="appointment"),
    path("appointments/<int:appointment_id>/edit", appointments.edit, name="appointment_edit"),
    path("appointments/<int:appointment_id>/status", appointments.set_status, name="appointment_status"),
    path("customers", customers.listing, name="customers"),
    path("customers/new", customers.new, name="customer_new"),
    path("customers/<int:contact_id>", customers.page, name="customer"),
    path("customers/<int:contact_id>/edit", customers.edit, name="customer_edit"),
    path("customers/<int:contact_id>/erase", customers.erase, name="customer_erase"),
    path("why-not", why.why_not, name="why_not"),
    path("reports", reports.reports, name="reports"),
    path("settings/tokens", tokens.tokens, name="tokens"),
    path("settings/tokens/new", tokens.make, name="token_make"),
    path("settings/tokens/<int:token_id>/revoke", tokens.revoke, name="token_revoke"),
    path("settings/account", profile.account, name="account"),
    path("settings/business-switch", profile.switch_business, name="business_switch"),
]
