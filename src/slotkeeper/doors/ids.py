"""Ids as every door reads them: out of addresses, queries and forms, where anything may stand."""

LARGEST_ID = 2**63 - 1
_MOST_DIGITS = len(str(LARGEST_ID))


def number_from(text: str | None, most: int = LARGEST_ID) -> int | None:
    """Read a positive number, such as an id; None where there is none."""
    if text and text.isascii() and text.isdigit() and len(text) <= _MOST_DIGITS and 0 < int(text) <= most:
        return int(text)
    return None


def is_id(text: str) -> bool:
    """Say whether a text could be the id of a row."""
    return number_from(text) is not None


def known_id(value: int) -> int:
    """Turn an id that no row can have into one that no row has, so that it is simply not found."""
    return value if 0 < value <= LARGEST_ID else 0
