"""Resolving the names of hosts in a bounded time: the system's resolver knows no deadline and cannot be called off."""

import os
import socket
from concurrent.futures import Future
from queue import SimpleQueue
from threading import Lock, Thread


class LookupFailed(Exception):
    """Nobody knows: there was no answer in time, or no thread to ask in."""


class Lookups:
    """Looks names up in daemon threads, of which there are few, and which do not keep the process from ending.

    Whoever asks for a name that is being looked up waits for the same answer, so a name whose servers are silent
    takes one thread however often it is asked for.
    """

    def __init__(self, most: int) -> None:
        self._most = most
        self._begin()
        os.register_at_fork(after_in_child=self._begin)  # threads stay behind

    def _begin(self) -> None:
        self._lock = Lock()
        self._under_way: dict[tuple[str, int], Future[list[str]]] = {}
        self._waiting: SimpleQueue[tuple[str, int]] = SimpleQueue()
        self._idle = 0

    def addresses(self, host: str, port: int, seconds: float) -> list[str]:
        """Give the addresses of a host. Raises LookupFailed, and what the resolver raises: OSError, UnicodeError."""
        try:
            return self._asked(host, port).result(seconds)
        except TimeoutError:
            raise LookupFailed(f"Nobody says in time where {host} is.") from None

    def _asked(self, host: str, port: int) -> Future[list[str]]:
        place = (host, port)
        with self._lock:
            if place not in self._under_way:
                if len(self._under_way) >= self._most:
                    raise LookupFailed(f"Too many names are looked up at once to ask for {host}.")
                self._under_way[place] = Future()
                self._waiting.put(place)
                if self._idle:
                    self._idle -= 1  # one that has finished sees to it
                else:
                    Thread(target=self._look_up_all, daemon=True).start()
            return self._under_way[place]

    def _look_up_all(self) -> None:
        while True:
            self._look_up(self._waiting.get())

    def _look_up(self, place: tuple[str, int]) -> None:
        try:
            found = socket.getaddrinfo(*place, type=socket.SOCK_STREAM)
        except BaseException as error:  # noqa: BLE001 -- whoever waits for the answer raises it
            self._finished(place).set_exception(error)
        else:
            self._finished(place).set_result(list(dict.fromkeys(str(one[4][0]) for one in found)))

    def _finished(self, place: tuple[str, int]) -> Future[list[str]]:
        """Have the name looked up anew from here on: an answer is for those who waited for it."""
        with self._lock:
            self._idle += 1
            return self._under_way.pop(place)
