"""Decide when a webhook that did not arrive is sent again, and when nobody should wait for it any longer.

A receiver that restarts is back within seconds, one whose operator sleeps by the morning: so the pauses grow. The
Standard Webhooks specification advises a schedule of this kind (under "Deliverability and reliability").
"""

PAUSES_SECONDS = (5.0, 30.0, 120.0, 600.0, 1_800.0, 3_600.0, 7_200.0, 14_400.0)
GIVE_UP_AFTER_SECONDS = 24 * 3_600.0
SWITCH_OFF_AFTER_SECONDS = 3 * 24 * 3_600.0
_SHORTEST_PAUSE_SECONDS = 1.0


def next_try(now: float, attempts: int, give_up_at: float, retry_after: float | None, chance: float) -> float | None:
    """Say when to try again after so many attempts, the last of them now; None: not any more.

    The last try comes when it is given up. What the receiver asks for (Retry-After) wins; if that is later, there is
    no further try. `chance` lies in [0, 1): deliveries that failed together shall not come back together.
    """
    if now >= give_up_at:
        return None
    if retry_after is not None:
        at = now + max(retry_after, _SHORTEST_PAUSE_SECONDS)
        return at if at <= give_up_at else None
    pause = PAUSES_SECONDS[min(attempts, len(PAUSES_SECONDS)) - 1]
    return min(now + pause * (0.8 + 0.4 * chance), give_up_at)


def has_failed_too_long(now: float, failing_since: float) -> bool:
    """Say whether an endpoint that never took anything since then should be switched off."""
    return now - failing_since >= SWITCH_OFF_AFTER_SECONDS
