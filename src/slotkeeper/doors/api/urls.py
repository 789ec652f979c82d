"""The API's paths, and the documents that describe them."""

from functools import cache
from typing import Any

from django.http import HttpRequest, HttpResponse, JsonResponse
from django.shortcuts import render
from django.urls import register_converter

from slotkeeper.doors.access import PUBLIC, permit
from slotkeeper.doors.api import (
    appointments,
    assignments,
    audit,
    business,
    calendar_connections,
    calendar_events,
    closures,
    contact_export,
    contacts,
    free_busy,
    hours,
    invitations,
    members,
    messages,
    people,
    public,
    reports,
    resource_times,
    resources,
    series,
    services,
    sessions,
    slots,
    time_off,
    webhooks,
)
from slotkeeper.doors.api.base import Router, openapi_of, path
from slotkeeper.doors.api.billing_urls import billing_paths


class RecordId:
    """A path's id: digits. One beyond 64 bits is an id that no row has."""

    regex = "[0-9]{1,40}"

    def to_python(self, value: str) -> int:
        """Read the id."""
        return int(value) if int(value) < 2**63 else 0

    def to_url(self, value: int) -> str:
        """Write the id."""
        return str(value)


register_converter(RecordId, "record_id")

OFFERINGS = [
    path("services", services.Services.as_view(), name="api_services"),
    path("services/<record_id:service_id>", services.OneService.as_view(), name="api_service"),
    path("users/<record_id:user_id>/hours", hours.Hours.as_view(), name="api_hours"),
    path("users/<record_id:user_id>/hours/overrides", hours.Overrides.as_view(), name="api_overrides"),
    path("users/<record_id:user_id>/hours/overrides/<str:date>", hours.OneOverride.as_view(), name="api_override"),
    path("users/<record_id:user_id>/hours/impact", hours.HoursImpact.as_view(), name="api_hours_impact"),
    path("users/<record_id:user_id>/time-off", time_off.TimesOff.as_view(), name="api_times_off"),
    path(
        "users/<record_id:user_id>/time-off/<record_id:time_off_id>", time_off.OneTimeOff.as_view(), name="api_time_off"
    ),
    path("closures", closures.Closures.as_view(), name="api_closures"),
    path("closures/impact", closures.ClosureImpact.as_view(), name="api_closure_impact"),
    path("closures/<record_id:closure_id>", closures.OneClosure.as_view(), name="api_closure"),
    path("holiday-calendars", closures.HolidayCalendars.as_view(), name="api_holiday_calendars"),
    path("holiday-calendars/<str:code>/close", closures.CloseOnHolidays.as_view(), name="api_close_on_holidays"),
    path("holiday-calendars/<str:code>/open", closures.OpenOnHolidays.as_view(), name="api_open_on_holidays"),
    path("resources", resources.Resources.as_view(), name="api_resources"),
    path("resources/<record_id:resource_id>", resources.OneResource.as_view(), name="api_resource"),
    path(
        "resources/<record_id:resource_id>/freebusy",
        resource_times.ResourceFreeBusy.as_view(),
        name="api_resource_freebusy",
    ),
    path(
        "appointments/<record_id:appointment_id>/resources",
        resource_times.AppointmentResources.as_view(),
        name="api_appointment_resources",
    ),
]

CALENDARS = [
    path("calendar-connections", calendar_connections.Connections.as_view(), name="api_calendar_connections"),
    path(
        "calendar-connections/<record_id:connection_id>",
        calendar_connections.OneConnection.as_view(),
        name="api_calendar_connection",
    ),
    path(
        "calendar-connections/<record_id:connection_id>/sync",
        calendar_connections.SyncConnection.as_view(),
        name="api_calendar_connection_sync",
    ),
    path(
        "calendar-connections/<record_id:connection_id>/reconnect",
        calendar_connections.ReconnectConnection.as_view(),
        name="api_calendar_connection_reconnect",
    ),
    path(
        "calendar-connections/<record_id:connection_id>/calendars/<record_id:calendar_id>",
        calendar_connections.OneCalendar.as_view(),
        name="api_connected_calendar",
    ),
    path(
        "appointments/<record_id:appointment_id>/calendar-links",
        calendar_events.AppointmentCalendarLinks.as_view(),
        name="api_calendar_links",
    ),
    path("calendar-proposals", calendar_events.CalendarProposals.as_view(), name="api_calendar_proposals"),
    path(
        "calendar-proposals/<record_id:proposal_id>/accept",
        calendar_events.AcceptProposal.as_view(),
        name="api_accept_proposal",
    ),
    path(
        "calendar-proposals/<record_id:proposal_id>/dismiss",
        calendar_events.DismissProposal.as_view(),
        name="api_dismiss_proposal",
    ),
]

MESSAGES = [
    path("messages", messages.Messages.as_view(), name="api_messages"),
    path("messages/<record_id:message_id>", messages.OneMessage.as_view(), name="api_message"),
    path("messages/<record_id:message_id>/resend", messages.ResendMessage.as_view(), name="api_message_resend"),
    path(
        "appointments/<record_id:appointment_id>/messages",
        messages.AppointmentMessages.as_view(),
        name="api_appointment_messages",
    ),
    path("reminders/upcoming", messages.UpcomingReminders.as_view(), name="api_upcoming_reminders"),
]

WEBHOOKS = [
    path("webhook-endpoints", webhooks.Endpoints.as_view(), name="api_webhook_endpoints"),
    path("webhook-endpoints/<record_id:endpoint_id>", webhooks.OneEndpoint.as_view(), name="api_webhook_endpoint"),
    path(
        "webhook-endpoints/<record_id:endpoint_id>/rotate-secret",
        webhooks.RotateSecret.as_view(),
        name="api_webhook_rotate_secret",
    ),
    path("webhook-endpoints/<record_id:endpoint_id>/test", webhooks.TryEndpoint.as_view(), name="api_webhook_test"),
    path(
        "webhook-endpoints/<record_id:endpoint_id>/deliveries",
        webhooks.Deliveries.as_view(),
        name="api_webhook_deliveries",
    ),
    path(
        "webhook-endpoints/<record_id:endpoint_id>/deliveries/<record_id:delivery_id>",
        webhooks.OneDelivery.as_view(),
        name="api_webhook_delivery",
    ),
    path(
        "webhook-endpoints/<record_id:endpoint_id>/deliveries/<record_id:delivery_id>/redeliver",
        webhooks.Redeliver.as_view(),
        name="api_webhook_redeliver",
    ),
]

TEAM = [
    path("members", members.Members.as_view(), name="api_members"),
    path("members/<record_id:member_id>", members.OneMember.as_view(), name="api_member"),
    path("members/<record_id:member_id>/suspend", members.SuspendMember.as_view(), name="api_member_suspend"),
    path("members/<record_id:member_id>/reinstate", members.ReinstateMember.as_view(), name="api_member_reinstate"),
    path("members/<record_id:member_id>/remove", members.RemoveMember.as_view(), name="api_member_remove"),
    path("members/<record_id:member_id>/leave", members.LeaveBusiness.as_view(), name="api_member_leave"),
    path(
        "members/<record_id:member_id>/transfer-ownership",
        members.TransferOwnership.as_view(),
        name="api_transfer_ownership",
    ),
    path("members/<record_id:member_id>/sessions", sessions.MemberSessions.as_view(), name="api_sessions"),
    path(
        "members/<record_id:member_id>/sessions/revoke", sessions.RevokeSessions.as_view(), name="api_sessions_revoke"
    ),
    path(
        "members/<record_id:member_id>/sessions/<record_id:session_id>/revoke",
        sessions.RevokeSession.as_view(),
        name="api_session_revoke",
    ),
    path("invitations", invitations.Invitations.as_view(), name="api_invitations"),
    path("invitations/<record_id:invitation_id>", invitations.OneInvitation.as_view(), name="api_invitation"),
    path(
        "invitations/<record_id:invitation_id>/revoke",
        invitations.RevokeInvitation.as_view(),
        name="api_invitation_revoke",
    ),
    path(
        "invitations/<record_id:invitation_id>/resend",
        invitations.ResendInvitation.as_view(),
        name="api_invitation_resend",
    ),
]

router = Router(
    "api/",
    [
        # What is asked most comes first: each path before it is tried in vain.
        path("appointments", appointments.Appointments.as_view(), name="api_appointments"),
        path("appointments/freebusy", free_busy.FreeBusyEndpoint.as_view(), name="api_freebusy"),
        path("appointments/reassign", assignments.ReassignAppointments.as_view(), name="api_reassign"),
        path("appointments/check-conflicts", free_busy.CheckConflicts.as_view(), name="api_check_conflicts"),
        path(
            "appointments/<record_id:appointment_id>",
            appointments.OneAppointment.as_view(),
            name="api_appointment",
        ),
        path(
            "appointments/<record_id:appointment_id>/cancel",
            appointments.CancelAppointment.as_view(),
            name="api_cancel",
        ),
        path(
            "appointments/<record_id:appointment_id>/confirm",
            appointments.ConfirmAppointment.as_view(),
            name="api_confirm",
        ),
        path(
            "appointments/<record_id:appointment_id>/complete",
            appointments.CompleteAppointment.as_view(),
            name="api_complete",
        ),
        path(
            "appointments/<record_id:appointment_id>/no-show",
            appointments.NoShowAppointment.as_view(),
            name="api_no_show",
        ),
        path(
            "appointments/<record_id:appointment_id>/assign",
            assignments.AssignAppointment.as_view(),
            name="api_assign",
        ),
        path(
            "appointments/<record_id:appointment_id>/history",
            appointments.AppointmentHistory.as_view(),
            name="api_history",
        ),
        path("appointments/series", series.SeriesEndpoint.as_view(), name="api_new_series"),
        path("appointments/<record_id:appointment_id>/series", series.OneSeries.as_view(), name="api_series"),
        path(
            "appointments/<record_id:appointment_id>/series/cancel",
            series.CancelSeries.as_view(),
            name="api_cancel_series",
        ),
        path(
            "appointments/<record_id:appointment_id>/series/move", series.MoveSeries.as_view(), name="api_move_series"
        ),
        path("me", business.MeEndpoint.as_view(), name="api_me"),
        path("business", business.BusinessEndpoint.as_view(), name="api_business"),
        path("business/logo", business.BusinessLogoEndpoint.as_view(), name="api_business_logo"),
        path("tokens", people.Tokens.as_view(), name="api_tokens"),
        path("tokens/<record_id:token_id>/revoke", people.RevokeToken.as_view(), name="api_token_revoke"),
        path("slots", slots.Slots.as_view(), name="api_slots"),
        path("slots/next", slots.NextSlot.as_view(), name="api_next_slot"),
        path("slots/why", slots.WhyNot.as_view(), name="api_why_not"),
        path("public/<slug:business>/services", public.Services.as_view(), name="api_public_services"),
        path("public/<slug:business>/slots", public.PublicSlotsEndpoint.as_view(), name="api_public_slots"),
        path("public/<slug:business>/holds", public.Holds.as_view(), name="api_public_holds"),
        path("public/<slug:business>/appointments", public.Bookings.as_view(), name="api_public_appointments"),
        path("reports/utilization", reports.UtilizationReport.as_view(), name="api_utilization"),
        path("reports/no-shows", reports.NoShowsReport.as_view(), name="api_no_shows"),
        path("reports/services", reports.ServicesReport.as_view(), name="api_services_report"),
        path("contacts", contacts.Contacts.as_view(), name="api_contacts"),
        path("contacts/<record_id:contact_id>", contacts.OneContact.as_view(), name="api_contact"),
        path(
            "contacts/<record_id:contact_id>/appointments",
            contacts.ContactAppointments.as_view(),
            name="api_contact_appointments",
        ),
        path(
            "contacts/<record_id:contact_id>/export",
            contact_export.ExportContact.as_view(),
            name="api_contact_export",
        ),
        *OFFERINGS,
        *CALENDARS,
        *MESSAGES,
        *WEBHOOKS,
        path("audit", audit.Audit.as_view(), name="api_audit"),
        path("audit/export", audit.ExportAudit.as_view(), name="api_audit_export"),
        *billing_paths(),
        *TEAM,
    ],
)


@cache
def openapi_document() -> dict[str, Any]:
    """Describe the API; the same for everybody, so made once per process."""
    return openapi_of(router)


@permit(PUBLIC)
def openapi_json(request: HttpRequest) -> HttpResponse:
    """Serve the OpenAPI document."""
    del request
    return JsonResponse(openapi_document(), json_dumps_params={"indent": 1})


@permit(PUBLIC)
def api_docs(request: HttpRequest) -> HttpResponse:
    """Show the API documentation to people."""
    return render(request, "api_docs.html", {"document": openapi_document()})


urlpatterns = [
    *router.urls,
    path("openapi.json", openapi_json, name="openapi_json"),
    path("docs", api_docs, name="api_docs"),
]
