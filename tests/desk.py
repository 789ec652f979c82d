"""The dashboard as tests use it: somebody's browser, and a week with what is booked in it."""

from datetime import UTC, datetime, timedelta

from django.test import Client

from slotkeeper.appointments.models import Appointment

WEDNESDAY, WEEK = datetime(2027, 1, 13, 9, tzinfo=UTC), "/?date=2027-01-13"


def browser_of(membership, **options) -> Client:
    client = Client(HTTP_HOST="localhost", **options)
    client.force_login(membership.user, "allauth.account.auth_backends.AuthenticationBackend")
    return client


def book(membership, title, hours=1, **fields):
    start = WEDNESDAY + timedelta(hours=hours)
    end = start + timedelta(minutes=30)
    times = {"start_time": start, "end_time": end, "blocked_from": start, "blocked_until": end}
    return Appointment.objects.create(
        business=membership.business, user=membership.user, title=title, **times, **fields
    )


def text_of(response) -> str:
    return response.content.decode()
