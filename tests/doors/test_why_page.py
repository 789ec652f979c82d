"""The page that says why a time is not free."""

import pytest
from django.test import Client

from offered import offer


@pytest.fixture
def ask(cast):
    def get(query, who="owner"):
        client = Client(HTTP_HOST="localhost")
        client.force_login(getattr(cast, who).user, "allauth.account.auth_backends.AuthenticationBackend")
        return client.get(f"/why-not?{query}")

    return get


def test_the_page_names_the_rule_and_links_to_the_appointment(cast, ask):
    service = offer(cast.owner)
    booked = cast.api().book("2027-01-11T09:00:00", "2027-01-11T10:00:00").json()["id"]
    text = ask(f"service={service.pk}&at=2027-01-11T09:00").content.decode()
    assert "There is an appointment." in text
    assert f"/appointments/{booked}" in text
    assert "Mon 11 Jan 2027, 10:00" in text


def test_a_free_time_is_said_to_be_free(cast, ask):
    service = offer(cast.owner)
    assert "Customers can book this time." in ask(f"service={service.pk}&at=2027-01-11T09:00").content.decode()


def test_a_provider_is_not_led_to_a_colleagues_appointment(cast, ask):
    service = offer(cast.owner, cast.colleague)
    booked = cast.api().book("2027-01-11T09:00:00", "2027-01-11T10:00:00").json()["id"]
    query = f"service={service.pk}&person={cast.owner.user_id}&at=2027-01-11T09:00"
    assert f"/appointments/{booked}" not in ask(query, "colleague").content.decode()


@pytest.mark.parametrize(
    "query", ["", "at=x", "service=1&at=never", "service=999&at=2027-01-11T09:00", "service=1&at=\x00"]
)
def test_bad_questions_show_the_form_again(cast, ask, query):
    assert ask(query).status_code == 200


def test_a_person_who_does_not_give_the_service_is_named_so(cast, ask):
    service = offer(cast.owner)
    query = f"service={service.pk}&person={cast.colleague.user_id}&at=2027-01-11T09:00"
    assert "does not give this service" in ask(query).content.decode()
