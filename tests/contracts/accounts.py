"""Accounts at fakes, and the settings under which they are reached."""

import json
import time
from contextlib import contextmanager
from dataclasses import replace

from django.conf import settings
from django.test import override_settings

from slotkeeper.calendars.providers.base import Account
from slotkeeper.outbound.client import Client


@contextmanager
def settings_with(**changes):
    """Run with some settings of the installation changed; fakes stand on this machine."""
    changed = replace(settings.CONFIGURATION, private_hosts=("127.0.0.1",), **changes)
    with override_settings(CONFIGURATION=changed):
        yield


class KeptAccount:
    """An account whose secret is kept as the database keeps it: `kept` lists every secret that was stored."""

    def __init__(self, http, secret):
        self.http, self.kept = http, [secret]

    def again(self, **changes):
        """Give the account as it is opened next time: with the secret that was stored last."""
        secret = json.loads(self.kept[-1]) | changes
        return Account(self.http, "", "", json.dumps(secret), self.kept.append)


def account_of(stack, oauth, expires_in):
    """Let somebody into their account at a fake."""
    access, refresh = oauth.grant()
    tokens = {"access_token": access, "refresh_token": refresh, "expires_at": int(time.time()) + expires_in}
    return KeptAccount(stack.enter_context(Client(["127.0.0.1"])), json.dumps(tokens))
