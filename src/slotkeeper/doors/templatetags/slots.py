"""Addresses of free times."""

from django import template

from slotkeeper.doors.public.visits import write_start

register = template.Library()
register.filter("at", write_start)


@register.filter
def glue(address: str) -> str:
    """Say with what a further parameter is joined to an address."""
    return "&" if "?" in address else "?"
