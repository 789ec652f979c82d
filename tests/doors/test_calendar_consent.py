"""To Google and Microsoft for consent and back, through our doors and real servers that stand for theirs."""

from urllib.parse import parse_qsl, urlsplit

import httpx
import pytest

from contracts.accounts import settings_with
from desk import browser_of, text_of
from servers.fake_http import running
from servers.fake_oauth import CLIENT_ID, CLIENT_SECRET
from servers.google_fake import GoogleFake
from servers.graph_fake import GraphFake
from slotkeeper.calendars.models import CalendarConnection, Health
from slotkeeper.doors.dashboard import consent
from slotkeeper.people.models import Membership
from slotkeeper.rules.permissions import Role

BACK = "/calendars/connected/google"
STRANGE = "This answer belongs to no attempt of yours. Please connect again."


@pytest.fixture
def google(cast):
    with running(GoogleFake()) as server:
        urls = {"google_url": server.url, "google_client_id": CLIENT_ID, "google_client_secret": CLIENT_SECRET}
        with settings_with(**urls):
            yield server


@pytest.fixture
def browser(cast, google):
    return browser_of(cast.owner)


def set_out(browser, **sent):
    """Press the button; give where it leads."""
    answer = browser.post("/calendars/connect/google", sent)
    assert answer.status_code == 302
    return answer["Location"]


def consent_at(address):
    """Agree at the provider; give the path and query with which it sends the browser back."""
    place = urlsplit(httpx.get(address).headers["Location"])
    assert place.path == BACK
    return f"{place.path}?{place.query}"


def state_of(address):
    return dict(parse_qsl(urlsplit(address).query))["state"]


def test_the_button_stands_there_only_where_the_server_is_registered(cast, google):
    browser = browser_of(cast.owner)
    page = browser.get("/calendars")
    assert 'action="/calendars/connect/google"' in text_of(page)
    assert 'action="/calendars/connect/microsoft"' not in text_of(page)
    # Browsers hold the redirect of a form to the page's policy, too.
    assert f"form-action 'self' {google.url};" in page["Content-Security-Policy"]
    assert browser.post("/calendars/connect/microsoft").status_code == 404
    assert browser.post("/calendars/connect/caldav").status_code == 404


def test_consent_connects_the_account(browser, google):
    answer = browser.get(consent_at(set_out(browser)), follow=True)
    assert "ann@example.com is connected. It blocks your time and receives your appointments" in text_of(answer)
    connection = CalendarConnection.objects.get()
    assert (connection.provider, connection.status) == ("google", "connected")
    assert not any(token in connection.sealed_secret for token in google.oauth.access_tokens)


def test_the_verifier_stays_on_the_server(browser):
    address = set_out(browser)
    verifier = browser.session["calendar_attempt"]["pending"]["verifier"]
    assert verifier not in address
    assert verifier not in str(browser.cookies)


def test_a_return_counts_once(browser):
    path = consent_at(set_out(browser))
    browser.get(path)
    assert STRANGE in text_of(browser.get(path, follow=True))
    assert CalendarConnection.objects.count() == 1


def test_a_return_with_another_state_connects_nothing_and_ends_the_attempt(browser, google):
    path = consent_at(set_out(browser))
    assert STRANGE in text_of(browser.get(f"{BACK}?state=another&code=x", follow=True))
    assert STRANGE in text_of(browser.get(path, follow=True))
    assert google.asked_for("POST", "/token") == []
    assert not CalendarConnection.objects.exists()


def test_a_return_into_another_session_connects_nothing(browser, cast):
    path = consent_at(set_out(browser))
    assert STRANGE in text_of(browser_of(cast.colleague).get(path, follow=True))
    assert not CalendarConnection.objects.exists()


def test_a_return_that_comes_too_late_connects_nothing(browser, monkeypatch):
    path = consent_at(set_out(browser))
    later = consent.now() + 16 * 60
    monkeypatch.setattr(consent, "now", lambda: later)
    assert STRANGE in text_of(browser.get(path, follow=True))


def test_a_return_into_another_of_ones_businesses_connects_nothing(browser, cast):
    path = consent_at(set_out(browser))
    other = Membership.objects.create(user=cast.owner.user, business=cast.outsider.business, role=Role.PROVIDER)
    browser.post("/settings/business-switch", {"membership": other.pk})
    assert STRANGE in text_of(browser.get(path, follow=True))


def test_a_return_for_another_provider_connects_nothing(browser):
    path = consent_at(set_out(browser)).replace("google", "microsoft")
    assert STRANGE in text_of(browser.get(path, follow=True))


@pytest.mark.parametrize(
    ("error", "words"),
    [
        ("access_denied", "Google says that access was not allowed."),
        ("temporarily_unavailable", "Google cannot do it just now."),
        ("<b>odd</b>", "calls the reason “&lt;b&gt;odd&lt;/b&gt;”."),
    ],
)
def test_a_no_of_the_provider_is_told_in_words(browser, error, words):
    state = state_of(set_out(browser))
    answer = browser.get(BACK, {"state": state, "error": error}, follow=True)
    assert words in text_of(answer)
    assert not CalendarConnection.objects.exists()


def test_an_error_of_a_stranger_is_not_repeated(browser):
    assert "Call 0190" not in text_of(browser.get(BACK, {"error": "Call 0190"}, follow=True))


def test_too_little_consent_is_told_in_words(browser, google):
    google.oauth.granted_scope = "openid email"
    answer = browser.get(consent_at(set_out(browser)), follow=True)
    assert "Please allow all of it." in text_of(answer)


def test_consent_again_mends_the_account_it_was_given_for(browser, cast):
    browser.get(consent_at(set_out(browser)))
    connection = CalendarConnection.objects.get()
    CalendarConnection.objects.update(status=Health.RECONNECT, sealed_secret="")
    page = text_of(browser.get("/calendars"))
    assert f'name="connection_id" value="{connection.pk}"' in page
    answer = browser.get(consent_at(set_out(browser, connection_id=connection.pk)), follow=True)
    assert f"{connection.name} is connected again." in text_of(answer)
    connection.refresh_from_db()
    assert connection.status == "connected"
    assert connection.sealed_secret


def test_consent_for_an_account_of_somebody_else_does_not_begin(browser, cast):
    browser.get(consent_at(set_out(browser)))
    connection = CalendarConnection.objects.get()
    stranger = browser_of(cast.colleague)
    for connection_id in (connection.pk, "x", 0):
        assert stranger.post("/calendars/connect/google", {"connection_id": connection_id}).status_code == 404


def test_an_account_that_was_disconnected_meanwhile_stays_so(browser):
    browser.get(consent_at(set_out(browser)))
    connection = CalendarConnection.objects.get()
    path = consent_at(set_out(browser, connection_id=connection.pk))
    connection.delete()
    assert "This account was disconnected meanwhile." in text_of(browser.get(path, follow=True))
    assert not CalendarConnection.objects.exists()


def is_bobs(google):
    """From now on people are signed in as Bob at the provider."""
    google.calendars.clear()
    google.add_calendar("bob@example.com", primary=True)


def test_two_accounts_are_two_connections_and_one_twice_is_one(browser, google):
    for _ in range(2):
        browser.get(consent_at(set_out(browser)))
    is_bobs(google)
    browser.get(consent_at(set_out(browser)))
    names = list(CalendarConnection.objects.order_by("pk").values_list("name", flat=True))
    assert names == ["ann@example.com", "bob@example.com"]


def test_another_account_mends_nothing(browser, google):
    browser.get(consent_at(set_out(browser)))
    connection = CalendarConnection.objects.get()
    CalendarConnection.objects.update(status=Health.RECONNECT, sealed_secret="")
    is_bobs(google)
    answer = browser.get(consent_at(set_out(browser, connection_id=connection.pk)), follow=True)
    assert "another account (bob@example.com) than ann@example.com" in text_of(answer)
    connection.refresh_from_db()
    assert (connection.status, connection.sealed_secret) == ("reconnect", "")


def test_microsoft_lets_us_in_by_the_same_doors(cast):
    with running(GraphFake()) as server:
        urls = {"microsoft_url": f"{server.url}/login", "microsoft_graph_url": server.base}
        with settings_with(microsoft_client_id=CLIENT_ID, microsoft_client_secret=CLIENT_SECRET, **urls):
            browser = browser_of(cast.owner)
            address = browser.post("/calendars/connect/microsoft")["Location"]
            place = urlsplit(httpx.get(address).headers["Location"])
            assert place.path == "/calendars/connected/microsoft"
            answer = browser.get(f"{place.path}?{place.query}", follow=True)
            assert "is connected. It blocks your time and receives your appointments" in text_of(answer)
    assert CalendarConnection.objects.get().username == "calendar="
