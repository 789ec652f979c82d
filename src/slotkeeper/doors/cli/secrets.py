"""`slotkeeper reseal-secrets`: after a new encryption key was put in front, so that the old one can go."""

import argparse

from django.db import transaction
from django.db.models import Model, QuerySet

from slotkeeper.billing.gateway_models import Prepayment
from slotkeeper.billing.models import BillingProfile
from slotkeeper.calendars.models import CalendarConnection
from slotkeeper.doors.cli.database import make_ready
from slotkeeper.outbound.secret_box import SealBroken, SecretBox, secret_box
from slotkeeper.webhooks.models import WebhookEndpoint

_SEALED: tuple[tuple[type[Model], str], ...] = (
    (CalendarConnection, "sealed_secret"),
    (WebhookEndpoint, "sealed_secret"),
    (WebhookEndpoint, "sealed_former_secret"),
    (BillingProfile, "stripe_sealed_key"),
    (BillingProfile, "stripe_sealed_signing_secret"),
    (Prepayment, "sealed_hold"),
)


def reseal_secrets(options: argparse.Namespace) -> int:
    """Seal every stored secret with the first key; exit with 1 where one opens with none of them."""
    del options
    make_ready()
    box, resealed, lost = secret_box(), 0, 0
    for model, name in _SEALED:
        for pk in list(QuerySet(model).exclude(**{name: ""}).values_list("pk", flat=True)):
            try:
                resealed += _reseal(box, model, name, pk)
            except SealBroken:
                lost += 1
    print(f"{resealed} secrets are sealed with the first key.")
    if lost:
        print(f"{lost} open with none of the keys: calendars have to be connected again, webhooks need a new secret, "
              "and Stripe's keys have to be pasted again.")  # fmt: skip
    return 1 if lost else 0


def _reseal(box: SecretBox, model: type[Model], name: str, pk: int) -> int:
    """Seal one secret anew, if it is still there. Raises SealBroken."""
    with transaction.atomic():  # a token that is refreshed meanwhile must not be undone
        row = QuerySet(model).select_for_update().filter(pk=pk).exclude(**{name: ""}).first()
        if row is None:
            return 0
        setattr(row, name, box.seal_again(getattr(row, name)))
        row.save(update_fields=[name])
    return 1
