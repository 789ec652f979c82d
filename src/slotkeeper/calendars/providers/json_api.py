"""Asking the JSON APIs of Google and Microsoft in somebody's name, and telling their troubles apart."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TypeVar
from urllib.parse import urlencode

import msgspec

from slotkeeper.calendars.oauth import Access
from slotkeeper.calendars.providers.base import AccessLost, Refused, Unavailable
from slotkeeper.outbound.addresses import AddressRefused
from slotkeeper.outbound.client import Answer, Client, Limits, Request, TooLarge, Unreachable
from slotkeeper.outbound.foreign_json import NO_JSON
from slotkeeper.outbound.retry_after import seconds_to_wait

_LIMITS = Limits(seconds=20.0, bytes=20_000_000)
_LONGEST_MESSAGE = 200

Shape = TypeVar("Shape")


class Rejected(Refused):
    """The API says no, in its own form: with a status, a reason for programs and a message for people."""

    def __init__(self, status: int, reason: str, message: str) -> None:
        super().__init__(message)
        self.status, self.reason = status, reason


@dataclass(frozen=True, slots=True)
class Call:
    """One thing to ask; `path` is below the API's address."""

    method: str
    path: str
    query: Mapping[str, str] = field(default_factory=dict)
    body: Mapping[str, object] | None = None
    headers: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Manners:
    """What an API is called, and which of its reasons mean "not now" and which "not any more"."""

    name: str
    pausing: frozenset[str] = frozenset()
    locking_out: frozenset[str] = frozenset()


class _Reason(msgspec.Struct):
    reason: str = ""


class _Problem(msgspec.Struct):
    code: str | int = ""
    message: str = ""
    errors: list[_Reason] = []


class _Failure(msgspec.Struct):
    """An error of either API.

    https://developers.google.com/workspace/calendar/api/guides/errors and
    https://learn.microsoft.com/en-us/graph/errors.
    """

    error: _Problem


class JsonApi:
    """One API, reached with the access token of one account."""

    def __init__(self, manners: Manners, base_url: str, http: Client, access: Access) -> None:
        self.base_url = base_url
        self._manners, self._http, self._access = manners, http, access

    def send(self, call: Call) -> Answer:
        """Ask, and give an answer that says yes.

        Raises Rejected for a no that is about this request; else Unavailable, AccessLost and Refused.
        """
        answer = self._send(call, self._access.token())
        if answer.status == 401:  # revoked or expired before its time: a new one tells which
            answer = self._send(call, self._access.renewed())
        if not 200 <= answer.status < 300:
            self._complain(answer)
        return answer

    def ask(self, call: Call, shape: type[Shape]) -> Shape:
        """Ask, and read the answer. Raises as `send` does."""
        return self.read(self.send(call), shape)

    def read(self, answer: Answer, shape: type[Shape], *, is_strict: bool = True) -> Shape:
        """Read an answer; one that is cut, or a page of HTML from something in between, is Unavailable."""
        try:
            return msgspec.json.decode(answer.body, type=shape, strict=is_strict)
        except NO_JSON:
            raise self.nonsense() from None

    def nonsense(self) -> Unavailable:
        """Give the error for an answer that makes no sense."""
        return Unavailable(f"{self._manners.name} answers what it should not.")

    def _send(self, call: Call, token: str) -> Answer:
        name = self._manners.name
        query = f"?{urlencode(call.query)}" if call.query else ""
        body = None if call.body is None else msgspec.json.encode(call.body)
        content = {} if body is None else {"Content-Type": "application/json"}
        request = Request(
            method=call.method,
            url=f"{self.base_url}{call.path}{query}",
            headers={"Accept": "application/json", **content, **call.headers},
            body=body,
            authorization=f"Bearer {token}",
            limits=_LIMITS,
        )
        try:
            return self._http.send(request)
        except Unreachable as error:
            raise Unavailable(f"{name} cannot be asked now. {error}") from None
        except (AddressRefused, TooLarge) as error:
            raise Refused(f"{name} cannot be asked. {error}") from None

    def _complain(self, answer: Answer) -> None:
        """Raise what an answer other than a yes comes to."""
        name, status = self._manners.name, answer.status
        pause = seconds_to_wait(answer.headers)
        if status == 401:
            raise AccessLost(f"{name} no longer lets us in. Please connect again.")
        if status >= 500 or status in {408, 429}:
            raise Unavailable(f"{name} is busy or has a fault ({status}).", pause)
        # A no that is not written in the API's own form comes from something in between: it proves nothing, and
        # to believe it would be to take an event for deleted because a gateway lost its way.
        problem = self.read(answer, _Failure).error
        reason = problem.errors[0].reason if problem.errors else str(problem.code)
        if reason in self._manners.pausing:
            raise Unavailable(f"{name} wants us to slow down ({reason}).", pause)
        if reason in self._manners.locking_out:
            raise AccessLost(f"{name} no longer lets us see these calendars. Please connect again.")
        raise Rejected(status, reason, f"{name} refuses: {problem.message[:_LONGEST_MESSAGE] or reason}")
