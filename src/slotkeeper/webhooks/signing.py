"""Signing what leaves, by the Standard Webhooks scheme (https://www.standardwebhooks.com)."""

import base64
import secrets
from datetime import datetime

from standardwebhooks import Webhook

from slotkeeper.outbound.secret_box import secret_box
from slotkeeper.webhooks.models import WebhookDelivery, WebhookEndpoint


def new_secret() -> str:
    """Make a signing secret: 256 random bits, in the scheme's own form."""
    return f"whsec_{base64.b64encode(secrets.token_bytes(32)).decode()}"


def headers_of(delivery: WebhookDelivery, now: datetime) -> dict[str, str]:
    """Give the headers by which the receiver knows the delivery and proves that it is ours. Raises SealBroken."""
    signatures = [
        Webhook(secret).sign(delivery.message_id, now, delivery.body) for secret in _secrets(delivery.endpoint, now)
    ]
    return {
        "Content-Type": "application/json",
        "webhook-id": delivery.message_id,
        "webhook-timestamp": str(int(now.timestamp())),
        "webhook-signature": " ".join(signatures),
    }


def _secrets(endpoint: WebhookEndpoint, now: datetime) -> list[str]:
    """Open the secrets that sign: the one of now, and for a while after a rotation the one before."""
    box = secret_box()
    opened = [box.open(endpoint.sealed_secret)]
    if endpoint.sealed_former_secret and endpoint.former_until is not None and endpoint.former_until > now:
        opened.append(box.open(endpoint.sealed_former_secret))
    return opened
