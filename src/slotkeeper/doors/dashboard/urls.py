"""Addresses of a signed-in member's pages."""

from django.urls import path

from slotkeeper.doors.dashboard import home

urlpatterns = [
    path("", home.week, name="home"),
]
