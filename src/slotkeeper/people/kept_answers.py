"""Answers that are kept for repeated requests, when what they tell shall be forgotten."""

import re

from slotkeeper.people.models import IdempotentAnswer


def forget_answers_naming(contact_id: int) -> None:
    """Delete the kept answers that tell of a customer: repeated, they would bring back who was erased."""
    named, place = re.compile(rb'"contact_id":\s*%d\b' % contact_id), f"/api/contacts/{contact_id}"
    kept = IdempotentAnswer.objects.exclude(body=None).values_list("pk", "headers", "body")
    found = [
        pk
        for pk, headers, body in kept.iterator()
        if headers.get("Location") == place or named.search(bytes(body or b""))
    ]
    IdempotentAnswer.objects.filter(pk__in=found).delete()
