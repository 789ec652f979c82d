"""A mail as text and as HTML: both say the same, and nothing that somebody wrote becomes markup."""

import re
from html.parser import HTMLParser

import pytest
from django.utils.translation import override
from hypothesis import given, settings
from hypothesis import strategies as st

from slotkeeper.outbox.frames import frame_of
from slotkeeper.outbox.kinds import TO_CUSTOMERS, ChannelName, Kind
from slotkeeper.outbox.letters import Frame, write_letter
from slotkeeper.outbox.placeholders import PLACEHOLDERS, samples
from slotkeeper.outbox.wording import Wording, fill
from slotkeeper.outbox.wordings import default_wording
from slotkeeper.rules.contrast import is_readable, parse_color

NOW = 1_796_000_000  # 29 November 2026
FRAME = Frame(
    "Practice", headline="Thursday 3 December, 14:00–14:30", button=("See it", "https://a.test/b"), footer="Bye"
)


class Reader(HTMLParser):
    """Reads a mail as a browser shows it: its words, its elements, and where its links lead."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.words, self.elements, self.links, self.hidden = "", [], [], 0
        self.lang = self.title = ""
        self.feed(html)
        self.close()

    def handle_starttag(self, tag, attributes):
        self.elements.append((tag, dict(attributes)))
        self.hidden += tag in {"style", "title"}
        self.links += [value for name, value in attributes if name == "href"]
        self.words += "\n" if tag in {"br", "p", "h1", "td"} else ""

    def handle_endtag(self, tag):
        self.hidden -= tag in {"style", "title"}

    def handle_data(self, data):
        if not self.hidden:
            self.words += data


def read(letter) -> Reader:
    return Reader(letter.html)


def plain(text: str) -> str:
    return re.sub(r"\s+", " ", text).strip()


def letter_with(name="Carla", body="Hello {{ customer_name }}!", frame=FRAME):
    return write_letter(Wording("For {{ customer_name }}", body), {"customer_name": name}, frame)


def test_text_says_all_that_html_says():
    letter = letter_with()
    assert letter.subject == "For Carla"
    assert letter.text == f"{FRAME.headline}\n\nHello Carla!\n\nSee it: https://a.test/b\n\nBye"
    shown = plain(read(letter).words)
    assert shown == f"Practice {FRAME.headline} Hello Carla! See it Bye"


def test_headline_and_button_are_not_said_twice_in_the_text():
    letter = letter_with(body=f"{FRAME.headline}\nhttps://a.test/b")
    assert letter.text == f"{FRAME.headline}\nhttps://a.test/b\n\nBye"


@pytest.mark.parametrize(
    "name",
    [
        "<b>Carla</b>", "<script>alert(1)</script>", "<img src=x onerror=alert(1)>", '"><a href="https://evil.test">',
        "</p></td></table><style>*{display:none}", "&lt;b&gt;", "&#60;b&#62;", "{{ business_name }}", "{% debug %}",
        'https://a.test/"onmouseover=alert(1)', "https://a.test/'><script>", "javascript:alert(1)", "<!--", "]]>",
    ],
)  # fmt: skip
def test_name_stays_text_and_adds_no_element(name):
    harmless, letter = letter_with("https://a.test/x" if "https://" in name else "Carla"), letter_with(name)
    reader = read(letter)
    assert [tag for tag, _ in reader.elements] == [tag for tag, _ in read(harmless).elements]
    assert plain(f"Hello {name}!") in plain(reader.words)
    assert f"Hello {name}!" in letter.text
    assert letter.subject == f"For {name}"
    for _, attributes in reader.elements:
        assert not any(attribute.startswith("on") for attribute in attributes)


@pytest.mark.parametrize("place", ["business_name", "headline", "footer"])
def test_what_stands_around_is_text_too(place):
    frame = Frame(**{"business_name": "Practice", place: "<script>x</script>\r\n&"})
    assert "<script>x</script> &" in plain(read(letter_with(frame=frame)).words)


def test_words_of_the_business_are_text_too():
    reader = read(letter_with(body="<h1>Sale</h1>\n\nA &amp; B"))
    assert "<h1>Sale</h1> A &amp; B" in plain(reader.words)
    assert sum(tag == "h1" for tag, _ in reader.elements) == 1


@pytest.mark.parametrize(
    ("text", "link"),
    [
        ("See https://a.test/x.", "https://a.test/x"),
        ("(https://a.test/x)", "https://a.test/x"),
        ("https://a.test/x?a=1&b=2 now", "https://a.test/x?a=1&b=2"),
        ("HTTPS://A.TEST/x", "HTTPS://A.TEST/x"),
        ("„http://a.test“", "http://a.test"),
    ],
)
def test_address_can_be_followed_and_is_what_it_says(text, link):
    reader = read(letter_with(body=text))
    assert link in reader.links
    assert plain(text) in plain(reader.words)


@pytest.mark.parametrize("text", ["javascript:alert(1)", "data:text/html,x", "www.a.test", "ftp://a.test", "https://"])
def test_nothing_else_becomes_a_link(text):
    assert read(letter_with(body=text)).links == ["https://a.test/b"]


def test_lines_and_paragraphs_stay_what_they_are():
    html = letter_with(body="One\ntwo\n\n \nThree").html
    assert re.search(r"<p [^>]*>One<br>\s*two</p>\s*<p [^>]*>Three</p>", html)


VALUES = st.text(st.characters(codec="utf-8") | st.sampled_from("{}%<>&'\"\n/:"), max_size=60)


@settings(max_examples=60)
@given(st.fixed_dictionaries(dict.fromkeys(PLACEHOLDERS[Kind.NEW_BOOKING], VALUES)))
def test_whatever_the_facts_html_shows_what_the_text_says(values):
    wording = default_wording(Kind.NEW_BOOKING, ChannelName.EMAIL)
    letter = write_letter(wording, values, Frame("Practice"))
    assert plain(read(letter).words) == plain("Practice " + fill(wording.body, values))
    assert plain(letter.text) == plain(fill(wording.body, values))
    assert len(letter.subject.splitlines()) == 1
    known = {"html", "head", "meta", "title", "style", "body", "table", "tr", "td", "p", "br", "a"}
    assert {tag for tag, _ in read(letter).elements} <= known


def test_mail_loads_nothing_and_says_its_language():
    with override("de"):
        values = samples(Kind.BOOKED, "Praxis", "Europe/Berlin", NOW)
        wording = default_wording(Kind.BOOKED, ChannelName.EMAIL)
        letter = write_letter(wording, values, frame_of(Kind.BOOKED, values, "Praxis", ""))
    elements = read(letter).elements
    assert ("html", {"lang": "de"}) in elements
    assert not {"img", "link", "script", "iframe", "object"} & {tag for tag, _ in elements}
    assert "url(" not in letter.html
    assert "@import" not in letter.html
    assert sum("class" in attributes and attributes["class"] == "button" for _, attributes in elements) == 1


@pytest.mark.parametrize("color", ["", "#a8451f", "#ffff00", "#000000", "#ffffff", "#2c6a3a", "red;}", "</style>"])
def test_button_can_be_read_whatever_the_colour(color):
    letter = letter_with(frame=Frame("Practice", color, button=("See it", "https://a.test")))
    light = re.search(r"background: ?(#\w{6});\s*color: ?(#\w{6});\s*font-weight", letter.html)
    dark = re.search(r"\.button \{ background: (#\w{6}) !important; color: (#\w{6})", letter.html)
    for found in (light, dark):
        ground, ink = (parse_color(one) for one in found.groups())
        assert is_readable(ink, ground)
    assert "red;}" not in letter.html


@pytest.mark.parametrize("kind", list(Kind))
def test_every_kind_has_its_frame(kind):
    values = samples(kind, "Practice", "Europe/Berlin", NOW)
    frame = frame_of(kind, values, "Practice", "")
    assert frame.button
    assert frame.button[1].startswith("https://")
    assert frame.footer.endswith("Practice.")
    is_about_a_time = "day" in values and "canceled" not in kind and kind not in {Kind.UNASSIGNED, Kind.PAID_TOO_LATE}
    assert frame.headline.startswith(values["day"]) if is_about_a_time else not frame.headline
    assert frame_of(kind, {}, "Practice", "").button is None
    assert ("work" in frame.footer) is (kind not in TO_CUSTOMERS)


def test_subject_of_any_length_fits_a_mail():
    assert len(letter_with("x" * 5_000).subject) <= 250
