import time

import pytest

from outbound.far_server import far_server
from slotkeeper.outbound import addresses
from slotkeeper.outbound.addresses import AddressRefused, is_public
from slotkeeper.outbound.client import Client, Limits, Request, TooLarge, TooSlow, Unreachable


@pytest.mark.parametrize(
    "address",
    [
        "127.0.0.1", "127.8.8.8", "0.0.0.0", "10.1.2.3", "172.16.0.1", "192.168.1.1", "169.254.169.254", "100.64.0.1",
        "192.0.2.1", "198.18.0.1", "224.0.0.1", "240.0.0.1", "255.255.255.255", "::", "::1", "fe80::1%eth0", "fc00::1",
        "fd12:3456::1", "ff02::1", "2001:db8::1", "::ffff:127.0.0.1", "::ffff:10.0.0.1", "2002:7f00:1::",
        "2002:a00:1::", "64:ff9b::7f00:1", "2001:0:7f00:1::", "fec0::1", "::127.0.0.1", "::10.0.0.1",
        "::ffff:0:127.0.0.1", "3fff::1", "5f00::1", "100::1", "64:ff9b:1::1", "2001:10::1", "4000::1", "192.0.0.8",
        "192.88.99.1",
    ],
)  # fmt: skip
def test_no_private_address_is_public_in_whatever_clothes(address):
    assert not is_public(address)


@pytest.mark.parametrize("address", ["1.1.1.1", "93.184.216.34", "2606:4700::1111", "::ffff:1.1.1.1", "2002:101:101::"])
def test_a_public_address_is_one(address):
    assert is_public(address)


@pytest.mark.parametrize(
    "host", ["127.0.0.1", "localhost", "127.1", "2130706433", "0x7f000001", "017700000001", "[::1]"]
)
def test_a_private_host_is_refused_however_it_is_written(far, host):
    with Client() as client, pytest.raises(AddressRefused):
        client.send(Request("GET", f"http://{host}:{far.server_port}/hello"))
    assert far.asked == []


def test_a_host_that_the_settings_name_is_asked(far, client):
    answer = client.send(Request("GET", f"{far.url}/hello"))
    assert (answer.status, answer.body) == (200, b"hello")


def test_a_name_is_resolved_once_and_the_checked_address_is_asked(far, monkeypatch):
    resolved = []

    def resolve(host, port, **_options):
        resolved.append(host)
        return [(2, 1, 6, "", ("93.184.216.34" if len(resolved) == 1 else "127.0.0.1", port))]

    connected = []
    monkeypatch.setattr(addresses.socket, "getaddrinfo", resolve)
    monkeypatch.setattr(
        addresses.httpcore.SyncBackend, "connect_tcp", lambda _self, host, *_rest: connected.append(host) or 1 / 0
    )
    with Client() as client, pytest.raises(ZeroDivisionError):
        client.send(Request("GET", "http://rebinding.test/"))
    assert (resolved, connected) == (["rebinding.test"], ["93.184.216.34"])


def test_a_name_with_one_private_address_is_refused(monkeypatch):
    found = [(2, 1, 6, "", (address, 80)) for address in ("93.184.216.34", "10.0.0.1")]
    monkeypatch.setattr(addresses.socket, "getaddrinfo", lambda *_given, **_options: found)
    with Client() as client, pytest.raises(AddressRefused):
        client.send(Request("GET", "http://mixed.test/"))


@pytest.mark.parametrize(
    "url",
    [
        "ftp://example.com/", "file:///etc/passwd", "gopher://127.0.0.1/", "//example.com/", "example.com", "",
        "http://", "http://user:password@example.com/", "http://example.com:99999/", "javascript:alert(1)",
        "https://w\U00074952/", "https://xn--a/", "https://a\u2028b.com/",
    ],
)  # fmt: skip
def test_what_is_no_plain_web_address_is_refused(client, url):
    with pytest.raises(AddressRefused):
        client.send(Request("GET", url))


def test_a_redirect_to_a_private_host_is_refused(far, client):
    with pytest.raises(AddressRefused):
        client.send(Request("GET", f"{far.url}/to/http://localhost:{far.server_port}/hello"))
    assert len(far.asked) == 1


def test_a_password_does_not_follow_a_redirect_to_another_origin(far):
    with far_server() as other, Client(["127.0.0.1"]) as client:
        client.send(Request("GET", f"{far.url}/to/{other.url}/hello", authorization="Basic c2VjcmV0"))
        assert far.asked == [("GET", f"/to/{other.url}/hello", "Basic c2VjcmV0")]
        assert other.asked == [("GET", "/hello", None)]


def test_a_redirect_keeps_the_method_and_the_password_of_its_origin(far, client):
    client.send(Request("PROPFIND", f"{far.url}/to//hello", authorization="Basic c2VjcmV0"))
    assert far.asked[1] == ("PROPFIND", "/hello", "Basic c2VjcmV0")


def test_an_address_that_a_redirect_writes_in_utf_8_is_understood(far, client):
    client.send(Request("GET", f"{far.url}/umlaut"))
    assert far.asked[1][1] == "/hello/%C3%B6"


@pytest.mark.parametrize("method", ["POST", "PUT"])
def test_a_body_is_led_to_no_other_origin(far, client, method):
    with far_server() as other, pytest.raises(Unreachable, match="leads elsewhere"):
        client.send(Request(method, f"{far.url}/kept/{other.url}/hello", body=b"client_secret=x"))
    assert (len(far.asked), other.asked) == (1, [])


def test_a_question_goes_on_to_another_origin_without_its_body(far, client):
    with far_server() as other:
        answer = client.send(Request("PROPFIND", f"{far.url}/kept/{other.url}/hello", body=b"<propfind/>"))
        assert (answer.url, other.asked, other.bodies) == (f"{other.url}/hello", [("PROPFIND", "/hello", None)], [b""])


def test_a_body_stays_with_a_redirect_within_its_origin(far, client):
    client.send(Request("POST", f"{far.url}/kept//hello", body=b"all of it"))
    assert far.bodies == [b"all of it", b"all of it"]


def test_see_other_is_asked_with_get(far, client):
    client.send(Request("POST", f"{far.url}/see/hello", body=b"x"))
    assert far.asked[1][:2] == ("GET", "/hello")


def test_redirects_without_end_are_given_up(far, client):
    with pytest.raises(Unreachable):
        client.send(Request("GET", f"{far.url}/circle"))
    assert len(far.asked) == 6


@pytest.mark.parametrize("path", ["large", "bomb"])
def test_an_answer_above_the_limit_is_not_kept(far, client, path):
    with pytest.raises(TooLarge):
        client.send(Request("GET", f"{far.url}/{path}", limits=Limits(bytes=100_000)))


@pytest.mark.parametrize("path", ["silence", "drip", "dripping_head"])
def test_a_slow_server_is_left_at_the_deadline(far, client, path):
    started = time.monotonic()
    with pytest.raises(Unreachable):
        client.send(Request("GET", f"{far.url}/{path}", limits=Limits(seconds=0.5)))
    assert time.monotonic() - started < 1.5


def test_an_answer_that_begins_and_never_ends_is_told_from_a_server_that_is_away(far, client):
    with pytest.raises(TooSlow):
        client.send(Request("GET", f"{far.url}/drip", limits=Limits(seconds=0.5)))
    with Client(["127.0.0.1"], seconds=0.3) as hurried, pytest.raises(Unreachable) as raised:
        hurried.send(Request("GET", f"{far.url}/drip"))
    assert not isinstance(raised.value, TooSlow)  # it is who asks that has no time


def test_half_an_answer_is_none(far, client):
    with pytest.raises(Unreachable):
        client.send(Request("GET", f"{far.url}/cut"))


@pytest.mark.parametrize("url", ["http://127.0.0.1:9/", "http://no-such-host.invalid/"])
def test_a_server_that_is_not_there_is_unreachable(client, url):
    with pytest.raises(Unreachable):
        client.send(Request("GET", url))


def test_the_client_goes_on_after_a_failure(far, client):
    with pytest.raises(Unreachable):
        client.send(Request("GET", f"{far.url}/silence", limits=Limits(seconds=0.2)))
    assert client.send(Request("GET", f"{far.url}/hello")).body == b"hello"


@pytest.mark.parametrize("etag", ['"plain"', '"café"', '"café"'.encode().decode("latin-1"), 'W/"\xff\xa0"'])
def test_an_etag_goes_back_as_it_came(far, client, etag):
    far.etag = etag
    first = client.send(Request("GET", f"{far.url}/tagged"))
    again = client.send(Request("GET", f"{far.url}/tagged", {"If-None-Match": first.headers["etag"]}))
    assert (first.status, again.status) == (200, 304)


def test_a_header_that_no_server_gave_is_sent_all_the_same(far, client):
    assert client.send(Request("GET", f"{far.url}/tagged", {"If-None-Match": '"\u65e5\ud800"'})).status == 200


def test_a_header_that_cannot_be_sent_is_said_so_in_a_sentence(far, client):
    with pytest.raises(Unreachable, match="Illegal header value"):
        client.send(Request("GET", f"{far.url}/hello", {"If-None-Match": "a\nb"}))
