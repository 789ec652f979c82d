"""`slotkeeper reseal-secrets`: after a new encryption key was put in front, so that the old one can go."""

import argparse

from django.db import transaction

from slotkeeper.calendars.accounts import secret_box
from slotkeeper.calendars.models import CalendarConnection
from slotkeeper.doors.cli.database import make_ready
from slotkeeper.outbound.secret_box import SealBroken


def reseal_secrets(options: argparse.Namespace) -> int:
    """Seal every stored secret with the first key; exit with 1 where one opens with none of them."""
    del options
    make_ready()
    box, resealed, lost = secret_box(), 0, 0
    for pk in list(CalendarConnection.objects.exclude(sealed_secret="").values_list("pk", flat=True)):
        with transaction.atomic():  # a token that is refreshed meanwhile must not be undone
            connection = CalendarConnection.objects.select_for_update().filter(pk=pk).first()
            if connection is None:
                continue
            try:
                connection.sealed_secret = box.seal_again(connection.sealed_secret)
            except SealBroken:
                lost += 1
                continue
            connection.save(update_fields=["sealed_secret"])
            resealed += 1
    print(f"{resealed} secrets are sealed with the first key.")
    if lost:
        print(f"{lost} open with none of the keys: their owners have to connect again.")
    return 1 if lost else 0
