"""Addresses of the public booking pages. They come last of all: a business's name may stand where any page could."""

from django.urls import path

from slotkeeper.doors.public import accent, booking, logo, prepay, self_service

urlpatterns = [
    path("accent/<slug:color>.css", accent.accent_style, name="accent"),
    path("booking/<str:link>", self_service.view, name="booking"),
    path("booking/<str:link>/move", self_service.move, name="booking_move"),
    path("booking/<str:link>/cancel", self_service.cancel, name="booking_cancel"),
    path("booking/<str:link>/appointment.ics", self_service.file, name="booking_file"),
    path("<slug:business>/", booking.services, name="public_business"),
    path("<slug:business>/<slug:service>", booking.times, name="public_service"),
    path("<slug:business>/<slug:service>/hold", booking.hold, name="public_hold"),
    path("<slug:business>/<slug:service>/details", booking.details, name="public_details"),
    path("<slug:business>/<slug:service>/pay/<str:link>", prepay.pay, name="public_pay"),
    path("<slug:business>/<slug:service>/booked/<str:link>", booking.booked, name="public_booked"),
    path("<slug:business>/logo/<str:digest>", logo.logo, name="public_logo"),  # after those of a service called so
]
