"""A business's logo: set in the dashboard and over the API, shown to everybody, refused when it is none."""

import re

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client

from asking import role_api
from desk import browser_of, text_of
from pictures import jpeg, png, webp
from slotkeeper.changes.models import Change
from slotkeeper.people.models import BusinessLogo, User
from slotkeeper.rules.permissions import Role

SVG = b"<svg xmlns='http://www.w3.org/2000/svg'><script>alert(1)</script></svg>"
REFUSED = [
    (SVG, "It is no PNG, JPEG or WebP picture"),
    (b"", "It is no PNG, JPEG or WebP picture"),
    (png()[:-1], "or was cut off"),
    (png(more=b"x" * 500_000), "The file is larger than 500 kB."),
    (png(2001, 20), "The picture has more than 2,000 pixels on a side."),
]


@pytest.fixture
def visitor(db) -> Client:
    return Client(HTTP_HOST="localhost")


def upload(browser, content, name="logo.png", **options):
    return browser.post("/settings/logo", {"logo": SimpleUploadedFile(name, content, "image/png")}, **options)


def send(api, content, kind="image/png"):
    return api.client.put("/api/business/logo", content, content_type=kind, headers=api.headers)


def shown(page) -> str | None:
    found = re.search(r'<img class="logo"\s+src="([^"]+)"', text_of(page))
    return found and found[1]


@pytest.mark.parametrize(("content", "kind"), [(png(), "image/png"), (jpeg(), "image/jpeg"), (webp(), "image/webp")])
def test_logo_of_any_name_is_shown_as_what_it_is(cast, visitor, content, kind):
    assert upload(browser_of(cast.owner), content, "logo.html")["Location"] == "/settings"
    page = visitor.get("/practice/")
    assert re.search(r'alt="Practice"\s+width="40"\s+height="20"', text_of(page))
    served = visitor.get(shown(page))
    assert served.content == content
    assert served["Content-Type"] == kind
    assert served["X-Content-Type-Options"] == "nosniff"
    assert served["Cache-Control"] == "public, max-age=31536000, immutable"
    assert "Set-Cookie" not in served


def test_logo_is_replaced_and_removed_and_the_record_says_so(cast, visitor):
    browser = browser_of(cast.owner)
    upload(browser, png())
    first = shown(visitor.get("/practice/"))
    upload(browser, jpeg())
    assert shown(browser.get("/settings")) == shown(visitor.get("/practice/")) != first
    assert visitor.get(first).status_code == 404
    assert "immutable" not in visitor.get(first)["Cache-Control"]
    browser.post("/settings/logo", {"remove": "1"})
    browser.post("/settings/logo", {"remove": "1"})
    assert shown(visitor.get("/practice/")) is None
    changes = Change.objects.filter(subject_kind="business", verb="updated").order_by("pk")
    assert [(one.before["logo"] is None, one.after["logo"] is None) for one in changes] == [
        (True, False), (False, False), (False, True),
    ]  # fmt: skip


@pytest.mark.parametrize(("content", "why"), REFUSED)
def test_no_logo_is_refused_with_a_word_and_the_former_stays(cast, content, why):
    browser, api = browser_of(cast.owner), cast.api()
    upload(browser, png())
    answer = upload(browser, content)
    assert answer.status_code == 200
    assert why in text_of(answer)
    refused = send(api, content)
    assert refused.status_code == 400
    assert not content or why in refused.json()["detail"]
    assert bytes(BusinessLogo.objects.get().content) == png()


def test_no_file_and_too_large_a_body_are_answered_in_words(cast):
    browser = browser_of(cast.owner)
    assert "Choose a file first." in text_of(browser.post("/settings/logo", {}))
    User.objects.filter(pk=cast.owner.user_id).update(locale="de")
    answer = upload(browser, b"x" * 1_000_001)
    assert answer.status_code == 413
    assert "höchstens 1 MB" in text_of(answer)
    assert send(cast.api(), b"x" * 1_000_001).status_code == 413


def test_logo_over_the_api_needs_a_picture_and_the_right_to_change_settings(cast, visitor):
    api = cast.api()
    assert api.get("/api/business").json()["logo_url"] is None
    address = send(api, webp(), "image/jpeg").json()["logo_url"]
    assert api.get("/api/me").json()["business"]["logo_url"] == address
    assert visitor.get(address.removeprefix("http://localhost:8000"))["Content-Type"] == "image/webp"
    assert send(api, png(), "application/json").status_code == 415
    assert send(role_api(cast, Role.SCHEDULER), png()).status_code == 403
    assert api("DELETE", "/api/business/logo").status_code == 204
    assert api.get("/api/business").json()["logo_url"] is None


def test_a_logo_belongs_to_one_business(cast, visitor):
    upload(browser_of(cast.owner), png())
    place = shown(visitor.get("/practice/"))
    assert shown(visitor.get("/garage/")) is None
    assert visitor.get(place.replace("practice", "garage")).status_code == 404
