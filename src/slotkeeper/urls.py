"""Every address of the server."""

from django.urls import include, path

urlpatterns = [
    path("api/", include("slotkeeper.doors.api.urls")),
    path("accounts/", include("allauth.account.urls")),
    path("accounts/mfa/", include("allauth.mfa.urls")),
    path("", include("slotkeeper.doors.public.urls")),
    path("", include("slotkeeper.doors.dashboard.urls")),
    path("", include("slotkeeper.doors.portal.urls")),
    # Last: a business's page may be called like anything that is not taken.
    path("", include("slotkeeper.doors.public.booking_urls")),
]

handler400 = "slotkeeper.doors.errors.bad_request"
handler403 = "slotkeeper.doors.errors.forbidden"
handler404 = "slotkeeper.doors.errors.page_not_found"
handler500 = "slotkeeper.doors.errors.server_error"
