"""The pages of what messages say: who may, the editor, its preview, and the ways each kind is sent."""

import dataclasses
import re

import pytest

from cast import add_member
from desk import browser_of, text_of
from slotkeeper.changes.models import Change
from slotkeeper.changes.record import COMMAND
from slotkeeper.outbox.choices import all_choices, channels_of, choose_channels
from slotkeeper.outbox.kinds import ChannelName, Kind
from slotkeeper.outbox.models import MessageChoice, MessageTemplate
from slotkeeper.outbox.wordings import wording_of
from slotkeeper.people.models import User
from slotkeeper.rules.permissions import Role

LIST, BOOKED = "/messages/wording", "/messages/wording/booked/email/en"
WORDS = {"subject": "See you {{ day }}", "body": "Dear {{ customer_name }},\r\n\r\nwelcome!\r\n", "version": "0"}


def wording(cast, locale="en", channel=ChannelName.EMAIL):
    return wording_of(cast.owner.business_id, Kind.BOOKED, channel, locale)


def shown_in(page: str) -> str:
    return re.search(r'name="shown"\s+value="([^"]*)"', page)[1]


# Who may


@pytest.mark.parametrize(
    ("role", "may_see", "may_save"),
    [
        (Role.OWNER, True, True),
        (Role.ADMIN, True, True),
        (Role.SCHEDULER, True, False),
        (Role.PROVIDER, False, False),
        (Role.BOOKKEEPER, False, False),
        (Role.VIEWER, False, False),
    ],
)
def test_who_reads_messages_sees_the_words_and_who_sets_the_business_changes_them(cast, role, may_see, may_save):
    browser = browser_of(add_member(cast.owner, "someone@practice.test", role))
    for path in (LIST, BOOKED, f"{BOOKED}/preview"):
        assert browser.get(path).status_code == (200 if may_see else 403)
    for path, version in ((f"{BOOKED}/save", "0"), (f"{BOOKED}/reset", "1"), (f"{LIST}/choose", "")):
        assert browser.post(path, WORDS | {"version": version}).status_code == (302 if may_save else 403)
    if may_see:
        editor = text_of(browser.get(BOOKED))
        assert (f'action="{BOOKED}/save"' in editor and ">Save</button>" in editor) is may_save
        assert ("readonly" in editor) is not may_save
    assert Change.objects.filter(subject_kind="message_template").count() == (2 if may_save else 0)


@pytest.mark.parametrize(
    "path",
    ["unknown/email/en", "booked/pigeon/en", "booked/email/fr", "booked/email/de-at", "new_booking/sms/en", "x/y/z"],
)
def test_what_does_not_exist_is_not_found(cast, path):
    for end in ("", "/save", "/reset", "/preview"):
        assert browser_of(cast.owner).get(f"{LIST}/{path}{end}").status_code == 404
        assert browser_of(cast.owner).post(f"{LIST}/{path}{end}", WORDS).status_code == 404


def test_businesses_have_each_their_own_words(cast):
    browser_of(cast.owner).post(f"{BOOKED}/save", WORDS)
    assert wording(cast).version == 1
    assert wording_of(cast.outsider.business_id, Kind.BOOKED, ChannelName.EMAIL, "en").version == 0
    assert "Dear {{ customer_name }}" not in text_of(browser_of(cast.outsider).get(BOOKED))


def test_forms_need_their_token(cast):
    browser = browser_of(cast.owner, enforce_csrf_checks=True)
    for path in (f"{BOOKED}/save", f"{BOOKED}/reset", f"{BOOKED}/preview", f"{LIST}/choose"):
        assert browser.post(path, WORDS).status_code == 403


# The editor


def test_words_are_stored_with_a_change_and_listed(cast):
    browser = browser_of(cast.owner)
    assert "your words" not in text_of(browser.get(LIST))
    assert browser.post(f"{BOOKED}/save", WORDS)["Location"] == BOOKED
    assert (wording(cast).subject, wording(cast).body) == (
        "See you {{ day }}", "Dear {{ customer_name }},\n\nwelcome!"
    )  # fmt: skip
    assert wording(cast, "de").version == 0
    change = Change.objects.get(subject_kind="message_template")
    assert (change.verb, change.actor_id, change.subject_version) == ("updated", cast.owner.pk, 1)
    assert change.after == {
        "kind": "booked", "channel": "email", "locale": "en",
        "subject": "See you {{ day }}", "body": "Dear {{ customer_name }},\n\nwelcome!",
    }  # fmt: skip
    assert "your words" in text_of(browser.get(LIST))
    assert "Dear {{ customer_name }}" in text_of(browser.get(BOOKED))


def test_words_that_serve_already_store_nothing(cast):
    built_in = wording(cast)
    fields = {"subject": built_in.subject, "body": built_in.body.replace("\n", "\r\n"), "version": "0"}
    assert browser_of(cast.owner).post(f"{BOOKED}/save", fields).status_code == 302
    assert not MessageTemplate.objects.exists()
    assert not Change.objects.filter(subject_kind="message_template").exists()


@pytest.mark.parametrize(
    ("fields", "said"),
    [
        ({"body": "Hello {{ customer_name.__class__ }}"}, "no placeholder “customer_name.__class__”"),
        ({"body": "{% load static %}"}, "There are no commands"),
        ({"body": "Hello {{ settings.SECRET_KEY }}"}, "no placeholder “settings.SECRET_KEY”"),
        ({"body": "x" * 10_000}, "At most 5000 characters; this has 10000."),
        ({"body": "Hello {{ customer_name"}, "is not closed"),
        ({"body": ""}, "Write something here"),
        ({"body": "Hello\x00"}, "Null characters are not allowed."),
        ({"body": "Hello\x1b"}, "It contains control characters."),
        ({"subject": "Hello\r\nBcc: all@example.com"}, "A subject is one line."),
        ({"subject": "x" * 201}, "At most 200 characters; this has 201."),
        ({"subject": "{{ reason }}"}, "no placeholder “reason”"),
        ({"version": "x"}, "Enter a whole number."),
        ({"version": "-1"}, "greater than or equal to 0"),
        ({"version": "99999999999999999999"}, "less than or equal to"),
    ],
)
def test_hostile_words_are_refused_and_kept_on_the_page(cast, fields, said):
    response = browser_of(cast.owner).post(f"{BOOKED}/save", WORDS | fields)
    assert response.status_code == 200
    assert said in text_of(response).replace("&#x27;", "'")
    assert "Nothing was stored yet." in text_of(response)
    assert "Dear {{ customer_name }}" in text_of(response) or "body" in fields
    assert not MessageTemplate.objects.exists()


def test_empty_form_is_no_error_of_the_server(cast):
    browser = browser_of(cast.owner)
    assert browser.post(f"{BOOKED}/save").status_code == 200
    assert browser.post(f"{BOOKED}/preview").status_code == 200
    assert browser.post(f"{BOOKED}/reset").status_code == 302
    assert browser.post(f"{LIST}/choose").status_code == 302


def test_second_of_two_who_save_sees_what_the_first_stored(cast):
    browser = browser_of(cast.owner)
    browser.post(f"{BOOKED}/save", WORDS)
    response = browser.post(f"{BOOKED}/save", WORDS | {"subject": "Mine"})
    assert response.status_code == 409
    assert "Somebody changed these words meanwhile" in text_of(response)
    assert "See you {{ day }}" in text_of(response)
    assert 'value="Mine"' in text_of(response)
    assert wording(cast).subject == "See you {{ day }}"
    version = re.search(r'name="version"\s+value="(\d+)"', text_of(response))[1]
    assert browser.post(f"{BOOKED}/save", WORDS | {"subject": "Mine", "version": version}).status_code == 302
    assert (wording(cast).subject, wording(cast).version) == ("Mine", 2)


def test_built_in_words_serve_again(cast):
    browser, built_in = browser_of(cast.owner), wording(cast)
    browser.post(f"{BOOKED}/save", WORDS)
    assert browser.post(f"{BOOKED}/reset", {"version": "7"}).status_code == 409
    assert browser.post(f"{BOOKED}/reset", {}).status_code == 409
    assert wording(cast).version == 1
    assert browser.post(f"{BOOKED}/reset", {"version": "1"})["Location"] == BOOKED
    assert wording(cast) == built_in
    assert Change.objects.filter(subject_kind="message_template", verb="deleted").count() == 1
    assert browser.post(f"{BOOKED}/reset", {"version": "1"}).status_code == 302


def test_locale_of_a_reader_finds_the_words_of_its_language(cast):
    browser_of(cast.owner).post("/messages/wording/booked/email/de/save", WORDS)
    assert wording(cast, "de-AT").version == 1
    assert wording(cast, "fr").version == 0
    assert wording(cast, "fr").body.startswith("Hello")
    assert wording(cast, "de", ChannelName.SMS).body.startswith("{{ business_name }}: gebucht")


def test_sms_has_words_without_a_subject(cast):
    path = "/messages/wording/booked/sms/en"
    browser = browser_of(cast.owner)
    assert 'name="subject"' not in text_of(browser.get(path))
    assert "1 SMS" in text_of(browser.get(f"{path}/preview"))
    assert "2 SMS" in text_of(browser.post(f"{path}/preview", {"body": "x" * 161}))
    refused = browser.post(f"{path}/save", {"body": "x" * 481, "version": "0"})
    assert "At most 480 characters; this has 481." in text_of(refused)
    assert browser.post(f"{path}/save", {"body": "Hello", "subject": "Never", "version": "0"}).status_code == 302
    assert MessageTemplate.objects.get().subject == ""


# The preview


def test_preview_shows_what_is_typed_as_text_and_html_and_stores_nothing(cast):
    response = browser_of(cast.owner).post(f"{BOOKED}/preview", WORDS | {"body": "Moin {{ customer_name }} <b>\n\nBye"})
    page = text_of(response)
    assert response.status_code == 200
    assert page.count("Moin Maria Summer &lt;b&gt;") == 1  # the text
    assert page.count("Moin Maria Summer &amp;lt;b&amp;gt;") == 1  # the HTML, within srcdoc
    assert "See you " in page
    assert not MessageTemplate.objects.exists()


def test_preview_may_run_and_load_nothing_and_stands_only_in_our_own_page(cast):
    response = browser_of(cast.owner).get(f"{BOOKED}/preview")
    policy = response["Content-Security-Policy"]
    assert "default-src 'none'" in policy
    assert "script-src" not in policy
    assert "frame-ancestors 'self'" in policy
    assert "sandbox" in policy.split("; ")
    assert response["X-Frame-Options"] == "SAMEORIGIN"
    editor = browser_of(cast.owner).get(BOOKED)
    assert "frame-src 'self'" in editor["Content-Security-Policy"]
    assert "frame-ancestors 'none'" in editor["Content-Security-Policy"]
    assert re.search(r"<iframe[^>]*\ssandbox\s", text_of(editor))


def test_preview_says_what_is_wrong(cast):
    hostile = {"subject": "", "body": "{{ customer_name.__class__ }}<script>alert(1)</script>"}
    page = text_of(browser_of(cast.owner).post(f"{BOOKED}/preview", hostile))
    assert "Subject: Write something here" in page
    assert "no placeholder “customer_name.__class__”" in page
    assert "<script>" not in page


def test_every_preview_is_in_the_language_of_its_words(cast):
    User.objects.filter(pk=cast.owner.user_id).update(locale="de")
    cast.owner.user.refresh_from_db()
    browser = browser_of(cast.owner)
    assert "Was Nachrichten sagen" in text_of(browser.get(LIST))
    assert "Your appointment is booked" in text_of(browser.get(f"{BOOKED}/preview"))
    assert "Ihr Termin ist gebucht" in text_of(browser.get("/messages/wording/booked/email/de/preview"))
    for kind in Kind:
        assert browser.get(f"/messages/wording/{kind}/email/de").status_code == 200
        assert browser.get(f"/messages/wording/{kind}/email/en/preview").status_code == 200


# By which ways


def test_kinds_go_by_mail_until_somebody_chooses_otherwise(cast):
    browser = browser_of(cast.owner)
    assert channels_of(cast.owner.business_id, Kind.BOOKED) == {ChannelName.EMAIL}
    shown = shown_in(text_of(browser.get(LIST)))
    assert len(shown.split()) == len(Kind)
    fewer = [one for one in shown.split() if one != "reminder_2h.email"]
    assert browser.post(f"{LIST}/choose", {"shown": shown, "send": fewer})["Location"] == LIST
    assert channels_of(cast.owner.business_id, Kind.REMINDER_2H) == frozenset()
    assert channels_of(cast.owner.business_id, Kind.BOOKED) == {ChannelName.EMAIL}
    assert all_choices(cast.outsider.business_id)[Kind.REMINDER_2H] == {ChannelName.EMAIL}
    change = Change.objects.get(subject_kind="message_choices")
    assert (change.before, change.after) == ({"reminder_2h": ["email"]}, {"reminder_2h": []})
    again = shown_in(text_of(browser.get(LIST)))
    browser.post(f"{LIST}/choose", {"shown": again, "send": shown.split()})
    assert channels_of(cast.owner.business_id, Kind.REMINDER_2H) == {ChannelName.EMAIL}


def test_what_was_not_touched_stays_as_somebody_else_has_set_it(cast):
    browser = browser_of(cast.owner)
    shown = shown_in(text_of(browser.get(LIST)))
    browser.post(f"{LIST}/choose", {"shown": shown, "send": [one for one in shown.split() if "booked" not in one]})
    browser.post(f"{LIST}/choose", {"shown": shown, "send": [one for one in shown.split() if "canceled" not in one]})
    chosen = all_choices(cast.owner.business_id)
    assert {kind for kind, ways in chosen.items() if not ways} == {Kind.BOOKED, Kind.CANCELED, Kind.CUSTOMER_CANCELED}


def test_unknown_ways_and_kinds_change_nothing(cast):
    sent = {"shown": "", "send": ["booked.pigeon", "unknown.email", "", "x" * 10_000, "new_booking.sms"]}
    assert browser_of(cast.owner).post(f"{LIST}/choose", sent).status_code == 302
    assert not MessageChoice.objects.exists()


def test_sms_is_offered_only_where_it_is_set_up(cast, settings):
    browser = browser_of(cast.owner)
    assert "SMS" not in text_of(browser.get(LIST))
    settings.CONFIGURATION = dataclasses.replace(settings.CONFIGURATION, twilio_account_sid="AC" + "0" * 32)
    page = text_of(browser.get(LIST))
    assert 'value="booked.sms"' in page
    assert 'value="new_booking.sms"' not in page
    assert "/messages/wording/booked/sms/de" in page
    shown = shown_in(page)
    browser.post(f"{LIST}/choose", {"shown": shown, "send": [*shown.split(), "booked.sms", "new_booking.sms"]})
    assert channels_of(cast.owner.business_id, Kind.BOOKED) == frozenset(ChannelName)
    assert channels_of(cast.owner.business_id, Kind.NEW_BOOKING) == {ChannelName.EMAIL}


def test_choice_of_sms_is_kept_while_it_is_not_set_up(cast):
    business_id = cast.owner.business_id
    choose_channels(business_id, {Kind.BOOKED: frozenset(ChannelName)}, COMMAND)
    browser = browser_of(cast.owner)
    shown = shown_in(text_of(browser.get(LIST)))
    browser.post(f"{LIST}/choose", {"shown": shown, "send": [one for one in shown.split() if "booked" not in one]})
    assert channels_of(business_id, Kind.BOOKED) == {ChannelName.SMS}


def test_settings_lead_to_the_page(cast):
    assert f'href="{LIST}"' in text_of(browser_of(cast.owner).get("/settings"))
