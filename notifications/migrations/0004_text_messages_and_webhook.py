from django.db import migrations, models

CHANNELS = [
    ("in_app", "in this application"),
    ("email", "by e-mail"),
    ("sms", "by text message"),
    ("webhook", "by the trust's messaging"),
]


class Migration(migrations.Migration):
    dependencies = [("notifications", "0003_what_was_sent_and_what_failed")]

    operations = [
        migrations.AlterField(
            model_name="notification",
            name="channel",
            field=models.CharField(choices=CHANNELS, max_length=8),
        ),
        migrations.AlterField(
            model_name="route",
            name="channel",
            field=models.CharField(choices=CHANNELS, max_length=8),
        ),
        migrations.AddConstraint(
            model_name="route",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    models.Q(("channel", "sms"), _negated=True),
                    ("address__regex", "^\\+[1-9][0-9]{7,14}$"),
                    _connector="OR",
                ),
                name="sms_route_has_an_international_number",
                violation_error_message="Enter the number with its country code, like"
                " +447700900123, without spaces.",
            ),
        ),
        migrations.AddConstraint(
            model_name="route",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    models.Q(("channel", "webhook"), _negated=True),
                    models.Q(("address", ""), _negated=True),
                    _connector="OR",
                ),
                name="webhook_route_has_an_address",
            ),
        ),
    ]
