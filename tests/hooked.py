"""A business with a webhook endpoint, a real receiver behind it, and the worker's steps by hand."""

import dataclasses
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from servers.fake_http import running
from servers.webhook_receiver import WebhookReceiver
from slotkeeper.appointments import actions
from slotkeeper.appointments.insert import Booking
from slotkeeper.appointments.rows import AppointmentRow
from slotkeeper.changes.record import COMMAND
from slotkeeper.people.models import Membership
from slotkeeper.webhooks.addresses import CheckedUrl
from slotkeeper.webhooks.claims import due_endpoints
from slotkeeper.webhooks.endpoints import EndpointFields, create_endpoint
from slotkeeper.webhooks.models import WebhookDelivery, WebhookEndpoint
from slotkeeper.webhooks.sending import work_on
from slotkeeper.worker import wake_up
from slotkeeper.worker.jobs import handle_changes

NOW = int(datetime.now(UTC).timestamp()) // 3600 * 3600
HOUR = 3600


@dataclass
class Hooked:
    """A member, their business's endpoint and its receiver."""

    member: Membership
    receiver: WebhookReceiver
    endpoint: WebhookEndpoint
    secret: str

    def book(self, hours: int = 48, **fields: Any) -> AppointmentRow:
        start = NOW + hours * HOUR
        wish = {"title": "Consultation"} | fields
        booking = Booking(self.member.business_id, self.member.user_id, start_time=start, end_time=start + HOUR, **wish)
        return actions.book(booking, COMMAND, NOW)

    def plan(self) -> None:
        """Write what follows from changes, and send nothing yet."""
        wake_up._seen.clear()
        handle_changes()

    def work(self) -> None:
        """Do what the worker does, once."""
        self.plan()
        for endpoint_id in due_endpoints(datetime.now(UTC)):
            work_on(endpoint_id)

    def work_later(self) -> None:
        """The same, once every pause and every lease is over."""
        past = datetime.now(UTC) - timedelta(seconds=1)
        WebhookEndpoint.objects.update(paused_until=None)
        WebhookDelivery.objects.filter(claimed_until__isnull=False).update(claimed_until=past)
        WebhookDelivery.objects.filter(next_try_at__isnull=False).update(next_try_at=past)
        self.work()

    def delivery(self) -> WebhookDelivery:
        return WebhookDelivery.objects.get(endpoint=self.endpoint)

    def heard(self) -> list[Any]:
        return self.receiver.verified(self.secret)

    def refreshed(self) -> WebhookEndpoint:
        self.endpoint.refresh_from_db()
        return self.endpoint


def allow_this_machine(settings: Any) -> None:
    """Name this machine among the hosts in one's own network that may be asked."""
    settings.CONFIGURATION = dataclasses.replace(settings.CONFIGURATION, private_hosts=("127.0.0.1",))


@contextmanager
def hook(member: Membership, **fields: Any) -> Iterator[Hooked]:
    """Run a receiver, and store it as an endpoint of the member's business."""
    with running(WebhookReceiver()) as receiver:
        wish = EndpointFields(url=CheckedUrl(receiver.hook), **fields)
        endpoint, secret = create_endpoint(member.business_id, wish, COMMAND)
        # It was there before NOW, and before the transaction of the test began.
        WebhookEndpoint.objects.filter(pk=endpoint.pk).update(created_at=endpoint.created_at - timedelta(days=1))
        endpoint.refresh_from_db()
        yield Hooked(member, receiver, endpoint, secret)
