"""Addresses that anyone may enter."""

from django.urls import path

from slotkeeper.doors.public import callbacks, feeds, health, language, welcome

urlpatterns = [
    path("healthz", health.healthz, name="healthz"),
    path("readyz", health.readyz, name="readyz"),
    path("welcome", welcome.first_run, name="welcome"),
    path("feeds/<str:secret>.ics", feeds.feed, name="feed"),
    path("callbacks/google", callbacks.google, name="callback_google"),
    path("callbacks/microsoft", callbacks.microsoft, name="callback_microsoft"),
    path("locale", language.choose_language, name="language"),
]
