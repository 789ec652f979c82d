"""The language of wordings: facts are put in once and stay text, and what is no placeholder is refused in words."""

import re
import time

import pytest
from django.utils.translation import override
from hypothesis import given
from hypothesis import strategies as st

from slotkeeper.outbox.kinds import BY_SMS, ChannelName, Kind
from slotkeeper.outbox.letters import sms_text
from slotkeeper.outbox.placeholders import MEANINGS, NEVER_EMPTY, PLACEHOLDERS, samples
from slotkeeper.outbox.segments import segments_of
from slotkeeper.outbox.wording import MOST_IN_BODY, Wording, check_wording, fill, fill_line, in_one_line, with_lines
from slotkeeper.outbox.wordings import default_wording, ways_of
from slotkeeper.outbox.words import channel_in_words, kind_in_words, occasion_in_words

NOW = 1_796_000_000  # 29 November 2026
LANGUAGES = ["en", "de"]
EVERY_WORDING = [(kind, way, language) for kind in Kind for way in ways_of(kind) for language in LANGUAGES]
# As long as links of customers are: see appointments/customer_links.py.
LINK = f"https://termine.example-practice.de/booking/{'x' * 76}"


def faults(body="Hello", subject="Hello", kind=Kind.BOOKED, channel=ChannelName.EMAIL) -> dict[str, str]:
    return check_wording(kind, channel, subject, body)


# Filling


def test_facts_stand_where_their_names_stood():
    values = {"customer_name": "Carla", "day": "Thursday"}
    assert fill("Hello {{ customer_name }}, see you {{day}}!", values) == "Hello Carla, see you Thursday!"


def test_fact_that_looks_like_a_placeholder_stays_text():
    values = {"customer_name": "{{ business_name }}", "business_name": "{{ customer_name }}"}
    assert fill("{{ customer_name }} / {{ business_name }}", values) == "{{ business_name }} / {{ customer_name }}"


def test_facts_cannot_make_a_placeholder_together():
    values = {"customer_name": "{{ business", "location": "_name }}", "business_name": "Practice"}
    assert fill("{{ customer_name }}{{ location }}", values) == "{{ business_name }}"


def test_line_whose_facts_are_all_empty_is_left_out():
    text = "Hello\n\n{{ service_name }}\nWhere: {{ location }}\n\nBye"
    assert fill(text, {"service_name": "Massage", "location": " "}) == "Hello\n\nMassage\n\nBye"
    assert fill(text, {}) == "Hello\n\nBye"
    assert fill("{{ location }}\n\nBye", {}) == "Bye"
    assert fill("{{ location }}, {{ day }}", {"day": "Thursday"}) == ", Thursday"


@pytest.mark.parametrize("end", ["\r\n", "\n", "\r", "\v", "\f", "\x1c", "\x85", "\u2028", "\u2029"])
def test_fact_ends_no_line_of_a_subject(end):
    filled = fill_line("New: {{ customer_name }}", {"customer_name": f"Carla{end}Bcc: all@example.com"})
    assert filled == "New: Carla Bcc: all@example.com"
    assert len(filled.splitlines()) == 1


def test_facts_carry_no_control_characters():
    assert fill("{{ notes }}", {"notes": "a\x00b\x1b[31mc\td\r\ne\u202ef\ud800"}) == "a b [31mc d\nef "


NAMES = list(PLACEHOLDERS[Kind.NEW_BOOKING])
ANYTHING = st.text(st.characters(codec="utf-8") | st.sampled_from("{}% \n\r<>&'\""), max_size=40)


@given(st.dictionaries(st.sampled_from(NAMES), ANYTHING))
def test_whatever_the_facts_each_stands_there_once_as_it_is(values):
    text = "".join(f"[{number}|{{{{ {name} }}}}|{number}]" for number, name in enumerate(NAMES))
    filled = fill(text, values)
    if any(with_lines(value).strip() for value in values.values()):
        assert filled == "".join(f"[{n}|{with_lines(values.get(name, ''))}|{n}]" for n, name in enumerate(NAMES))
    else:
        assert filled == ""


@given(st.text(), st.dictionaries(st.sampled_from(NAMES), ANYTHING))
def test_filling_never_fails_and_a_subject_is_always_one_line(text, values):
    fill(text, values)
    assert len(fill_line(text, values).splitlines()) <= 1


# What is refused


@pytest.mark.parametrize(
    "hostile",
    [
        "{{ customer_name.__class__ }}",
        "{{ customer_name.__class__.__mro__ }}",
        "{{ settings.SECRET_KEY }}",
        "{{ SECRET_KEY }}",
        "{{ customer_name|safe }}",
        "{{ 7 * 7 }}",
        "{{ }}",
        "{{ Customer_Name }}",
        "{{ customer_name() }}",
        "{{{ customer_name }}}",
        "{{ request.user }}",
    ],
)
def test_what_is_no_placeholder_is_named_and_refused(hostile):
    assert set(faults(hostile, hostile)) == {"body", "subject"}
    name = re.sub(r"^\{\{\s*|\s*\}\}+$", "", hostile)
    assert f"There is no placeholder “{name}" in faults(hostile)["body"]
    # And were it stored all the same, it would stay the text it is.
    if "{{{" not in hostile and hostile != "{{ SECRET_KEY }}":
        assert fill(f"See {hostile}", {"customer_name": "Carla"}) == f"See {hostile}"


@pytest.mark.parametrize("command", ["{% load static %}", "{% include 'x' %}", "{# note #}", "{% debug", "%}"])
def test_commands_are_refused(command):
    assert "no commands" in faults(f"Hello {command}")["body"]


@pytest.mark.parametrize("broken", ["{{ customer_name", "{{ customer_name }", "{{ customer_name\n}}", "{{"])
def test_placeholder_that_is_not_closed_is_refused(broken):
    assert "not closed" in faults(broken)["body"]


def test_placeholder_that_is_not_opened_is_refused():
    assert "not opened" in faults("Hello customer_name }}")["body"]


def test_placeholder_of_another_kind_is_refused():
    assert faults("{{ reason }} x", kind=Kind.BOOKED)["body"] == "There is no placeholder “reason” in this message."
    assert not faults("Hello\n{{ reason }}", kind=Kind.CANCELED)
    assert "body" in faults("{{ customer_email }} x")


@pytest.mark.parametrize("text", ["Hello\x00", "Hello\x1b[31m", "Hello\x7f", "Hello\u202egro.elpmaxe", "Hello\ud800"])
def test_control_characters_are_refused(text):
    assert faults(text, text) == dict.fromkeys(("subject", "body"), "It contains control characters.")


@pytest.mark.parametrize("end", ["\r\n", "\n", "\r", "\u2028", "\x85"])
def test_subject_of_two_lines_is_refused(end):
    assert faults(subject=f"Hello{end}Bcc: all@example.com")["subject"] == "A subject is one line."


def test_nothing_is_sent_without_words():
    sentence = "Write something here: nothing is sent without it."
    assert faults(" \n ", "") == {"subject": sentence, "body": sentence}
    assert set(faults("Hello {{ customer_name }},\n{{ location }}")) == {"body"}
    assert set(faults(subject="{{ customer_name }} {{ location }}")) == {"subject"}
    assert not faults(subject="Hello {{ customer_name }}")
    assert not faults("{{ day }}")


@pytest.mark.parametrize(("channel", "most"), [(ChannelName.EMAIL, 5_000), (ChannelName.SMS, 480)])
def test_wording_that_is_too_long_is_refused(channel, most):
    assert MOST_IN_BODY[channel] == most
    assert not faults("x" * most, channel=channel)
    assert faults("x" * 10_000, channel=channel) == {"body": f"At most {most} characters; this has 10000."}
    assert faults(subject="x" * 201) == {"subject": "At most 200 characters; this has 201."}


@pytest.mark.parametrize("text", ["{{" * 500_000, "{{ " + " " * 1_000_000, "{%" * 500_000, "}}\n{{" * 200_000])
def test_hostile_length_costs_no_time(text):
    began = time.process_time()
    assert faults(text)
    fill(text[:5_000], {})
    assert time.process_time() - began < 1


def test_sms_has_no_subject():
    assert not faults("Hello", "", channel=ChannelName.SMS)


# The built-in wordings


@pytest.mark.parametrize(("kind", "way", "language"), EVERY_WORDING)
def test_built_in_wording_is_one_that_might_be_saved(kind, way, language):
    with override(language):
        wording = default_wording(kind, way)
        assert not check_wording(kind, way, wording.subject, wording.body)
        values = samples(kind, "Practice", "Europe/Berlin", NOW)
        for text in (fill(wording.body, values), fill_line(wording.subject, values)):
            assert "{" not in text
            assert "}" not in text
        assert (way is ChannelName.SMS) is (not wording.subject)


@pytest.mark.parametrize(("kind", "way"), [(kind, way) for kind in Kind for way in ways_of(kind)])
def test_german_names_the_facts_that_english_names(kind, way):
    named = []
    for language in LANGUAGES:
        with override(language):
            wording = default_wording(kind, way)
        named.append([sorted(re.findall(r"\{\{ (\w+) \}\}", text)) for text in (wording.subject, wording.body)])
    assert named[0] == named[1]


@pytest.mark.parametrize(("kind", "way", "language"), EVERY_WORDING)
def test_built_in_wording_reads_well_where_an_appointment_lacks_what_it_may_lack(kind, way, language):
    with override(language):
        values = {name: value if name in NEVER_EMPTY else "" for name, value in samples(kind, "P", "UTC", NOW).items()}
        text = fill(default_wording(kind, way).body, values)
    assert text.strip() == text
    assert "\n\n\n" not in text
    assert not re.search(r"[:,(]$|\( *\)|^[:,.)]", text, re.MULTILINE), text


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize("kind", sorted(BY_SMS))
def test_built_in_sms_is_sent_as_one_or_two(kind, language):
    with override(language):
        values = samples(kind, "Praxis Dr. Müller & Kollegen", "Europe/Berlin", NOW) | {"manage_link": LINK}
        assert segments_of(sms_text(default_wording(kind, ChannelName.SMS), values)) <= 2


def test_every_placeholder_has_a_meaning_and_every_kind_a_name():
    assert {name for names in PLACEHOLDERS.values() for name in names} == set(MEANINGS)
    assert set(MEANINGS) >= NEVER_EMPTY
    assert set(PLACEHOLDERS) == set(Kind)
    for kind in Kind:
        assert kind_in_words(kind)
        assert occasion_in_words(kind).endswith(".")
    assert [channel_in_words(way) for way in ChannelName] == ["Email", "SMS"]


# SMS


def test_sms_has_no_character_that_more_than_doubles_its_price():
    wording = Wording("", "{{ business_name }}: “see you” {{ time }} – {{ location }}")
    text = sms_text(wording, {"business_name": "Müller’s", "time": "14:00–14:30", "location": "x" * 500})
    assert text.startswith('Müller\'s: "see you" 14:00-14:30 - xxx')
    assert len(text) < 160
    assert segments_of(text) == 1


def test_sms_keeps_its_link_whole():
    assert LINK in sms_text(Wording("", "{{ manage_link }}"), {"manage_link": LINK})


@pytest.mark.parametrize(
    ("text", "number"),
    [
        ("x" * 160, 1), ("x" * 161, 2), ("x" * 306, 2), ("x" * 307, 3), ("€" * 80, 1), ("€" * 81, 2), ("äöüß" * 40, 1),
        ("ç" * 70, 1), ("ç" * 71, 2), ("ç" * 134, 2), ("ç" * 135, 3), ("😀" * 35, 1), ("😀" * 36, 2), ("", 1),
    ],
)  # fmt: skip
def test_segments_are_counted_as_gateways_count_them(text, number):
    assert segments_of(text) == number


def test_one_line_is_one_line():
    assert in_one_line(" a\r\nb\x00 ") == "a b"
