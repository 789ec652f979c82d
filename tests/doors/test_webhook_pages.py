"""The pages of webhooks: who sees them, adding, changing, switching, secrets, the log, and their words in German."""

import ast
import re
from pathlib import Path

import pytest

from cast import add_member
from desk import browser_of, text_of
from hooked import allow_this_machine, hook
from servers.fake_http import Told
from slotkeeper import webhooks
from slotkeeper.changes.record import COMMAND
from slotkeeper.doors.dashboard.webhook_words import EVENTS, FULL, OFF, in_words, known_sentence
from slotkeeper.people.models import User
from slotkeeper.rules.permissions import Role
from slotkeeper.webhooks.deliveries import EndpointOff
from slotkeeper.webhooks.endpoints import EndpointFields, EndpointTarget, TooManyEndpoints, update_endpoint
from slotkeeper.webhooks.events import TEST, EventType
from slotkeeper.webhooks.models import WebhookDelivery, WebhookEndpoint

PLACE = "/settings/webhooks"
PUBLIC = "https://93.184.216.34/hook"


@pytest.fixture
def hooked(cast, settings):
    allow_this_machine(settings)
    with hook(cast.owner, description="Books") as made:
        yield made


@pytest.fixture
def browser(cast):
    return browser_of(cast.owner)


def page_of(hooked) -> str:
    return f"{PLACE}/{hooked.endpoint.pk}"


def secret_on(page) -> str:
    return re.search(r'id="secret"[^>]*value="([^"]+)"', text_of(page))[1]


# Who may


@pytest.mark.parametrize("role", list(Role))
def test_only_owners_and_admins_find_the_pages(cast, hooked, role):
    browser = browser_of(add_member(cast.owner, "someone@practice.test", role))
    may = role in {Role.OWNER, Role.ADMIN}
    for path in (PLACE, page_of(hooked), f"{page_of(hooked)}/delete"):
        assert (browser.get(path).status_code == 200) is may
    assert browser.get("/settings").status_code == (200 if may else 403)


def test_settings_lead_to_the_pages(browser):
    assert f'href="{PLACE}"' in text_of(browser.get("/settings"))


def test_foreign_endpoints_are_unknown(cast, hooked):
    stranger = browser_of(cast.outsider)
    sent = (hooked.book() and hooked.work()) or hooked.delivery()
    log = f"{page_of(hooked)}/deliveries/{sent.pk}"
    for path in (page_of(hooked), f"{page_of(hooked)}/rotate", f"{page_of(hooked)}/delete", log):
        assert stranger.get(path).status_code == 404
    for verb in ("edit", "switch", "test", "rotate", "delete", f"deliveries/{sent.pk}/again"):
        assert stranger.post(f"{page_of(hooked)}/{verb}").status_code == 404
    assert "Books" not in text_of(stranger.get(PLACE))


@pytest.mark.parametrize("number", ["0", "999999", "99999999999999999999"])
def test_unknown_numbers_are_not_found(browser, hooked, number):
    assert browser.get(f"{PLACE}/{number}").status_code == 404
    assert browser.get(f"{page_of(hooked)}/deliveries/{number}").status_code == 404
    assert browser.post(f"{page_of(hooked)}/deliveries/{number}/again").status_code == 404


# Adding and changing


def test_empty_list_teaches_the_next_step(browser):
    assert "No endpoint yet" in text_of(browser.get(PLACE))


def test_added_endpoint_shows_its_secret_once(browser):
    made = browser.post(f"{PLACE}/new", {"url": PUBLIC, "description": "Books", "events": ["contact.erased"]})
    secret, endpoint = secret_on(made), WebhookEndpoint.objects.get()
    assert secret.startswith("whsec_")
    assert (endpoint.url, endpoint.description, endpoint.events) == (PUBLIC, "Books", ["contact.erased"])
    for path in (PLACE, f"{PLACE}/{endpoint.pk}"):
        page = browser.get(path)
        assert "whsec_" not in text_of(page)
        assert "Books" in text_of(page)
        assert "no-store" in page["Cache-Control"]


@pytest.mark.parametrize(
    ("fields", "named", "why"),
    [
        ({"url": "https://127.0.0.1/"}, "url", "127.0.0.1 is no public address."),
        ({"url": "http://93.184.216.34/"}, "url", "The address must begin with https://"),
        ({"url": ""}, "url", "This field is required."),
        ({"url": "https://93.184.216.34/a\x00b"}, "url", "It contains control characters."),
        ({"description": "x" * 201}, "description", "at most 200 characters"),
        ({"events": ["appointment.exploded"]}, "events", "appointment.exploded"),
    ],
)
def test_bad_input_is_refused_at_its_field_and_nothing_typed_is_lost(browser, fields, named, why):
    page = text_of(browser.post(f"{PLACE}/new", {"url": PUBLIC, "description": "Books"} | fields))
    errors = re.search(rf'id="id_{named}_error">(.*?)</ul>', page, re.DOTALL)[1]
    assert why in errors
    assert ("Books" in page) is (named != "description")
    assert not WebhookEndpoint.objects.exists()


def test_twenty_first_endpoint_is_refused_in_words(browser):
    for _ in range(20):
        browser.post(f"{PLACE}/new", {"url": PUBLIC})
    assert "A business can have 20 webhook endpoints." in text_of(browser.post(f"{PLACE}/new", {"url": PUBLIC}))
    assert WebhookEndpoint.objects.count() == 20


def test_address_and_events_are_changed(browser, hooked):
    fields = {"url": PUBLIC, "description": "", "events": ["service.deleted", "contact.created"], "version": "1"}
    assert browser.post(f"{page_of(hooked)}/edit", fields)["Location"] == page_of(hooked)
    endpoint = hooked.refreshed()
    assert (endpoint.url, endpoint.description) == (PUBLIC, "")
    assert endpoint.events == ["contact.created", "service.deleted"]


def test_second_of_two_who_change_it_at_once_sees_the_first_ones(browser, hooked):
    target = EndpointTarget(hooked.member.business_id, hooked.endpoint.pk)
    update_endpoint(target, EndpointFields(description="Theirs", events=[EventType.CONTACT_ERASED]), COMMAND)
    typed = {"url": hooked.receiver.hook, "description": "Mine", "version": "1"}
    refused = browser.post(f"{page_of(hooked)}/edit", typed)
    assert refused.status_code == 409
    assert "Somebody changed this endpoint meanwhile." in text_of(refused)
    assert "<li>What it is for: Theirs</li>" in text_of(refused)
    assert "<li>What it is told of: Customer erased</li>" in text_of(refused)
    assert 'value="Mine"' in text_of(refused)
    assert hooked.refreshed().description == "Theirs"
    assert browser.post(f"{page_of(hooked)}/edit", typed | {"version": "2"}).status_code == 302
    assert hooked.refreshed().description == "Mine"


def test_endpoint_is_switched_off_and_on(browser, hooked):
    browser.post(f"{page_of(hooked)}/switch", {"off": "1"})
    assert not hooked.refreshed().is_active
    page = text_of(browser.get(page_of(hooked)))
    assert "Switched off" in page
    assert f"{page_of(hooked)}/test" not in page
    assert "Switch it on first." in text_of(browser.post(f"{page_of(hooked)}/test", follow=True))
    browser.post(f"{page_of(hooked)}/switch", {"on": "1"})
    assert hooked.refreshed().is_active


def test_page_says_why_it_was_switched_off(browser, hooked):
    hooked.receiver.answers = [Told(410)]
    browser.post(f"{page_of(hooked)}/test")
    hooked.work()
    assert "this address is gone for good (410)" in text_of(browser.get(page_of(hooked)))
    WebhookEndpoint.objects.update(off_reason="failing")
    assert "it took nothing for three days" in text_of(browser.get(page_of(hooked)))


def test_new_secret_is_asked_for_first_and_shown_once(browser, hooked):
    before = hooked.endpoint.sealed_secret
    assert "the old one signs along" in text_of(browser.get(f"{page_of(hooked)}/rotate"))
    assert hooked.refreshed().sealed_secret == before
    newer = secret_on(browser.post(f"{page_of(hooked)}/rotate"))
    assert newer != hooked.secret
    assert "Old secret signs until" in text_of(browser.get(page_of(hooked)))
    browser.post(f"{page_of(hooked)}/test")
    hooked.work()
    assert len(hooked.receiver.verified(newer)) == 1


def test_endpoint_is_deleted_after_asking(browser, hooked):
    assert "Delete this endpoint?" in text_of(browser.get(f"{page_of(hooked)}/delete"))
    assert WebhookEndpoint.objects.exists()
    assert browser.post(f"{page_of(hooked)}/delete")["Location"] == PLACE
    assert not WebhookEndpoint.objects.exists()


# The log


def test_log_shows_each_delivery_with_its_state_body_and_answer(browser, hooked):
    hooked.receiver.answers = [Told(500, b"out of <order>")]
    hooked.book(title="Talk <b>")
    hooked.work()
    page = text_of(browser.get(page_of(hooked)))
    for words in (
        "Appointment booked",
        "appointment.created",
        "Failed so far, tried again",
        "The receiver answers 500.",
    ):
        assert words in page
    shown = text_of(browser.get(f"{page_of(hooked)}/deliveries/{hooked.delivery().pk}"))
    for words in (hooked.delivery().message_id, "Talk &lt;b&gt;", "out of &lt;order&gt;", "Next try", "Send it now"):
        assert words in shown


def test_log_is_narrowed_to_a_state_and_has_pages(browser, hooked):
    for _ in range(30):
        browser.post(f"{page_of(hooked)}/test")
    hooked.work()
    hooked.book()
    hooked.plan()
    assert text_of(browser.get(f"{page_of(hooked)}?state=waiting")).count("/deliveries/") == 1
    assert text_of(browser.get(f"{page_of(hooked)}?state=delivered")).count("/deliveries/") == 25
    assert text_of(browser.get(f"{page_of(hooked)}?state=delivered&page=2")).count("/deliveries/") == 5
    assert "There is none like this." in text_of(browser.get(f"{page_of(hooked)}?state=failed"))
    for query in ("?state=nonsense", "?page=x", "?page=99999999999999999999", "?state=%00"):
        assert browser.get(page_of(hooked) + query).status_code == 200


def test_delivery_is_sent_again_by_a_button(browser, hooked):
    hooked.book()
    hooked.work()
    path = f"{page_of(hooked)}/deliveries/{hooked.delivery().pk}"
    assert "Send it again" in text_of(browser.get(path))
    assert browser.post(f"{path}/again")["Location"] == path
    hooked.work()
    first, second = hooked.receiver.asked
    assert (first.body, first.headers["webhook-id"]) == (second.body, second.headers["webhook-id"])
    browser.post(f"{page_of(hooked)}/switch", {"off": "1"})
    assert "nothing can be sent" in text_of(browser.get(path))
    assert "Switch it on first." in text_of(browser.post(f"{path}/again", follow=True))


@pytest.mark.parametrize("verb", ["edit", "switch", "test"])
def test_reading_an_address_changes_nothing(browser, hooked, verb):
    assert browser.get(f"{page_of(hooked)}/{verb}")["Location"] == page_of(hooked)
    assert browser.get(f"{PLACE}/new")["Location"] == PLACE
    assert hooked.refreshed().version == 1
    assert not WebhookDelivery.objects.exists()


# Words


def test_pages_speak_german(cast, hooked, browser):
    User.objects.filter(pk=cast.owner.user_id).update(locale="de")
    hooked.receiver.answers = [Told(307, headers={"Location": "/x"})]
    hooked.book()
    hooked.work()
    page = text_of(browser.get(page_of(hooked)))
    for words in ("Termin gebucht", "Bisher gescheitert, wird wieder versucht", "Der Empfänger leitet weiter (307)"):
        assert words in page
    refused = text_of(browser.post(f"{PLACE}/new", {"url": "https://10.0.0.7/"}))
    assert "10.0.0.7 ist keine öffentliche Adresse." in refused


def test_every_event_has_words():
    assert EVENTS.keys() == {*EventType, TEST}
    assert [EndpointOff.__doc__, TooManyEndpoints.__doc__] == [OFF, FULL]


def sentences():
    """Every text of the package that is a sentence and no docstring, with a 7 for what it carries."""
    for name in ("addresses", "deliveries", "sending"):
        tree = ast.parse((Path(webhooks.__file__).parent / f"{name}.py").read_text())
        docstrings = {ast.get_docstring(node, clean=False) for node in ast.walk(tree) if hasattr(node, "body")
                      and isinstance(node, ast.Module | ast.ClassDef | ast.FunctionDef)}  # fmt: skip
        for node in ast.walk(tree):
            text = ""
            if isinstance(node, ast.JoinedStr):
                text = "".join("7" if isinstance(part, ast.FormattedValue) else part.value for part in node.values)
            elif isinstance(node, ast.Constant) and isinstance(node.value, str) and node.value not in docstrings:
                text = node.value
            if re.fullmatch(r"[A-Z].* .*\.", text):
                yield text


def test_every_sentence_of_the_sender_can_be_said_in_german():
    found = set(sentences())
    assert len(found) > 7
    unknown = [one for one in found if not known_sentence(one) and in_words(one) == one]
    assert unknown == ["The address may not contain a name or a password."]  # calendars say it, too
