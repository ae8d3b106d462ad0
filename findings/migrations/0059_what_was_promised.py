from django.db import migrations, models


class Migration(migrations.Migration):

    dependencies = [
        ('findings', '0058_reports_by_time'),
    ]

    operations = [
        migrations.AddField(
            model_name='finding',
            name='plan_by',
            field=models.DateField(blank=True, null=True),
        ),
        migrations.AddField(
            model_name='finding',
            name='patient_told_who',
            field=models.CharField(blank=True, db_default='', max_length=120),
        ),
        migrations.AddConstraint(
            model_name='finding',
            constraint=models.CheckConstraint(condition=models.Q(('plan_by__isnull', True), models.Q(('plan', ''), _negated=True), _connector='OR'), name='planned_day_has_a_plan'),
        ),
        migrations.AddConstraint(
            model_name='finding',
            constraint=models.CheckConstraint(condition=models.Q(('patient_told_who', ''), ('patient_told_at__isnull', False), _connector='OR'), name='who_told_the_patient_told_them'),
        ),
    ]
