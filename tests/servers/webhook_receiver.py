"""A program that receives webhooks: it answers what the test says, and checks signatures as any receiver would."""

import threading

from standardwebhooks import Webhook

from servers.fake_http import FakeServer, Told


class WebhookReceiver(FakeServer):
    """Answers `answers` one after the other, then 204; while `is_free` is not set it does not answer at all."""

    def __init__(self):
        super().__init__()
        self.answers = []
        self.answered = 0
        self.most_at_once = 0  # how many requests were ever under way together
        self.is_free = threading.Event()
        self.is_free.set()

    @property
    def hook(self):
        return f"{self.url}/hook"

    def tell(self, asked):
        self.most_at_once = max(self.most_at_once, len(self.asked) - self.answered)
        self.is_free.wait(30)
        self.answered += 1
        return self.answers.pop(0) if self.answers else Told(204)

    def verified(self, secret):
        """Give what was received, each proven by its signature. Raises WebhookVerificationError."""
        return [Webhook(secret).verify(asked.body, dict(asked.headers)) for asked in self.asked]

    def ids(self):
        return [asked.headers["webhook-id"] for asked in self.asked]
