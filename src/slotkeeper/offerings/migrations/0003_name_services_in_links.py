"""Give services that were made before links existed a name to stand in one."""

from typing import Any

from django.db import migrations
from django.utils.text import slugify


def name_services(apps: Any, schema_editor: Any) -> None:
    del schema_editor
    Service = apps.get_model("offerings", "Service")
    taken = set()
    for service in Service.objects.order_by("pk"):
        wanted = slugify(service.name)[:50] or "service"
        slug, number = wanted, 1
        while (service.business_id, slug) in taken:
            number += 1
            slug = f"{wanted}-{number}"
        taken.add((service.business_id, slug))
        Service.objects.filter(pk=service.pk).update(slug=slug)


class Migration(migrations.Migration):
    dependencies = [("offerings", "0002_opening_hours")]
    operations = [migrations.RunPython(name_services, migrations.RunPython.noop)]
