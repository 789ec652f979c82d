"""Refusing the second of two changes that were made from the same version."""

from typing import Any


class StaleVersion(Exception):
    """It was changed in the meantime; `current` is the row as it is now."""

    def __init__(self, current: Any) -> None:
        super().__init__(current)
        self.current = current
