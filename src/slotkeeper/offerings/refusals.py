"""Why a verb of this folder refuses."""

from collections.abc import Mapping


class NotInBusiness(Exception):
    """There is no such thing in this business."""


class StillInUse(Exception):
    """It is booked for a time that is still to come. Move or cancel those appointments first."""


class StillNeeded(Exception):
    """A service needs it. Change that service first."""


class InvalidFields(Exception):
    """Some fields cannot be so; `reasons` says why, by field, in sentences for people."""

    def __init__(self, reasons: Mapping[str, str]) -> None:
        super().__init__(" ".join(f"{field}: {reason}" for field, reason in reasons.items()))
        self.reasons = dict(reasons)
