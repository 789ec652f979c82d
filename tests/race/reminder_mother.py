"""The mother of the workers: she has imported everything, and forks a worker for each number that she reads."""

import os
import signal
import sys
import time

import django

django.setup()

# ruff: noqa: E402 -- models want a Django that is set up
from django.db import connection
from django.urls import reverse

from race.reminder_workers import Board
from slotkeeper.outbox.channels.opened import open_channel
from slotkeeper.outbox.kinds import REMINDERS
from slotkeeper.outbox.ledger import free_claims_of_the_dead
from slotkeeper.outbox.sending import Sender
from slotkeeper.reminders.planning import plan_reminders
from slotkeeper.worker.message_pool import CORRESPONDENTS


def work(board, number):
    """Go through every step once, as the worker does every half minute."""
    sender = Sender(CORRESPONDENTS, open_channel)
    while True:
        step = board.step
        if board.done(number) >= step:
            time.sleep(0.0005)
            continue
        free_claims_of_the_dead(board.now)
        plan_reminders(board.now)
        sender.run(lambda: board.now, REMINDERS, 10_000)
        board.set_done(number, step)


def main():
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)  # who was killed is gone at once, as under a supervisor
    reverse("booking", args=["x"])  # loads the doors before the forks, once for all
    board = Board(sys.argv[1])
    for line in sys.stdin:
        connection.close()
        child = os.fork()
        if not child:
            signal.signal(signal.SIGCHLD, signal.SIG_DFL)
            try:
                work(board, int(line))
            finally:
                os._exit(1)
        sys.stdout.write(f"{child}\n")
        sys.stdout.flush()


if __name__ == "__main__":
    main()
