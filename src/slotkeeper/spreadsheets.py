"""Tables as CSV: written line by line, and safe to open in a spreadsheet."""

import csv
from collections.abc import Iterable, Iterator, Sequence
from typing import Any

CSV_TYPE, JSON_LINES_TYPE = "text/csv", "application/jsonl"
# A cell that begins so is a formula to a spreadsheet (OWASP, CSV injection).
_FORMULA = ("=", "+", "-", "@", "\t", "\r", "\n", "＝", "＋", "－", "＠")


class _Echo:
    """What a CSV writer writes into, and gives back at once."""

    def write(self, text: str) -> str:
        return text


def csv_lines(columns: Sequence[str], rows: Iterable[Sequence[str]]) -> Iterator[str]:
    """Write rows of cells that are safe already, after a line with the columns' names."""
    writer: Any = csv.writer(_Echo(), lineterminator="\r\n")
    yield writer.writerow(columns)
    for row in rows:
        yield writer.writerow(row)


def safe(text: str) -> str:
    """Keep a text from being read as a formula."""
    return f"'{text}" if text.lstrip(" ").startswith(_FORMULA) else text
