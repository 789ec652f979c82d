from django.db import migrations, models


class Migration(migrations.Migration):

    dependencies = [
        ('billing', '0005_prepaid_holds'),
    ]

    operations = [
        migrations.AddField(
            model_name='paper',
            name='sha256',
            field=models.CharField(db_default='', default='', max_length=64),
        ),
    ]
