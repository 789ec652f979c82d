"""Addresses that anyone may enter."""

from django.urls import path

from slotkeeper.doors.public import health, language, welcome

urlpatterns = [
    path("healthz", health.healthz, name="healthz"),
    path("readyz", health.readyz, name="readyz"),
    path("welcome", welcome.first_run, name="welcome"),
    path("locale", language.choose_language, name="language"),
]
