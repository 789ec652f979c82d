"""Twilio, for the contract of channels."""

import threading
from contextlib import contextmanager

from servers.twilio_fake import ACCOUNT, NUMBER, TOKEN, TwilioFake
from slotkeeper.outbox.channels.twilio import TwilioAccount, TwilioSms


class SmsWorld:
    address, other_address, bad_address = "+491711234567", "+491717654321", "+493012345678"
    hostile_addresses = (
        "", " ", "+", "+49", "0171 1234567", "491711234567", "+491711234567,+491717654321", "+491711234567\n",
        "+491711234567;+491717654321", "+491711234567 +491717654321", "+491711234567\r\nBcc: x", "+49171123456789012",
        "+0171123456", "+４９１７１１２３４５６７", "ann@customer.test", "whatsapp:+491711234567",
        "+491711234567&To=+1", "+491711234567\x00", "\ud800",
    )  # fmt: skip

    def __init__(self, stack):
        self.server = TwilioFake()
        threading.Thread(target=self.server.serve_forever, args=(0.02,), daemon=True).start()
        stack.callback(self._end)
        self.server.landlines.add(self.bad_address)
        account = TwilioAccount(ACCOUNT, TOKEN, NUMBER, self.server.url)
        self.channel = TwilioSms(account, ["127.0.0.1"], seconds=0.6)
        stack.callback(self.channel.close)

    def _end(self):
        self.gone()
        assert self.server.complaints == []

    def received(self):
        return [(message["to"], message["body"]) for message in self.server.messages]

    @property
    def requests(self):
        return self.server.asked

    @property
    def connections(self):
        return self.server.connections

    def gone(self):
        self.server.shutdown()
        self.server.server_close()
        self.server.close_idle()

    def hang_up(self):
        self.server.close_idle()

    @contextmanager
    def broken(self, fault):
        self.server.fault = {"locked_out": "suspended", "later": "error"}.get(fault, fault)
        yield
        self.server.fault = ""
