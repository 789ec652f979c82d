"""A mail server, for the contract of channels."""

from contextlib import contextmanager

from servers.mail_server import MailServer
from slotkeeper.outbox.channels.smtp import SmtpChannel


class MailWorld:
    address, other_address, bad_address = "ann@customer.test", "bob@customer.test", "nobody@customer.test"
    hostile_addresses = (
        "", " ", "ann", "ann@", "@customer.test", "ann@customer.test,bob@customer.test",
        "ann@customer.test; bob@customer.test", "ann@customer.test bob@customer.test", "ann@customer.test\n",
        "ann@customer.test\r\nRCPT TO:<bob@customer.test>", "Ann <ann@customer.test>", "<ann@customer.test>",
        "ann@customer.test>,<bob@customer.test", "@relay.test:ann@customer.test", "@a.test,@b.test:ann@customer.test",
        '"bob@customer.test, ann"@customer.test', '"ann bob"@customer.test', "ann(bob)@customer.test",
        "ann@@customer.test", "a@b@customer.test", "ann@customer..test", "ann@-customer.test", "ann@customer.test.",
        "ann@[127.0.0.1]", "ann@127.0.0.1", "ann@" + "x" * 64 + ".test", "x" * 65 + "@customer.test",
        "ann@" + "x." * 130 + "test", "ann\x00@customer.test", "ann\u2028@customer.test", "ann@customer\u200b.test",
        "ann@ex\u2100mple.test", "\ud800@customer.test", "ann@xn--a.test\u00a0",
    )  # fmt: skip

    def __init__(self, stack):
        self.server = MailServer()
        self.server.start()
        stack.callback(lambda: self.server.thread.is_alive() and self.server.stop())
        self.server.faults[self.bad_address] = "550 5.1.1 No such user"
        self.channel = SmtpChannel(self.server.setting, "Slotkeeper <booking@practice.test>", step_seconds=0.6)
        stack.callback(self.channel.close)

    def received(self):
        """Give recipient and text of what was accepted, in order."""
        return [(address, text_of(mail)) for mail in self.server.mails for address in mail.recipients]

    @property
    def requests(self):
        return self.server.commands

    @property
    def connections(self):
        return self.server.connections

    def gone(self):
        """Switch the server off for good."""
        self.server.stop()

    def hang_up(self):
        """Close idle connections, and say so, as servers do."""
        self.server.hang_up("421 4.4.2 Idle for too long")

    @contextmanager
    def broken(self, fault):
        faults = {
            "busy": {"MAIL": "421 4.7.0 Too busy"},
            "locked_out": {"MAIL": "530 5.7.0 Authentication required"},
            "later": {"RCPT": "451 4.7.1 Greylisted, try again"},
            "lost_answer": {"content": "drop"},
            "slow": {"content": "slow"},
        }[fault]
        self.server.faults.update(faults)
        yield
        for step in faults:
            del self.server.faults[step]


def text_of(mail):
    return mail.email.get_body().get_content().replace("\r\n", "\n").strip()
