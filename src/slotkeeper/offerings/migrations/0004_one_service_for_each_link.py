from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("offerings", "0003_name_services_in_links")]
    operations = [
        migrations.AddConstraint(
            model_name="service",
            constraint=models.UniqueConstraint(fields=("business", "slug"), name="services_one_slug"),
        ),
    ]
