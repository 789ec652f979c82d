"""Resolving the names of hosts in a bounded time: the system's resolver knows no deadline and cannot be called off."""

import socket
from concurrent.futures import Future
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
        self._lock = Lock()
        self._under_way: dict[tuple[str, int], Future[list[str]]] = {}

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
                answer = Future[list[str]]()
                Thread(target=self._look_up, args=(place, answer), daemon=True).start()
                self._under_way[place] = answer
            return self._under_way[place]

    def _look_up(self, place: tuple[str, int], answer: Future[list[str]]) -> None:
        try:
            found = socket.getaddrinfo(*place, type=socket.SOCK_STREAM)
        except BaseException as error:  # noqa: BLE001 -- whoever waits for the answer raises it
            self._forget(place)
            answer.set_exception(error)
        else:
            self._forget(place)
            answer.set_result(list(dict.fromkeys(str(one[4][0]) for one in found)))

    def _forget(self, place: tuple[str, int]) -> None:
        """Have the name looked up anew from here on: an answer is for those who waited for it."""
        with self._lock:
            del self._under_way[place]
