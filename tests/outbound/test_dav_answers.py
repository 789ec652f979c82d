"""Large answers of a calendar server: what a real calendar needs is read, what would fill the memory is refused."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

from slotkeeper.calendars.providers.base import Account, Refused, Unavailable
from slotkeeper.calendars.providers.caldav_reading import _entries, _etags
from slotkeeper.calendars.providers.dav_session import DavSession
from slotkeeper.calendars.providers.dav_xml import CALENDAR_DATA, conflicting_path, read_multistatus

HERE = "https://dav.example.com/ada/work/"
MULTISTATUS = (
    b'<?xml version="1.0"?><d:multistatus xmlns:d="DAV:" xmlns:c="urn:ietf:params:xml:ns:caldav">%s</d:multistatus>'
)
ENTRY = (
    b"<d:response><d:href>/ada/work/%08d-0000-4000-8000-000000000000.ics</d:href>"
    b'<d:propstat><d:prop><d:getetag>"%d"</d:getetag><d:resourcetype/></d:prop>'
    b"<d:status>HTTP/1.1 200 OK</d:status></d:propstat>"
    b"<d:propstat><d:prop><d:displayname/></d:prop><d:status>HTTP/1.1 404 Not Found</d:status></d:propstat>"
    b"</d:response>"
)
SIZE = 19_000_000


def listing(entries):
    return MULTISTATUS % b"".join(ENTRY % (number, number) for number in range(entries))


def attributes(written, count):
    return b" ".join(written % number for number in range(count))


BOMBS = {
    "flat": lambda: MULTISTATUS % (b"<b/>" * (SIZE // 4)),
    "deep": lambda: b"<a>" * (SIZE // 7) + b"</a>" * (SIZE // 7),
    "attributes of one": lambda: MULTISTATUS % (b"<b %s/>" % attributes(b"a%x=''", SIZE // 11)),
    "attributes of many": lambda: MULTISTATUS % (b"<b %s/>" % attributes(b"a%x=''", 5_000) * 300),
    "namespaces of one": lambda: MULTISTATUS % (b"<b %s/>" % attributes(b"xmlns:a%x='b'", SIZE // 17)),
    "namespaces of many": lambda: MULTISTATUS % (b"<b xmlns:a1='x' xmlns:a2='x'/>" * (SIZE // 30)),
    "a name": lambda: MULTISTATUS % (b"<" + b"x" * SIZE + b"/>"),
    "a comment": lambda: MULTISTATUS % (b"<!--" + b"x" * SIZE + b"-->"),
    "a tag that never ends": lambda: b"<a " + b"x" * SIZE,
}


@pytest.mark.parametrize("kind", BOMBS)
def test_an_answer_that_would_fill_the_memory_is_refused_in_a_sentence(kind):
    with pytest.raises(Refused, match="too large to be read"):
        read_multistatus(BOMBS[kind](), HERE)
    with pytest.raises(Refused, match="too large to be read"):
        conflicting_path(BOMBS[kind](), HERE)


def grown_by(kind):
    """Read an answer in a process of its own; give the megabytes by which its peak grew meanwhile."""
    code = "import json, re; from outbound.test_dav_answers import BOMBS, HERE, Refused, listing, read_multistatus\n"
    code += "peak = lambda: int(re.search(r'VmHWM:\\s+(\\d+)', open('/proc/self/status').read())[1]) // 1024\n"
    code += f"body = listing(10_000) if {kind!r} == 'a listing' else BOMBS[{kind!r}]()\n"
    code += "open('/proc/self/clear_refs', 'w').write('5'); before = peak()\n"
    code += "try: read_multistatus(body, HERE)\n"
    code += "except Refused: pass\n"
    code += "print(json.dumps(peak() - before))"
    tests = Path(__file__).parents[1]
    source = tests.parent / "src"
    environment = {"PYTHONPATH": f"{tests}:{source}"}
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, timeout=60, env=environment, check=True
    )
    return json.loads(done.stdout)


@pytest.mark.skipif(not Path("/proc/self/clear_refs").exists(), reason="the peak of memory is read from Linux' /proc")
@pytest.mark.parametrize("kind", ["a listing", *BOMBS])
def test_reading_takes_little_memory(kind):
    assert grown_by(kind) < 100


def session_at(client, far, body):
    far.page = body
    return DavSession(Account(client, f"{far.url}/page", "ada", "secret", lambda _secret: None))


def test_a_calendar_of_ten_thousand_entries_is_listed(far, client):
    session = session_at(client, far, listing(10_000))
    etags = _etags(session, f"{far.url}/page")
    assert len(etags) == 10_000
    assert etags["/ada/work/00000042-0000-4000-8000-000000000000.ics"] == '"42"'


def test_a_sync_report_of_thirty_thousand_entries_is_read():
    found = read_multistatus(listing(30_000), HERE)
    assert len(_entries(found, HERE)) == 30_000


@pytest.mark.parametrize("wrapped", [b"%s", b"<![CDATA[%s]]>"])
def test_entries_with_large_contents_are_read_whole(far, client, wrapped):
    content = b"BEGIN:VCALENDAR\r\n" + b"ATTACH:" + b"QUJD" * 50_000 + b"\r\nEND:VCALENDAR"
    data = b"<c:calendar-data>%s</c:calendar-data>" % (wrapped % content)
    entry = b'<d:response><d:href>/ada/work/%d.ics</d:href><d:propstat><d:prop><d:getetag>"1"</d:getetag>%s</d:prop>'
    entry += b"<d:status>HTTP/1.1 200 OK</d:status></d:propstat></d:response>"
    body = MULTISTATUS % b"".join(entry % (number, data) for number in range(50))
    answer = session_at(client, far, body).report(f"{far.url}/page", b"", "1")
    found = read_multistatus(answer.body, answer.url).resources
    assert [one.text(CALENDAR_DATA).replace("\n", "\r\n").encode() for one in found] == [content] * 50


@pytest.mark.parametrize("body", [b"", b" ", b"<a", b"<a></b>", listing(1)[:-30], listing(10_000)[:-30]])
def test_what_is_no_xml_stays_a_passing_trouble(body):
    with pytest.raises(Unavailable):
        read_multistatus(body, HERE)
