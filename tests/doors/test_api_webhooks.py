"""Webhook endpoints over HTTP: secrets shown once, addresses inside refused, versions, the log, sending again."""

import pytest

from asking import bad_names
from hooked import allow_this_machine, hook
from slotkeeper.changes.models import Change
from slotkeeper.outbound import addresses
from slotkeeper.outbound.lookups import LookupFailed
from slotkeeper.webhooks.models import WebhookDelivery, WebhookEndpoint

PLACE = "/api/webhook-endpoints"
PUBLIC = "https://93.184.216.34/hook"


@pytest.fixture
def hooked(cast, settings):
    allow_this_machine(settings)
    with hook(cast.owner) as made:
        yield made


def make(api, **fields):
    return api.post(PLACE, {"url": PUBLIC} | fields)


# Endpoints


def test_secret_is_shown_at_creation_and_never_again(cast):
    api = cast.api()
    made = make(api, description="Books", events=["appointment.created", "appointment.canceled"])
    assert (made.status_code, made["ETag"]) == (201, '"1"')
    assert made.json()["secret"].startswith("whsec_")
    assert made.json()["events"] == ["appointment.canceled", "appointment.created"]
    listed = api.get(PLACE)
    assert [one["url"] for one in listed.json()["webhook_endpoints"]] == [PUBLIC]
    for answer in (listed, api.get(made["Location"])):
        assert "whsec_" not in answer.content.decode()
    assert not WebhookEndpoint.objects.filter(sealed_secret__contains=made.json()["secret"]).exists()


def test_repeated_creation_makes_one_endpoint_and_keeps_no_secret(cast):
    api = cast.api()
    first, second = (api.post(PLACE, {"url": PUBLIC}, Idempotency_Key="k") for _ in range(2))
    assert second.json() == first.json() | {"secret": None}
    assert (second["Location"], second["ETag"]) == (first["Location"], first["ETag"])
    assert WebhookEndpoint.objects.count() == 1


@pytest.mark.parametrize(
    ("url", "why"),
    [
        ("https://127.0.0.1/hook", "127.0.0.1 is no public address."),
        ("https://localhost/hook", "localhost is no public address."),
        ("https://[::1]/hook", "::1 is no public address."),
        ("https://0x7f000001/hook", "0x7f000001 is no public address."),
        ("https://10.0.0.7:8443/hook", "10.0.0.7 is no public address."),
        ("https://169.254.169.254/latest/meta-data", "169.254.169.254 is no public address."),
        ("http://93.184.216.34/hook", "The address must begin with https://: what is sent holds customers' names."),
        ("https://user:word@93.184.216.34/", "The address may not contain a name or a password."),
        ("https://93.184.216.34/#part", "The address may not contain a #: what follows it would never be sent."),
        ("ftp://93.184.216.34/", "This is no address that begins with https:// or http://."),
        ("https://[93.184.216.34", "This is no address that begins with https:// or http://."),
        ("https://93.184.216.34:99999/", "This is no address that begins with https:// or http://."),
        ("https:///hook", "The address names no host."),
        ("hook", "This is no address that begins with https:// or http://."),
    ],
)
def test_address_to_which_no_webhook_may_go_is_refused_with_a_clear_message(cast, url, why):
    answer = make(cast.api(), url=url)
    assert bad_names(answer) == ["url"]
    assert answer.json()["errors"][0] == {"field": "url", "code": "INVALID_FIELD", "message": why}
    assert not WebhookEndpoint.objects.exists()


def test_name_of_which_any_address_lies_inside_is_refused(cast, monkeypatch):
    def resolve(_host, port, **_options):
        return [(2, 1, 6, "", ("93.184.216.34", port)), (2, 1, 6, "", ("192.168.1.20", port))]

    monkeypatch.setattr(addresses.socket, "getaddrinfo", resolve)
    answer = make(cast.api(), url="https://hooks.example.com/")
    assert answer.json()["errors"][0]["message"] == "hooks.example.com is no public address."


def test_host_that_does_not_exist_is_said_at_once(cast, monkeypatch):
    def resolve(*_place, **_options):
        raise addresses.socket.gaierror

    monkeypatch.setattr(addresses.socket, "getaddrinfo", resolve)
    answer = make(cast.api(), url="https://hooks.exmaple.com/")
    assert answer.json()["errors"][0]["message"] == "There is no host hooks.exmaple.com."


def test_name_server_that_is_slow_is_not_taken_for_a_missing_host(cast, monkeypatch):
    def wait(*_place):
        raise LookupFailed("Nobody says in time where hooks.example.com is.")

    monkeypatch.setattr(addresses._LOOKUPS, "addresses", wait)
    answer = make(cast.api(), url="https://hooks.example.com/")
    assert answer.json()["errors"][0]["message"] == "Nobody says in time where hooks.example.com is."


def test_host_that_the_settings_name_may_be_asked_without_tls(hooked, cast):
    assert make(cast.api(), url=hooked.receiver.hook).status_code == 201


@pytest.mark.parametrize(
    ("fields", "named"),
    [
        ({"url": ""}, ["url"]),
        ({"url": "https://93.184.216.34/" + "x" * 2000}, ["url"]),
        ({"url": None}, ["url"]),
        ({"url": "https://93.184.216.34/a\nb"}, ["url"]),
        ({"events": ["appointment.exploded"]}, ["events"]),
        ({"events": "all"}, ["events"]),
        ({"events": ["webhook.test"]}, ["events"]),
        ({"description": "x" * 201}, ["description"]),
        ({"secret": "whsec_mine"}, ["secret"]),
    ],
)
def test_bad_fields_are_named(cast, fields, named):
    assert bad_names(make(cast.api(), **fields)) == named


def test_fields_sent_are_changed_and_the_others_stay(cast):
    api = cast.api()
    place = make(api, description="Books", events=["contact.erased"])["Location"]
    changed = api.put(place, {"events": []}).json()
    assert (changed["events"], changed["description"], changed["version"]) == ([], "Books", 2)
    assert api.put(place, {"events": []}).json()["version"] == 2
    assert api("PATCH", place, {"is_active": False}).json()["is_active"] is False
    assert api.put(place, {"url": "https://127.0.0.1/"}).status_code == 400
    change = Change.objects.filter(subject_kind="webhook_endpoint", verb="updated").earliest("pk")
    assert (change.before, change.after) == ({"events": ["contact.erased"]}, {"events": []})


def test_stale_version_is_refused_with_the_current_row(cast):
    api = cast.api()
    made = make(api)
    api.put(made["Location"], {"description": "second"})
    by_header = api.put(made["Location"], {"description": "third"}, If_Match=made["ETag"])
    by_body = api.put(made["Location"], {"description": "third", "version": 1})
    assert (by_header.status_code, by_body.status_code) == (412, 409)
    for answer in (by_header, by_body):
        assert (answer.json()["code"], answer.json()["current"]["description"]) == ("VERSION_CONFLICT", "second")


def test_deleted_endpoint_is_gone_with_its_log(hooked, cast):
    api, place = cast.api(), f"{PLACE}/{hooked.endpoint.pk}"
    assert api.post(f"{place}/test").status_code == 202
    assert api("DELETE", place).status_code == 204
    assert (api.get(place).status_code, api("DELETE", place).status_code) == (404, 404)
    assert not WebhookDelivery.objects.exists()


def test_twenty_endpoints_are_enough(cast):
    api = cast.api()
    assert {make(api).status_code for _ in range(20)} == {201}
    refused = make(api)
    assert (refused.status_code, refused.json()["code"]) == (409, "TOO_MANY_ENDPOINTS")
    assert make(cast.api("outsider")).status_code == 201


def test_rotated_secret_is_another_one_and_the_old_signs_along_for_a_day(cast):
    api = cast.api()
    made = make(api)
    rotated = api.post(f"{made['Location']}/rotate-secret").json()
    assert rotated["secret"].startswith("whsec_")
    assert rotated["secret"] != made.json()["secret"]
    assert rotated["former_secret_until"] is not None


# Deliveries


def test_log_shows_what_was_sent_and_leads_on_by_cursor(hooked, cast):
    api, place = cast.api(), f"{PLACE}/{hooked.endpoint.pk}"
    hooked.book(notes="Bring the papers")
    hooked.work()
    for _ in range(2):
        api.post(f"{place}/test")
    first = api.get(f"{place}/deliveries?limit=2").json()
    assert [one["type"] for one in first["deliveries"]] == ["webhook.test"] * 2
    rest = api.get(f"{place}/deliveries?limit=2&cursor={first['next_cursor']}").json()
    assert ([one["type"] for one in rest["deliveries"]], rest["next_cursor"]) == (["appointment.created"], None)
    (delivered,) = api.get(f"{place}/deliveries?state=delivered").json()["deliveries"]
    assert delivered == rest["deliveries"][0]
    assert (delivered["last_status"], delivered["attempts"], delivered["next_try_at"]) == (204, 1, None)
    assert delivered["webhook_id"] == hooked.receiver.ids()[0]
    whole = api.get(f"{place}/deliveries/{delivered['id']}").json()
    assert whole["body"] == hooked.receiver.asked[0].body.decode()
    assert bad_names(api.get(f"{place}/deliveries?state=lost")) == ["state"]
    assert bad_names(api.get(f"{place}/deliveries?cursor=lost")) == ["cursor"]


def test_redelivery_over_the_api_sends_the_same_id_and_bytes(hooked, cast):
    api, place = cast.api(), f"{PLACE}/{hooked.endpoint.pk}"
    hooked.book()
    hooked.work()
    again = api.post(f"{place}/deliveries/{hooked.delivery().pk}/redeliver")
    assert (again.status_code, again.json()["state"]) == (202, "waiting")
    hooked.work()
    first, second = hooked.receiver.asked
    assert (first.body, first.headers["webhook-id"]) == (second.body, second.headers["webhook-id"])


def test_endpoint_that_is_off_is_neither_tested_nor_sent_anything_again(hooked, cast):
    api, place = cast.api(), f"{PLACE}/{hooked.endpoint.pk}"
    sent = api.post(f"{place}/test").json()
    api.put(place, {"is_active": False})
    for answer in (api.post(f"{place}/test"), api.post(f"{place}/deliveries/{sent['id']}/redeliver")):
        assert (answer.status_code, answer.json()["code"]) == (409, "ENDPOINT_OFF")


def test_foreign_endpoints_and_deliveries_are_as_unknown_as_none(hooked, cast):
    api, outsider = cast.api(), cast.api("outsider")
    place = f"{PLACE}/{hooked.endpoint.pk}"
    sent = api.post(f"{place}/test").json()
    for path in (place, f"{PLACE}/999999"):
        answers = [
            outsider.get(path), outsider.put(path, {"description": "mine"}), outsider("DELETE", path),
            outsider.post(f"{path}/rotate-secret"), outsider.post(f"{path}/test"), outsider.get(f"{path}/deliveries"),
            outsider.get(f"{path}/deliveries/{sent['id']}"), outsider.post(f"{path}/deliveries/{sent['id']}/redeliver"),
        ]  # fmt: skip
        assert {answer.status_code for answer in answers} == {404}
        assert {answer.json()["code"] for answer in answers} == {"NOT_FOUND"}
    assert outsider.get(PLACE).json()["webhook_endpoints"] == []
    other = make(api).json()["id"]
    assert api.get(f"{PLACE}/{other}/deliveries/{sent['id']}").status_code == 404
    assert hooked.refreshed().description == ""


def test_only_owners_and_admins_see_endpoints(cast):
    assert cast.api("colleague").get(PLACE).status_code == 403
