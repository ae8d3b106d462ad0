"""Everything up to 0017 in one step, for a database that is new; see the one of findings."""

import django.db.models.deletion
import django.db.models.functions.datetime
import pgtrigger.compiler
import pgtrigger.migrations
import uuid
from django.conf import settings
from django.db import migrations, models

from findings.migrations._together import Together


class Migration(migrations.Migration):

    replaces = [
        ('notifications', '0001_initial'),
        ('notifications', '0002_unknown_outcome'),
        ('notifications', '0003_what_was_sent_and_what_failed'),
        ('notifications', '0004_text_messages_and_webhook'),
        ('notifications', '0005_routes_are_verified'),
        ('notifications', '0006_receipts_come_back'),
        ('notifications', '0007_saved_up_over_night'),
        ('notifications', '0008_no_index_twice'),
        ('notifications', '0009_unknown_is_not_promised'),
        ('notifications', '0010_addresses_vouched_for'),
        ('notifications', '0011_about_an_examination'),
        ('notifications', '0012_an_address_gives_way'),
        ('notifications', '0013_messages_of_waits'),
        ('notifications', '0014_messages_of_waits_by_their_step'),
        ('notifications', '0015_counts_of_answers'),
        ('notifications', '0016_own_words_of_a_trust'),
        ('notifications', '0017_improvements_and_meetings'),
    ]

    initial = True

    dependencies = [
        ('findings', '0001_squashed_0076_measured_days'),
        migrations.swappable_dependency(settings.AUTH_USER_MODEL),
    ]

    operations = [
        Together([
            migrations.CreateModel(
                name='DeliveryAttempt',
                fields=[
                    ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                    ('number', models.PositiveSmallIntegerField()),
                    ('started_at', models.DateTimeField(db_default=django.db.models.functions.datetime.Now())),
                    ('subject', models.CharField(max_length=200)),
                    ('body', models.TextField()),
                    ('notification', models.ForeignKey(db_index=False, on_delete=django.db.models.deletion.PROTECT, related_name='attempts', to='notifications.notification')),
                    ('carried_by', models.ForeignKey(blank=True, null=True, on_delete=django.db.models.deletion.PROTECT, related_name='carries', to='notifications.deliveryattempt')),
                ],
                options={
                    'ordering': ['notification', 'number'],
                    'constraints': [models.UniqueConstraint(fields=('notification', 'number'), name='attempt_number_is_used_once')],
                },
            ),
            migrations.CreateModel(
                name='Pulse',
                fields=[
                    ('name', models.CharField(max_length=20, primary_key=True, serialize=False)),
                    ('at', models.DateTimeField(db_default=django.db.models.functions.datetime.Now())),
                ],
            ),
            migrations.CreateModel(
                name='DeliveryResult',
                fields=[
                    ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                    ('outcome', models.CharField(choices=[('accepted', 'Accepted for delivery'), ('transient', 'Not now; tried again later'), ('permanent', 'Refused for good'), ('unknown', 'It may have arrived'), ('lease_lost', 'Finished after its turn')], max_length=10)),
                    ('detail', models.CharField(blank=True, max_length=300)),
                    ('at', models.DateTimeField(db_default=django.db.models.functions.datetime.Now())),
                    ('attempt', models.OneToOneField(on_delete=django.db.models.deletion.PROTECT, related_name='result', to='notifications.deliveryattempt')),
                ],
            ),
            migrations.CreateModel(
                name='Notification',
                fields=[
                    ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                    ('public_id', models.UUIDField(default=uuid.uuid4, editable=False, unique=True)),
                    ('channel', models.CharField(choices=[('in_app', 'in this application'), ('email', 'by e-mail'), ('sms', 'by text message'), ('webhook', "by the trust's messaging")], max_length=8)),
                    ('priority', models.PositiveSmallIntegerField()),
                    ('status', models.CharField(choices=[('queued', 'Waiting to be sent'), ('sending', 'Being sent'), ('sent', 'Sent'), ('failed', 'Not delivered'), ('not_needed', 'No longer needed')], default='queued', max_length=10)),
                    ('created_at', models.DateTimeField(db_default=django.db.models.functions.datetime.Now())),
                    ('next_attempt_at', models.DateTimeField(db_default=django.db.models.functions.datetime.Now())),
                    ('lease_token', models.UUIDField(blank=True, null=True)),
                    ('lease_until', models.DateTimeField(blank=True, null=True)),
                    ('sent_at', models.DateTimeField(blank=True, null=True)),
                    ('seen_at', models.DateTimeField(blank=True, null=True)),
                    ('finding', models.ForeignKey(blank=True, null=True, on_delete=django.db.models.deletion.PROTECT, related_name='%(class)ss', to='findings.finding')),
                    ('recipient', models.ForeignKey(db_index=False, on_delete=django.db.models.deletion.PROTECT, related_name='notifications', to=settings.AUTH_USER_MODEL)),
                    ('step', models.ForeignKey(db_index=False, on_delete=django.db.models.deletion.PROTECT, related_name='notifications', to='findings.step')),
                    ('route', models.ForeignKey(db_index=False, on_delete=django.db.models.deletion.PROTECT, related_name='notifications', to='notifications.route')),
                    ('held_until', models.DateTimeField(blank=True, null=True)),
                    ('examination', models.ForeignKey(blank=True, db_index=False, null=True, on_delete=django.db.models.deletion.PROTECT, related_name='%(class)ss', to='findings.examination')),
                    ('improvement', models.ForeignKey(blank=True, db_index=False, null=True, on_delete=django.db.models.deletion.PROTECT, related_name='%(class)ss', to='findings.improvement')),
                ],
                options={
                    'ordering': ['-created_at', '-pk'],
                    'indexes': [models.Index(condition=models.Q(('status__in', ['queued', 'sending'])), fields=['priority', 'next_attempt_at'], name='notifications_to_send'), models.Index(fields=['recipient', '-created_at'], name='notificatio_recipie_a972ce_idx'), models.Index(condition=models.Q(('sent_at__isnull', False)), fields=['sent_at'], name='notifications_sent'), models.Index(condition=models.Q(('status', 'failed')), fields=['channel'], name='notifications_failed'), models.Index(condition=models.Q(('examination__isnull', False), ('status__in', ['queued', 'sending'])), fields=['priority', 'next_attempt_at'], name='messages_of_waits_to_send'), models.Index(condition=models.Q(('improvement__isnull', False), ('status__in', ['queued', 'sending'])), fields=['priority', 'next_attempt_at'], name='messages_of_improvements')],
                    'constraints': [models.UniqueConstraint(fields=('step', 'recipient', 'route'), name='one_notification_a_step_and_route'), models.CheckConstraint(condition=models.Q(('status__in', ['queued', 'sending', 'sent', 'failed', 'not_needed'])), name='notification_status_is_known'), models.CheckConstraint(condition=models.Q(models.Q(('lease_token__isnull', False), ('lease_until__isnull', False), ('status', 'sending')), models.Q(models.Q(('status', 'sending'), _negated=True), ('lease_token__isnull', True), ('lease_until__isnull', True)), _connector='OR'), name='sending_has_a_lease'), models.CheckConstraint(condition=models.Q(models.Q(('sent_at__isnull', False), ('status', 'sent')), models.Q(models.Q(('status', 'sent'), _negated=True), ('sent_at__isnull', True)), _connector='OR'), name='sent_says_when'), models.CheckConstraint(condition=models.Q(models.Q(('examination__isnull', True), ('finding__isnull', False), ('improvement__isnull', True)), models.Q(('examination__isnull', False), ('finding__isnull', True), ('improvement__isnull', True)), models.Q(('examination__isnull', True), ('finding__isnull', True), ('improvement__isnull', False)), _connector='OR'), name='notification_is_of_one_thing')],
                },
            ),
            migrations.CreateModel(
                name='Route',
                fields=[
                    ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                    ('channel', models.CharField(choices=[('in_app', 'in this application'), ('email', 'by e-mail'), ('sms', 'by text message'), ('webhook', "by the trust's messaging")], max_length=8)),
                    ('address', models.CharField(blank=True, max_length=254)),
                    ('position', models.PositiveSmallIntegerField(default=1)),
                    ('verified_at', models.DateTimeField(blank=True, null=True)),
                    ('failed_at', models.DateTimeField(blank=True, null=True)),
                    ('failed_because', models.CharField(blank=True, max_length=200)),
                    ('person', models.ForeignKey(db_index=False, on_delete=django.db.models.deletion.PROTECT, related_name='routes', to=settings.AUTH_USER_MODEL)),
                    ('code_hash', models.CharField(blank=True, max_length=64)),
                    ('code_sent_at', models.DateTimeField(blank=True, null=True)),
                    ('code_tries', models.PositiveSmallIntegerField(default=0)),
                    ('removed_at', models.DateTimeField(blank=True, null=True)),
                    ('gives_way_to', models.ForeignKey(blank=True, null=True, on_delete=django.db.models.deletion.PROTECT, related_name='comes_instead_of', to='notifications.route')),
                ],
                options={
                    'ordering': ['person', 'position'],
                    'constraints': [models.UniqueConstraint(fields=('person', 'channel', 'address'), name='route_is_listed_once'), models.CheckConstraint(condition=models.Q(models.Q(('channel', 'email'), _negated=True), models.Q(('address', ''), _negated=True), _connector='OR'), name='email_route_has_an_address'), models.CheckConstraint(condition=models.Q(models.Q(('channel', 'sms'), _negated=True), ('address__regex', '^\\+[1-9][0-9]{7,14}$'), _connector='OR'), name='sms_route_has_an_international_number', violation_error_message='Enter the number with its country code, like +447700900123, without spaces.'), models.CheckConstraint(condition=models.Q(models.Q(('channel', 'webhook'), _negated=True), models.Q(('address', ''), _negated=True), _connector='OR'), name='webhook_route_has_an_address'), models.CheckConstraint(condition=models.Q(('code_hash', ''), ('code_sent_at__isnull', False), _connector='OR'), name='code_says_when_it_was_sent')],
                },
            ),
            migrations.CreateModel(
                name='RouteChange',
                fields=[
                    ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                    ('what', models.CharField(choices=[('added', 'Added'), ('removed', 'Removed'), ('moved', 'Moved up'), ('code_sent', 'Code sent'), ('verified', 'Verified'), ('vouched', 'Taken from the staff list as verified by the trust'), ('tested', 'Test message sent'), ('bounced', 'Refused a message for good')], max_length=10)),
                    ('at', models.DateTimeField(db_default=django.db.models.functions.datetime.Now())),
                    ('by', models.ForeignKey(null=True, on_delete=django.db.models.deletion.PROTECT, related_name='+', to=settings.AUTH_USER_MODEL)),
                    ('route', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='changes', to='notifications.route')),
                ],
                options={
                    'ordering': ['-at', '-pk'],
                },
            ),
            migrations.CreateModel(
                name='DeliveryReceipt',
                fields=[
                    ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                    ('outcome', models.CharField(choices=[('delivered', 'Delivered'), ('delayed', 'Not delivered yet'), ('failed', 'Not delivered')], max_length=10)),
                    ('detail', models.CharField(blank=True, max_length=300)),
                    ('reported_at', models.DateTimeField(blank=True, null=True)),
                    ('at', models.DateTimeField(db_default=django.db.models.functions.datetime.Now())),
                    ('attempt', models.ForeignKey(db_index=False, on_delete=django.db.models.deletion.PROTECT, related_name='receipts', to='notifications.deliveryattempt')),
                ],
                options={
                    'ordering': ['attempt', 'at', 'pk'],
                    'constraints': [models.UniqueConstraint(fields=('attempt', 'outcome'), name='receipt_counts_once_an_attempt')],
                },
            ),
            migrations.CreateModel(
                name='Tally',
                fields=[
                    ('name', models.CharField(max_length=40, primary_key=True, serialize=False)),
                    ('count', models.BigIntegerField()),
                ],
            ),
            migrations.CreateModel(
                name='Wording',
                fields=[
                    ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                    ('clock', models.CharField(max_length=12)),
                    ('level', models.PositiveSmallIntegerField()),
                    ('audience', models.CharField(max_length=12)),
                    ('version', models.PositiveIntegerField()),
                    ('subject', models.CharField(blank=True, max_length=100)),
                    ('headline', models.CharField(blank=True, max_length=200)),
                    ('to_do', models.TextField(blank=True)),
                    ('at', models.DateTimeField(db_default=django.db.models.functions.datetime.Now())),
                    ('by', models.ForeignKey(db_index=False, on_delete=django.db.models.deletion.PROTECT, related_name='+', to=settings.AUTH_USER_MODEL)),
                    ('category', models.ForeignKey(db_index=False, on_delete=django.db.models.deletion.PROTECT, related_name='+', to='findings.category')),
                    ('organisation', models.ForeignKey(db_index=False, on_delete=django.db.models.deletion.PROTECT, related_name='+', to='findings.organisation')),
                ],
                options={
                    'ordering': ['-at', '-pk'],
                    'constraints': [models.UniqueConstraint(fields=('organisation', 'category', 'clock', 'level', 'audience', 'version'), name='wording_version_is_written_once'), models.CheckConstraint(condition=models.Q(models.Q(('headline', ''), ('subject', ''), ('to_do', '')), models.Q(models.Q(('subject', ''), _negated=True), models.Q(('headline', ''), _negated=True), models.Q(('to_do', ''), _negated=True)), _connector='OR'), name='wording_has_every_part_or_none'), models.CheckConstraint(condition=models.Q(('clock__in', ['acknowledge', 'act', 'follow_up', 'tell_patient']), ('level__gt', 0)), name='wording_is_of_a_step_of_a_finding')],
                },
            ),
            pgtrigger.migrations.AddTrigger(
                model_name='deliveryattempt',
                trigger=pgtrigger.compiler.Trigger(name='deliveryattempt_is_append_only', sql=pgtrigger.compiler.UpsertTriggerSql(func="RAISE EXCEPTION 'pgtrigger: Cannot update or delete rows from % table', TG_TABLE_NAME;", hash='d48d7e90010d0c04d23aabeb81263e57f2ac2dcf', operation='UPDATE OR DELETE', pgid='pgtrigger_deliveryattempt_is_append_only_ddaac', table='notifications_deliveryattempt', when='BEFORE')),
            ),
            pgtrigger.migrations.AddTrigger(
                model_name='deliveryresult',
                trigger=pgtrigger.compiler.Trigger(name='deliveryresult_is_append_only', sql=pgtrigger.compiler.UpsertTriggerSql(func="RAISE EXCEPTION 'pgtrigger: Cannot update or delete rows from % table', TG_TABLE_NAME;", hash='003409c9128f5750d52de36d142add124b1c6ae8', operation='UPDATE OR DELETE', pgid='pgtrigger_deliveryresult_is_append_only_b6a93', table='notifications_deliveryresult', when='BEFORE')),
            ),
            pgtrigger.migrations.AddTrigger(
                model_name='notification',
                trigger=pgtrigger.compiler.Trigger(name='notification_is_never_deleted', sql=pgtrigger.compiler.UpsertTriggerSql(func="RAISE EXCEPTION 'pgtrigger: Cannot delete rows from % table', TG_TABLE_NAME;", hash='a6e43cfea27d87caabec8e5e4632a26db07455a9', operation='DELETE', pgid='pgtrigger_notification_is_never_deleted_b485e', table='notifications_notification', when='BEFORE')),
            ),
            pgtrigger.migrations.AddTrigger(
                model_name='routechange',
                trigger=pgtrigger.compiler.Trigger(name='routechange_is_append_only', sql=pgtrigger.compiler.UpsertTriggerSql(func="RAISE EXCEPTION 'pgtrigger: Cannot update or delete rows from % table', TG_TABLE_NAME;", hash='ca53e315629488698517e7378b021a4678dbb614', operation='UPDATE OR DELETE', pgid='pgtrigger_routechange_is_append_only_861a5', table='notifications_routechange', when='BEFORE')),
            ),
            pgtrigger.migrations.AddTrigger(
                model_name='deliveryreceipt',
                trigger=pgtrigger.compiler.Trigger(name='deliveryreceipt_is_append_only', sql=pgtrigger.compiler.UpsertTriggerSql(func="RAISE EXCEPTION 'pgtrigger: Cannot update or delete rows from % table', TG_TABLE_NAME;", hash='fefc086111f3a2dbfdadcc86e759a293a23cf503', operation='UPDATE OR DELETE', pgid='pgtrigger_deliveryreceipt_is_append_only_f6cd2', table='notifications_deliveryreceipt', when='BEFORE')),
            ),
            pgtrigger.migrations.AddTrigger(
                model_name='wording',
                trigger=pgtrigger.compiler.Trigger(name='wording_is_append_only', sql=pgtrigger.compiler.UpsertTriggerSql(func="RAISE EXCEPTION 'pgtrigger: Cannot update or delete rows from % table', TG_TABLE_NAME;", hash='d61683c87cf08d780534b812d858a059410446be', operation='UPDATE OR DELETE', pgid='pgtrigger_wording_is_append_only_beb40', table='notifications_wording', when='BEFORE')),
            ),
        ]),
    ]
