"""Rendering a form's fields."""

from django import template
from django.forms import BoundField
from django.utils.safestring import SafeString

register = template.Library()


@register.filter
def focused(field: BoundField) -> SafeString:
    """Render a field's control where the reader goes on."""
    return field.as_widget(attrs={"placeholder": False, "autofocus": True})


@register.filter
def control(field: BoundField) -> SafeString:
    """Render a field's control without a placeholder: the label says it, and stays while one types."""
    return field.as_widget(attrs={"placeholder": False})
