"""A message as it is read: a subject, a text and the same as HTML."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Letter:
    """What a message says. An SMS is only `text`."""

    subject: str
    text: str
    html: str = ""
