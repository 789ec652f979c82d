"""Asking a calendar server through the guarded client, with its failures told as a provider's."""

from slotkeeper.calendars.providers.base import AccessLost, Refused, Unavailable
from slotkeeper.outbound.addresses import AddressRefused
from slotkeeper.outbound.client import Answer, Client, Request, TooLarge, Unreachable
from slotkeeper.outbound.retry_after import seconds_to_wait


def fetch(http: Client, request: Request) -> Answer:
    """Ask, and give whatever answer came."""
    try:
        return http.send(request)
    except Unreachable as error:
        raise Unavailable(str(error)) from None
    except (AddressRefused, TooLarge) as error:
        raise Refused(str(error)) from None


def check(answer: Answer) -> None:
    """Let pass what is a success or a refusal of this one request (2xx, 4xx, 304)."""
    status = answer.status
    if status == 401:
        raise AccessLost("The calendar server does not accept the name and password.")
    if status == 429:
        raise Unavailable("The calendar server has too much to do (429).", seconds_to_wait(answer.headers))
    if status >= 500:
        raise Unavailable(f"The calendar server has a fault ({status}).", seconds_to_wait(answer.headers))
    if status < 400 and status // 100 != 2 and status != 304:
        raise Unavailable(f"The calendar server answers what it should not ({status}).")


def is_page(answer: Answer) -> bool:
    """Say whether a web page came where none belongs, such as the sign-in page of a hotel's network."""
    kind = answer.headers.get("content-type", "").partition(";")[0].strip().lower()
    start = answer.body[:200].lstrip(b"\xef\xbb\xbf \t\r\n").lower()
    return start.startswith((b"<!doctype html", b"<html")) or (kind == "text/html" and start.startswith(b"<"))
