"""Working through many things a few at a time."""

from collections.abc import Iterable, Iterator
from itertools import islice
from typing import TypeVar

T = TypeVar("T")


def batched(things: Iterable[T], size: int) -> Iterator[list[T]]:
    """Give things in lists of at most so many, reading no further than the list at hand; as Python 3.12 does."""
    rest = iter(things)
    while batch := list(islice(rest, size)):
        yield batch
