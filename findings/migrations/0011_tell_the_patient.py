from django.db import migrations, models

from findings.migrations._functions import CHECK_CLOCK, CHECK_CLOCK_OF_STATE


class Migration(migrations.Migration):

    dependencies = [
        ('findings', '0010_posts_and_rotas'),
    ]

    operations = [
        migrations.RunSQL(CHECK_CLOCK_OF_STATE, CHECK_CLOCK.replace("CREATE", "CREATE OR REPLACE")),
        migrations.RemoveConstraint(
            model_name='clock',
            name='clock_kind_is_known',
        ),
        migrations.AddField(
            model_name='category',
            name='patient_policy_id',
            field=models.CharField(blank=True, max_length=30),
        ),
        migrations.AlterField(
            model_name='event',
            name='kind',
            field=models.CharField(choices=[('flagged', 'Finding flagged'), ('clock_started', 'Clock started'), ('clock_stopped', 'Clock stopped'), ('step_fired', 'Escalation step fired'), ('step_unreachable', 'Nobody could be reached'), ('step_brought_forward', 'Next step brought forward'), ('sent', 'Message sent'), ('send_failed', 'Message not delivered'), ('read', 'Read'), ('acknowledged', 'Acknowledged'), ('declined', 'Declined'), ('handed_over', 'Handed over'), ('offered', 'Offered to somebody else'), ('offer_ended', 'Offer ended'), ('acted', 'Action recorded'), ('patient_told', 'Patient told'), ('letter_sent', 'Letter sent to the patient'), ('closed', 'Closed'), ('withdrawn', 'Withdrawn'), ('reopened', 'Re-opened'), ('note', 'Note')], max_length=24),
        ),
        migrations.AlterField(
            model_name='rung',
            name='clock',
            field=models.CharField(choices=[('acknowledge', 'acknowledge'), ('act', 'act'), ('follow_up', 'follow_up'), ('tell_patient', 'tell_patient')], max_length=12),
        ),
        migrations.AddConstraint(
            model_name='clock',
            constraint=models.CheckConstraint(condition=models.Q(('kind__in', ['acknowledge', 'act', 'follow_up', 'tell_patient'])), name='clock_kind_is_known'),
        ),
    ]
