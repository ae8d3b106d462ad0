import django.db.models.deletion
from django.conf import settings
from django.db import migrations, models


class Migration(migrations.Migration):
    """Who loaded a file of deciles, and with which secret its postcodes were marked. Of files that
    were loaded before neither is known: the page asks for them once more."""

    dependencies = [("findings", "0080_how_many_lines")]

    operations = [
        migrations.AddField(
            model_name="deprivationindex",
            name="loaded_by",
            field=models.ForeignKey(
                null=True,
                on_delete=django.db.models.deletion.PROTECT,
                related_name="+",
                to=settings.AUTH_USER_MODEL,
            ),
        ),
        migrations.AddField(
            model_name="deprivationindex",
            name="marked_with",
            field=models.CharField(default="", max_length=32),
            preserve_default=False,
        ),
    ]
