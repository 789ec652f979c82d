"""Addresses that anyone may enter."""

from django.urls import path

from slotkeeper.doors.public import callbacks, feeds, health, invitations, language, stripe_events, welcome

urlpatterns = [
    path("healthz", health.healthz, name="healthz"),
    path("readyz", health.readyz, name="readyz"),
    path("welcome", welcome.first_run, name="welcome"),
    path("feeds/<str:secret>.ics", feeds.feed, name="feed"),
    path("invitations/<str:secret>", invitations.invitation, name="invitation"),
    path("callbacks/google", callbacks.google, name="callback_google"),
    path("callbacks/microsoft", callbacks.microsoft, name="callback_microsoft"),
    path("webhooks/stripe", stripe_events.only, name="stripe_events"),
    path("webhooks/stripe/<slug:business>", stripe_events.of_business, name="stripe_events_of_business"),
    path("locale", language.choose_language, name="language"),
]
