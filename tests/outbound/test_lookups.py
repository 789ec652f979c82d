"""Looking up names with a resolver that hangs."""

import socket
import subprocess
import sys
import time
from multiprocessing import get_context
from threading import Event, Thread

import pytest

from slotkeeper.outbound.client import Client, Limits, Request, Unreachable
from slotkeeper.outbound.lookups import LookupFailed, Lookups

FOUND = [(2, 1, 6, "", ("93.184.216.34", 80)), (2, 1, 6, "", ("93.184.216.34", 80))]


class Resolver:
    """Answers for the names that begin with "slow" only when it is told to."""

    def __init__(self):
        self.asked, self.goes_on = [], Event()

    def getaddrinfo(self, host, *_given, **_options):
        self.asked.append(host)
        if host.startswith("slow"):
            self.goes_on.wait(10)
        return FOUND


@pytest.fixture
def resolver(monkeypatch):
    resolver = Resolver()
    monkeypatch.setattr(socket, "getaddrinfo", resolver.getaddrinfo)
    yield resolver
    resolver.goes_on.set()


def test_a_resolver_that_hangs_is_left_at_the_deadline(resolver):
    started = time.monotonic()
    with Client() as client, pytest.raises(Unreachable, match=r"Nobody says in time where slow\.test is"):
        client.send(Request("GET", "http://slow.test/", limits=Limits(seconds=0.3)))
    with Client(seconds=0.3) as client, pytest.raises(Unreachable):
        client.send(Request("GET", "http://slow.test/"))
    assert time.monotonic() - started < 1.5


def test_a_name_is_looked_up_once_at_a_time_and_anew_afterwards(resolver):
    lookups = Lookups(most=1)
    for _ in range(5):
        with pytest.raises(LookupFailed):
            lookups.addresses("slow.test", 80, 0.01)
    assert resolver.asked == ["slow.test"]
    resolver.goes_on.set()
    assert lookups.addresses("slow.test", 80, 5) == ["93.184.216.34"]
    lookups.addresses("slow.test", 80, 5)
    assert len(resolver.asked) in {2, 3}  # the first may have been under way still


def test_hanging_lookups_are_few_and_the_next_one_fails_at_once(resolver):
    lookups = Lookups(most=3)
    waiting = [Thread(target=lookups.addresses, args=(f"slow-{number}.test", 80, 10)) for number in range(3)]
    for one in waiting:
        one.start()
    while len(resolver.asked) < 3:
        time.sleep(0.01)
    started = time.monotonic()
    with pytest.raises(LookupFailed, match="Too many names"):
        lookups.addresses("quick.test", 80, 10)
    assert time.monotonic() - started < 1
    resolver.goes_on.set()
    for one in waiting:
        one.join()
    assert lookups.addresses("quick.test", 80, 10) == ["93.184.216.34"]


def test_what_the_resolver_raises_reaches_who_asked(monkeypatch):
    def fail(*_given, **_options):
        raise socket.gaierror(-2, "Name or service not known")

    monkeypatch.setattr(socket, "getaddrinfo", fail)
    with pytest.raises(socket.gaierror):
        Lookups(most=1).addresses("nowhere.test", 80, 5)


def test_a_process_ends_while_a_lookup_hangs():
    code = "import socket, time; socket.getaddrinfo = lambda *_given, **_options: time.sleep(60)\n"
    code += "from slotkeeper.outbound.client import Client, Limits, Request, Unreachable\n"
    code += "try: Client().send(Request('GET', 'http://slow.test/', limits=Limits(seconds=0.2)))\n"
    code += "except Unreachable: print('left')"
    done = subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True, timeout=20)
    assert (done.stdout, done.stderr) == ("left\n", "")


def test_a_process_that_was_forked_has_threads_of_its_own(resolver):
    lookups = Lookups(most=2)
    lookups.addresses("there.test", 80, 5)
    child = get_context("fork").Process(target=lookups.addresses, args=["there.test", 80, 5])
    child.start()
    child.join(10)
    assert child.exitcode == 0
