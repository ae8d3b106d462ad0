from django.db import migrations, models


class Migration(migrations.Migration):

    dependencies = [
        ('findings', '0003_no_early_step'),
    ]

    operations = [
        migrations.AddField(
            model_name='sender',
            name='number_authority',
            field=models.CharField(blank=True, max_length=60),
        ),
    ]
