"""Say of the events that stand in calendars already when their appointments want them there."""

from typing import Any

from django.db import migrations
from django.db.models import OuterRef, Subquery

_OPEN = ("scheduled", "confirmed")


def note_wishes(apps: Any, _schema_editor: Any) -> None:
    """Write the times of appointments that may still move into their links."""
    links = apps.get_model("calendars", "CalendarEventLink").objects.exclude(state="gone")
    wanting = apps.get_model("appointments", "Appointment").objects.filter(
        pk=OuterRef("internal_entity_id"), status__in=_OPEN, sync_to_calendar=True
    )
    links.filter(internal_entity_type="appointment").update(
        wanted_start=Subquery(wanting.values("start_time")), wanted_end=Subquery(wanting.values("end_time"))
    )


class Migration(migrations.Migration):

    dependencies = [
        ('appointments', '0004_turns_and_room_holds'),
        ('calendars', '0004_wishes_and_zones'),
    ]

    operations = [migrations.RunPython(note_wishes, migrations.RunPython.noop)]
