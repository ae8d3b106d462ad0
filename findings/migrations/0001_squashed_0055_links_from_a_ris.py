"""Everything up to 0055 in one step, for a database that is new.

A database from before goes on by the old steps: docs/adr/0014-a-new-database-in-one-step.md.
"""

import datetime
import django.contrib.postgres.constraints
import django.contrib.postgres.fields
import django.contrib.postgres.fields.ranges
import django.contrib.postgres.indexes
import django.core.serializers.json
import django.db.models.deletion
import django.db.models.expressions
import django.db.models.functions.comparison
import django.db.models.functions.datetime
import django.db.models.functions.text
import django.utils.timezone
import findings.models.finding
import findings.models.folding
import findings.states
import pgtrigger.compiler
import pgtrigger.migrations
import uuid
from django.conf import settings
from django.contrib.postgres.operations import BtreeGistExtension
from django.db import migrations, models

from findings.migrations._functions import CHECK_CLOCK_OF_STATE, EVENT_HASH, FOLDED, SQUEEZED
from findings.migrations._together import Together


class Migration(migrations.Migration):

    replaces = [
        ('findings', '0001_initial'),
        ('findings', '0002_control_id_is_indexed'),
        ('findings', '0003_no_early_step'),
        ('findings', '0004_sender_number_authority'),
        ('findings', '0005_names_and_numbers_as_typed'),
        ('findings', '0006_calendars_kept_by_hand'),
        ('findings', '0007_what_fired_lately'),
        ('findings', '0008_a_finding_is_offered'),
        ('findings', '0009_leave_and_leavers'),
        ('findings', '0010_posts_and_rotas'),
        ('findings', '0011_tell_the_patient'),
        ('findings', '0012_leavers_leave_nothing_behind'),
        ('findings', '0013_follow_up'),
        ('findings', '0014_unroutable_findings'),
        ('findings', '0015_snooze'),
        ('findings', '0016_held_at_night'),
        ('findings', '0017_routing_rules'),
        ('findings', '0018_telephone_calls'),
        ('findings', '0019_merged_records'),
        ('findings', '0020_leave_begins'),
        ('findings', '0021_news_and_late_answers'),
        ('findings', '0022_category_changes'),
        ('findings', '0023_nobody_leaves_a_team_with_its_finding'),
        ('findings', '0024_patient_changes'),
        ('findings', '0025_reporting_teams'),
        ('findings', '0026_no_report'),
        ('findings', '0027_told_of_a_correction'),
        ('findings', '0028_a_clock_of_an_examination'),
        ('findings', '0029_an_earlier_limit_holds'),
        ('findings', '0030_whose_discharge'),
        ('findings', '0031_examinations_nobody_can_be_told_of'),
        ('findings', '0032_no_index_twice'),
        ('findings', '0033_told_in_time'),
        ('findings', '0034_steps_of_waits_by_their_clock'),
        ('findings', '0035_steps_of_waits_by_their_moment'),
        ('findings', '0036_a_refused_message'),
        ('findings', '0037_documents'),
        ('findings', '0038_alert_codes'),
        ('findings', '0039_what_else_arrives'),
        ('findings', '0040_why_a_message_is_refused'),
        ('findings', '0041_fhir_and_tokens'),
        ('findings', '0042_whose_accession_numbers'),
        ('findings', '0043_feeds_and_filing_tries'),
        ('findings', '0044_when_a_merge_was_said'),
        ('findings', '0045_said_why'),
        ('findings', '0046_found_by_code'),
        ('findings', '0047_placer_numbers_and_told_apart'),
        ('findings', '0048_tests_and_services'),
        ('findings', '0049_alert_codes_are_told'),
        ('findings', '0050_silence_is_known'),
        ('findings', '0051_messages_are_summarised'),
        ('findings', '0052_repairs'),
        ('findings', '0053_how_useful_a_flag_was'),
        ('findings', '0054_taken_folders'),
        ('findings', '0055_links_from_a_ris'),
    ]

    initial = True

    dependencies = [
        ('auth', '0012_alter_user_first_name_max_length'),
    ]

    operations = [
        # For the constraint that keeps one person's leave from overlapping.
        BtreeGistExtension(),
        *(migrations.RunSQL(sql) for sql in (EVENT_HASH, CHECK_CLOCK_OF_STATE, FOLDED, SQUEEZED)),
        Together([
            migrations.CreateModel(
                name='Category',
                fields=[
                    ('code', models.CharField(max_length=30, primary_key=True, serialize=False)),
                    ('name', models.CharField(max_length=60)),
                    ('definition', models.TextField()),
                    ('definition_source', models.CharField(max_length=200)),
                    ('priority', models.PositiveSmallIntegerField()),
                    ('local_policy_id', models.CharField(max_length=30)),
                    ('national_policy_id', models.CharField(blank=True, max_length=30)),
                    ('asks_primary_site', models.BooleanField(default=False)),
                    ('is_offered', models.BooleanField(default=True)),
                    ('patient_policy_id', models.CharField(blank=True, max_length=30)),
                    ('held_at_night', models.BooleanField(default=False)),
                ],
                options={
                    'verbose_name_plural': 'categories',
                    'ordering': ['priority'],
                    'constraints': [models.CheckConstraint(condition=models.Q(('held_at_night', False), ('priority__gt', 2), _connector='OR'), name='urgent_categories_are_never_held')],
                },
            ),
            migrations.CreateModel(
                name='IncomingMessage',
                fields=[
                    ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                    ('control_id', models.CharField(blank=True, max_length=200)),
                    ('message_type', models.CharField(blank=True, max_length=40)),
                    ('body', models.BinaryField()),
                    ('fingerprint', models.CharField(max_length=64)),
                    ('origin', models.CharField(max_length=300)),
                    ('received_at', models.DateTimeField(db_default=django.db.models.functions.datetime.Now())),
                    ('sender', models.ForeignKey(blank=True, db_index=False, null=True, on_delete=django.db.models.deletion.PROTECT, related_name='messages', to='findings.sender')),
                ],
                options={
                    'indexes': [models.Index(fields=['sender', 'control_id'], name='messages_by_control_id'), models.Index(fields=['sender', 'received_at'], name='messages_of_a_sender'), django.contrib.postgres.indexes.BrinIndex(autosummarize=True, fields=['received_at'], name='messages_by_time', pages_per_range=32)],
                    'constraints': [models.UniqueConstraint(fields=('fingerprint',), name='message_is_kept_once')],
                },
            ),
            migrations.CreateModel(
                name='Organisation',
                fields=[
                    ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                    ('ods_code', models.CharField(max_length=12, unique=True, verbose_name='ODS code')),
                    ('name', models.CharField(max_length=120)),
                    ('kind', models.CharField(choices=[('trust', 'NHS trust'), ('practice', 'GP practice')], max_length=10)),
                    ('nation', models.CharField(blank=True, choices=[('ENG', 'England'), ('WLS', 'Wales'), ('SCT', 'Scotland'), ('NIR', 'Northern Ireland')], max_length=3)),
                ],
                options={
                    'ordering': ['name'],
                },
            ),
            migrations.CreateModel(
                name='Rung',
                fields=[
                    ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                    ('clock', models.CharField(choices=[('acknowledge', 'acknowledge'), ('act', 'act'), ('follow_up', 'follow_up'), ('tell_patient', 'tell_patient'), ('report_by', 'report_by'), ('confirm', 'confirm')], max_length=12)),
                    ('level', models.PositiveSmallIntegerField()),
                    ('offset', models.CharField(max_length=12)),
                    ('anchor', models.CharField(choices=[('start', 'after the clock starts'), ('due', "before or after the clock's limit")], default='start', max_length=6)),
                    ('audience', models.CharField(choices=[('owner', 'the owner'), ('responsible', 'the responsible consultant'), ('team', 'the team'), ('department', "the department's clinical director"), ('coordinator', 'the coordinators'), ('radiologist', 'the radiologist who flagged it'), ('governance', 'the governance leads'), ('radiologists', 'the radiologists of the site'), ('offered', 'whoever it was offered to'), ('offered_by', 'whoever offered it'), ('withdrawn', 'whoever was told of it or holds it'), ('acknowledger', 'whoever acknowledged it before'), ('told', 'whoever else was told of it before')], max_length=12)),
                    ('words', models.CharField(max_length=120)),
                    ('rule', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='rungs', to='findings.rule')),
                ],
                options={
                    'ordering': ['rule', 'clock', 'level'],
                    'constraints': [models.UniqueConstraint(fields=('rule', 'clock', 'level'), name='rung_has_its_own_level')],
                },
            ),
            migrations.CreateModel(
                name='Sender',
                fields=[
                    ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                    ('code', models.CharField(max_length=120, unique=True)),
                    ('name', models.CharField(max_length=120)),
                    ('zone', models.CharField(default='Europe/London', max_length=40)),
                    ('fallback_charset', models.CharField(default='windows-1252', max_length=20)),
                    ('status_words', models.JSONField(blank=True, default=dict)),
                    ('account', models.OneToOneField(blank=True, null=True, on_delete=django.db.models.deletion.PROTECT, related_name='sender', to=settings.AUTH_USER_MODEL)),
                    ('organisation', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='senders', to='findings.organisation')),
                    ('site', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='senders', to='findings.site')),
                    ('number_authority', models.CharField(blank=True, max_length=60)),
                    ('flags_at_once', models.BooleanField(db_default=False, default=False)),
                    ('trigger_words', models.JSONField(blank=True, default=dict)),
                    ('accession_fields', models.JSONField(blank=True, default=list)),
                    ('location_fields', models.JSONField(blank=True, default=list)),
                    ('nhs_position', models.CharField(blank=True, max_length=10)),
                    ('nhs_words', models.JSONField(blank=True, default=list)),
                    ('order_words', models.JSONField(blank=True, default=dict)),
                    ('referrer_fields', models.JSONField(blank=True, default=list)),
                    ('accessions_of', models.ForeignKey(blank=True, db_index=False, null=True, on_delete=django.db.models.deletion.PROTECT, related_name='+', to='findings.sender')),
                    ('silence', models.CharField(choices=[('alarms', 'Say so when nothing comes for longer than usual'), ('expected', 'It may be silent'), ('ended', 'It has ended')], db_default='alarms', default='alarms', max_length=8)),
                    ('imaging_sections', models.JSONField(blank=True, db_default=[], default=list)),
                    ('takes_tests', models.BooleanField(db_default=False, default=False)),
                ],
                options={
                    'constraints': [models.CheckConstraint(condition=models.Q(('accessions_of', models.F('pk')), _negated=True), name='sender_has_its_own_accessions_or_anothers'), models.CheckConstraint(condition=models.Q(('silence__in', ['alarms', 'expected', 'ended'])), name='silence_of_sender_is_known')],
                },
            ),
            migrations.CreateModel(
                name='Signature',
                fields=[
                    ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                    ('name', models.CharField(max_length=120)),
                    ('role', models.CharField(max_length=120)),
                    ('signed_on', models.DateField(default=datetime.date.today)),
                    ('recorded_at', models.DateTimeField(db_default=django.db.models.functions.datetime.Now())),
                    ('rule', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='signatures', to='findings.rule')),
                ],
                options={
                    'constraints': [models.CheckConstraint(condition=models.Q(models.Q(('name', ''), _negated=True), models.Q(('role', ''), _negated=True)), name='signature_has_name_and_role'), models.UniqueConstraint(fields=('rule', 'name'), name='signed_once_by_each')],
                },
            ),
            migrations.CreateModel(
                name='Site',
                fields=[
                    ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                    ('ods_code', models.CharField(max_length=12, unique=True, verbose_name='ODS code')),
                    ('name', models.CharField(max_length=120)),
                    ('organisation', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='sites', to='findings.organisation')),
                    ('nation', models.CharField(blank=True, choices=[('ENG', 'England'), ('WLS', 'Wales'), ('SCT', 'Scotland'), ('NIR', 'Northern Ireland')], max_length=3)),
                ],
                options={
                    'ordering': ['name'],
                },
            ),
            migrations.CreateModel(
                name='Step',
                fields=[
                    ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                    ('level', models.PositiveSmallIntegerField()),
                    ('audience', models.CharField(max_length=12)),
                    ('words', models.CharField(max_length=120)),
                    ('priority', models.PositiveSmallIntegerField()),
                    ('due_at', models.DateTimeField()),
                    ('brought_forward_to', models.DateTimeField(blank=True, null=True)),
                    ('fired_at', models.DateTimeField(blank=True, null=True)),
                    ('cancelled_at', models.DateTimeField(blank=True, null=True)),
                    ('clock', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='steps', to='findings.clock')),
                    ('finding', models.ForeignKey(blank=True, null=True, on_delete=django.db.models.deletion.PROTECT, related_name='%(class)ss', to='findings.finding')),
                    ('waits_until', models.DateTimeField(blank=True, null=True)),
                    ('falls_at', models.GeneratedField(db_persist=True, expression=django.db.models.functions.comparison.Greatest(django.db.models.functions.comparison.Coalesce('brought_forward_to', 'due_at'), 'waits_until'), output_field=models.DateTimeField())),
                    ('may_wait', models.BooleanField(default=False)),
                    ('examination', models.ForeignKey(blank=True, db_index=False, null=True, on_delete=django.db.models.deletion.PROTECT, related_name='%(class)ss', to='findings.examination')),
                ],
                options={
                    'ordering': ['clock', 'due_at', 'level'],
                    'indexes': [models.Index(condition=models.Q(('fired_at__isnull', False)), fields=['fired_at'], name='steps_fired'), models.Index(condition=models.Q(('cancelled_at__isnull', True), ('fired_at__isnull', True)), fields=['priority', 'falls_at'], name='steps_to_fire'), models.Index(condition=models.Q(('cancelled_at__isnull', True), ('examination__isnull', False), ('fired_at__isnull', True)), fields=['falls_at'], name='steps_of_waits_to_fire')],
                    'constraints': [models.CheckConstraint(condition=models.Q(('fired_at__isnull', True), ('cancelled_at__isnull', True), _connector='OR'), name='step_is_never_fired_and_cancelled'), models.CheckConstraint(condition=models.Q(('brought_forward_to__isnull', True), ('brought_forward_to__lte', models.F('due_at')), _connector='OR'), name='step_only_moves_nearer'), models.CheckConstraint(condition=models.Q(('fired_at__isnull', True), ('fired_at__gte', models.F('falls_at')), _connector='OR'), name='step_never_fires_early'), models.CheckConstraint(condition=models.Q(('waits_until__isnull', True), ('level__gt', 0), _connector='OR'), name='only_a_step_of_a_ladder_waits'), models.CheckConstraint(condition=models.Q(models.Q(('examination__isnull', True), ('finding__isnull', False)), models.Q(('examination__isnull', False), ('finding__isnull', True)), _connector='OR'), name='step_is_of_a_finding_or_an_examination')],
                },
            ),
            migrations.CreateModel(
                name='Team',
                fields=[
                    ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                    ('name', models.CharField(max_length=120)),
                    ('kind', models.CharField(choices=[('clinical', 'Clinical team'), ('practice', 'GP practice'), ('radiology', 'Radiology'), ('reporting', 'Imaging reporting'), ('coordination', 'Imaging coordination')], max_length=14)),
                    ('specialty', models.CharField(blank=True, max_length=60)),
                    ('location_code', models.CharField(blank=True, max_length=40)),
                    ('members', models.ManyToManyField(related_name='teams', through='findings.Membership', to=settings.AUTH_USER_MODEL)),
                    ('organisation', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='teams', to='findings.organisation')),
                    ('site', models.ForeignKey(blank=True, null=True, on_delete=django.db.models.deletion.PROTECT, related_name='teams', to='findings.site')),
                ],
                options={
                    'ordering': ['name'],
                    'indexes': [models.Index(django.db.models.functions.text.Upper('location_code'), name='team_at_location')],
                    'constraints': [models.UniqueConstraint(fields=('organisation', 'name'), name='team_name_is_its_own')],
                },
            ),
            migrations.CreateModel(
                name='Viewing',
                fields=[
                    ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                    ('at', models.DateTimeField(db_default=django.db.models.functions.datetime.Now())),
                    ('page', models.CharField(max_length=60)),
                    ('patients', django.contrib.postgres.fields.ArrayField(base_field=models.BigIntegerField(), size=None)),
                    ('person', models.ForeignKey(db_index=False, on_delete=django.db.models.deletion.PROTECT, related_name='viewings', to=settings.AUTH_USER_MODEL)),
                ],
                options={
                    'indexes': [django.contrib.postgres.indexes.GinIndex(fields=['patients'], name='viewings_by_patient'), models.Index(fields=['person', '-at'], name='findings_vi_person__d58ac9_idx')],
                },
            ),
            migrations.CreateModel(
                name='Person',
                fields=[
                    ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                    ('password', models.CharField(max_length=128, verbose_name='password')),
                    ('last_login', models.DateTimeField(blank=True, null=True, verbose_name='last login')),
                    ('is_superuser', models.BooleanField(default=False, help_text='Designates that this user has all permissions without explicitly assigning them.', verbose_name='superuser status')),
                    ('username', models.CharField(max_length=80, unique=True, verbose_name='sign-in name')),
                    ('title', models.CharField(blank=True, max_length=20)),
                    ('given_name', models.CharField(max_length=60)),
                    ('family_name', models.CharField(max_length=60)),
                    ('job_title', models.CharField(blank=True, max_length=80)),
                    ('professional_code', models.CharField(blank=True, max_length=20)),
                    ('email', models.EmailField(blank=True, max_length=254)),
                    ('phone', models.CharField(blank=True, max_length=40)),
                    ('roles', django.contrib.postgres.fields.ArrayField(base_field=models.CharField(choices=[('radiologist', 'Radiologist'), ('referrer', 'Referring clinician'), ('coordinator', 'Coordinator'), ('governance', 'Governance lead'), ('administrator', 'Administrator')], max_length=14), blank=True, default=list, size=None)),
                    ('is_active', models.BooleanField(default=True, verbose_name='works here')),
                    ('left_at', models.DateTimeField(blank=True, null=True)),
                    ('is_staff', models.BooleanField(default=False)),
                    ('joined_at', models.DateTimeField(default=django.utils.timezone.now)),
                    ('groups', models.ManyToManyField(blank=True, help_text='The groups this user belongs to. A user will get all permissions granted to each of their groups.', related_name='user_set', related_query_name='user', to='auth.group', verbose_name='groups')),
                    ('user_permissions', models.ManyToManyField(blank=True, help_text='Specific permissions for this user.', related_name='user_set', related_query_name='user', to='auth.permission', verbose_name='user permissions')),
                    ('organisation', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='people', to='findings.organisation')),
                    ('site', models.ForeignKey(blank=True, null=True, on_delete=django.db.models.deletion.PROTECT, related_name='people', to='findings.site')),
                    ('leaves_on', models.DateField(blank=True, null=True, verbose_name='last day here')),
                    ('leaving_because', models.TextField(blank=True)),
                ],
                options={
                    'verbose_name_plural': 'people',
                    'ordering': ['family_name', 'given_name'],
                    'indexes': [models.Index(django.db.models.functions.text.Upper('professional_code'), name='person_by_professional_code')],
                    'constraints': [models.CheckConstraint(condition=models.Q(('roles__contained_by', ['radiologist', 'referrer', 'coordinator', 'governance', 'administrator'])), name='roles_are_known'), models.CheckConstraint(condition=models.Q(('left_at__isnull', True), ('is_active', False), _connector='OR'), name='left_people_are_inactive'), models.UniqueConstraint(condition=models.Q(('professional_code', ''), _negated=True), fields=('professional_code',), name='professional_code_is_one_person')],
                },
            ),
            migrations.CreateModel(
                name='BankHoliday',
                fields=[
                    ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                    ('nation', models.CharField(choices=[('ENG', 'England'), ('WLS', 'Wales'), ('SCT', 'Scotland'), ('NIR', 'Northern Ireland')], max_length=3)),
                    ('on', models.DateField()),
                    ('name', models.CharField(max_length=80)),
                    ('source', models.CharField(max_length=120)),
                    ('is_kept_by_hand', models.BooleanField(default=False)),
                    ('is_removed', models.BooleanField(default=False)),
                    ('recorded_at', models.DateTimeField(db_default=django.db.models.functions.datetime.Now())),
                ],
                options={
                    'ordering': ['nation', 'on'],
                    'constraints': [models.UniqueConstraint(fields=('nation', 'on'), name='one_bank_holiday_a_day'), models.CheckConstraint(condition=models.Q(('nation__in', ['ENG', 'WLS', 'SCT', 'NIR'])), name='bank_holiday_nation_is_known'), models.CheckConstraint(condition=models.Q(models.Q(('name', ''), _negated=True), models.Q(('source', ''), _negated=True)), name='bank_holiday_has_name_and_source')],
                },
            ),
            migrations.CreateModel(
                name='Examination',
                fields=[
                    ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                    ('public_id', models.UUIDField(default=uuid.uuid4, editable=False, unique=True)),
                    ('accession', models.CharField(max_length=80)),
                    ('modality', models.CharField(blank=True, max_length=16)),
                    ('code', models.CharField(blank=True, max_length=60)),
                    ('description', models.CharField(blank=True, max_length=200)),
                    ('performed_at', models.DateTimeField(blank=True, null=True)),
                    ('requester_as_sent', models.CharField(blank=True, max_length=160)),
                    ('location_as_sent', models.CharField(blank=True, max_length=160)),
                    ('requested_by', models.ForeignKey(blank=True, null=True, on_delete=django.db.models.deletion.PROTECT, related_name='requests', to=settings.AUTH_USER_MODEL)),
                    ('patient', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='examinations', to='findings.patient')),
                    ('current_report', models.ForeignKey(blank=True, null=True, on_delete=django.db.models.deletion.PROTECT, related_name='+', to='findings.report')),
                    ('sender', models.ForeignKey(db_index=False, on_delete=django.db.models.deletion.PROTECT, related_name='examinations', to='findings.sender')),
                    ('site', models.ForeignKey(db_index=False, on_delete=django.db.models.deletion.PROTECT, related_name='examinations', to='findings.site')),
                    ('requesting_team', models.ForeignKey(blank=True, null=True, on_delete=django.db.models.deletion.PROTECT, related_name='requests', to='findings.team')),
                    ('setting', models.CharField(blank=True, choices=[('inpatient', 'In-patient'), ('outpatient', 'Out-patient'), ('emergency', 'Emergency'), ('gp', 'General practice'), ('cancer', 'Suspected cancer')], db_default='', max_length=10)),
                    ('order_said_at', models.DateTimeField(blank=True, null=True)),
                    ('placer_number', models.CharField(blank=True, db_default='', max_length=80)),
                ],
                options={
                    'indexes': [models.Index(fields=['site', '-performed_at'], name='findings_ex_site_id_bf2537_idx'), models.Index(findings.models.folding.Squeezed('accession'), name='accession_as_typed'), models.Index(condition=models.Q(('placer_number', ''), _negated=True), fields=['placer_number'], name='examinations_by_placer')],
                    'constraints': [models.UniqueConstraint(fields=('sender', 'accession'), name='accession_is_one_examination'), models.CheckConstraint(condition=models.Q(('accession', ''), _negated=True), name='accession_is_never_empty'), models.CheckConstraint(condition=models.Q(('setting__in', ['', 'inpatient', 'outpatient', 'emergency', 'gp', 'cancer'])), name='setting_of_examination_is_known')],
                },
            ),
            migrations.CreateModel(
                name='Finding',
                fields=[
                    ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                    ('reference', models.CharField(default=findings.models.finding.new_reference, editable=False, max_length=14, unique=True)),
                    ('state', models.CharField(choices=[('awaiting', 'Waiting for acknowledgement'), ('acknowledged', 'Acknowledged, action awaited'), ('acted_on', 'Action recorded, result awaited'), ('closed', 'Closed'), ('withdrawn', 'Withdrawn')], max_length=12)),
                    ('description', models.TextField()),
                    ('primary_site', models.CharField(blank=True, max_length=80)),
                    ('recommended_action', models.CharField(max_length=200)),
                    ('recommended_on', models.DateField(blank=True, null=True)),
                    ('flagged_at', models.DateTimeField()),
                    ('counts_from', models.DateTimeField()),
                    ('acknowledged_at', models.DateTimeField(blank=True, null=True)),
                    ('plan', models.TextField(blank=True)),
                    ('patient_told_at', models.DateTimeField(blank=True, null=True)),
                    ('patient_told_how', models.CharField(blank=True, choices=[('in_person', 'In person'), ('telephone', 'By telephone'), ('video', 'By video'), ('letter', 'By letter'), ('kin', 'Next of kin told, as the patient has died'), ('coroner', 'Coroner told, as the patient has died'), ('not_told', 'Not told, for a reason')], max_length=10)),
                    ('patient_told_note', models.TextField(blank=True)),
                    ('closed_at', models.DateTimeField(blank=True, null=True)),
                    ('outcome', models.CharField(blank=True, choices=[('cancer', 'Cancer confirmed'), ('disease', 'Other significant disease confirmed'), ('nothing', 'No significant disease'), ('known', 'Already known and being treated'), ('declined', 'Patient declined further care'), ('died', 'Patient died'), ('elsewhere', 'Care taken over elsewhere'), ('other', 'Other')], max_length=10)),
                    ('outcome_note', models.TextField(blank=True)),
                    ('withdrawn_at', models.DateTimeField(blank=True, null=True)),
                    ('withdrawn_because', models.TextField(blank=True)),
                    ('acknowledged_by', models.ForeignKey(blank=True, null=True, on_delete=django.db.models.deletion.PROTECT, related_name='+', to=settings.AUTH_USER_MODEL)),
                    ('category', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='findings', to='findings.category')),
                    ('closed_by', models.ForeignKey(blank=True, null=True, on_delete=django.db.models.deletion.PROTECT, related_name='+', to=settings.AUTH_USER_MODEL)),
                    ('examination', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='findings', to='findings.examination')),
                    ('flagged_by', models.ForeignKey(db_index=False, on_delete=django.db.models.deletion.PROTECT, related_name='flagged_findings', to=settings.AUTH_USER_MODEL)),
                    ('owner_person', models.ForeignKey(blank=True, null=True, on_delete=django.db.models.deletion.PROTECT, related_name='owned_findings', to=settings.AUTH_USER_MODEL)),
                    ('patient_told_by', models.ForeignKey(blank=True, null=True, on_delete=django.db.models.deletion.PROTECT, related_name='+', to=settings.AUTH_USER_MODEL)),
                    ('withdrawn_by', models.ForeignKey(blank=True, null=True, on_delete=django.db.models.deletion.PROTECT, related_name='+', to=settings.AUTH_USER_MODEL)),
                    ('organisation', models.ForeignKey(db_index=False, on_delete=django.db.models.deletion.PROTECT, related_name='findings', to='findings.organisation')),
                    ('report', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='findings', to='findings.report')),
                    ('site', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='findings', to='findings.site')),
                    ('owner_team', models.ForeignKey(blank=True, null=True, on_delete=django.db.models.deletion.PROTECT, related_name='owned_findings', to='findings.team')),
                    ('team', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='findings', to='findings.team')),
                    ('tell_by', models.DateTimeField(blank=True, null=True)),
                ],
                options={
                    'indexes': [models.Index(fields=['organisation', 'state'], name='findings_fi_organis_fafa4a_idx'), models.Index(condition=models.Q(('state__in', (findings.states.State['AWAITING'], findings.states.State['ACKNOWLEDGED'], findings.states.State['ACTED_ON']))), fields=['owner_person'], name='open_by_person'), models.Index(condition=models.Q(('state__in', (findings.states.State['AWAITING'], findings.states.State['ACKNOWLEDGED'], findings.states.State['ACTED_ON']))), fields=['team'], name='open_by_team'), models.Index(fields=['flagged_by', '-flagged_at'], name='findings_fi_flagged_4cff69_idx')],
                    'constraints': [models.CheckConstraint(condition=models.Q(('state__in', ['awaiting', 'acknowledged', 'acted_on', 'closed', 'withdrawn'])), name='state_is_known'), models.CheckConstraint(condition=models.Q(models.Q(('owner_person__isnull', False), ('owner_team__isnull', True)), models.Q(('owner_person__isnull', True), ('owner_team__isnull', False)), _connector='OR'), name='exactly_one_owner'), models.CheckConstraint(condition=models.Q(models.Q(('acknowledged_at__isnull', True), ('acknowledged_by__isnull', True), ('plan', '')), models.Q(('acknowledged_at__isnull', False), ('acknowledged_by__isnull', False), models.Q(('plan', ''), _negated=True)), _connector='OR'), name='acknowledged_says_when_who_and_plan'), models.CheckConstraint(condition=models.Q(models.Q(('acknowledged_at__isnull', True), ('state', 'awaiting')), models.Q(('acknowledged_at__isnull', False), ('state__in', ['acknowledged', 'acted_on', 'closed'])), ('state', 'withdrawn'), _connector='OR'), name='acknowledged_states_are_acknowledged'), models.CheckConstraint(condition=models.Q(models.Q(('closed_at__isnull', False), ('closed_by__isnull', False), ('state', 'closed'), models.Q(('outcome', ''), _negated=True)), models.Q(models.Q(('state', 'closed'), _negated=True), ('closed_at__isnull', True), ('closed_by__isnull', True), ('outcome', '')), _connector='OR'), name='closed_says_when_who_and_outcome'), models.CheckConstraint(condition=models.Q(models.Q(('state', 'withdrawn'), ('withdrawn_at__isnull', False), ('withdrawn_by__isnull', False), models.Q(('withdrawn_because', ''), _negated=True)), models.Q(models.Q(('state', 'withdrawn'), _negated=True), ('withdrawn_at__isnull', True), ('withdrawn_because', ''), ('withdrawn_by__isnull', True)), _connector='OR'), name='withdrawn_says_when_who_and_why'), models.CheckConstraint(condition=models.Q(models.Q(('patient_told_at__isnull', True), ('patient_told_by__isnull', True), ('patient_told_how', '')), models.Q(('patient_told_at__isnull', False), ('patient_told_by__isnull', False), models.Q(('patient_told_how', ''), _negated=True)), _connector='OR'), name='patient_told_says_when_who_and_how'), models.CheckConstraint(condition=models.Q(models.Q(('patient_told_how', 'not_told'), _negated=True), models.Q(('patient_told_note', ''), _negated=True), _connector='OR'), name='not_telling_the_patient_has_a_reason'), models.CheckConstraint(condition=models.Q(models.Q(('acknowledged_at__isnull', True), ('acknowledged_at__gte', models.F('flagged_at')), _connector='OR'), models.Q(('closed_at__isnull', True), ('closed_at__gte', models.F('acknowledged_at')), _connector='OR'), models.Q(('withdrawn_at__isnull', True), ('withdrawn_at__gte', models.F('flagged_at')), _connector='OR'), ('counts_from__gte', models.F('flagged_at')), models.Q(('tell_by__isnull', True), ('tell_by__gt', models.F('flagged_at')), _connector='OR')), name='times_are_in_order')],
                },
            ),
            migrations.CreateModel(
                name='Event',
                fields=[
                    ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                    ('number', models.PositiveIntegerField(default=0, editable=False)),
                    ('kind', models.CharField(choices=[('flagged', 'Finding flagged'), ('clock_started', 'Clock started'), ('clock_stopped', 'Clock stopped'), ('step_fired', 'Escalation step fired'), ('step_unreachable', 'Nobody could be reached'), ('step_brought_forward', 'Next step brought forward'), ('sent', 'Message sent'), ('send_failed', 'Message not delivered'), ('read', 'Read'), ('phoned', 'Told by telephone'), ('acknowledged', 'Acknowledged'), ('answered_late', 'Answer came too late'), ('refused', 'Answer refused'), ('declined', 'Declined'), ('handed_over', 'Handed over'), ('offered', 'Offered to somebody else'), ('offer_ended', 'Offer ended'), ('acted', 'Action recorded'), ('patient_told', 'Patient told'), ('recommended', 'Further examination recommended'), ('match_proposed', 'Later examination proposed as the one'), ('match_refused', 'Proposed examination is not the one'), ('followed_up', 'Recommended examination answered'), ('letter_sent', 'Letter sent to the patient'), ('paused', 'Snoozed or held'), ('pause_ended', 'Snooze or hold ended'), ('patient_merged', "Patient's records merged"), ('merge_undone', 'Merge of records undone'), ('patient_changed', 'Patient died, was discharged or transferred'), ('patient_change_undone', 'That was recorded by mistake'), ('confirmed', 'Still held by the same owner'), ('category_changed', 'Category changed'), ('rated', 'Flag rated'), ('closed', 'Closed'), ('withdrawn', 'Withdrawn'), ('reopened', 'Re-opened'), ('note', 'Note')], max_length=24)),
                    ('at', models.DateTimeField(db_default=django.db.models.functions.datetime.Now())),
                    ('data', models.JSONField(default=dict, encoder=django.core.serializers.json.DjangoJSONEncoder)),
                    ('previous_hash', models.CharField(blank=True, default='', editable=False, max_length=64)),
                    ('hash', models.CharField(default='', editable=False, max_length=64)),
                    ('by', models.ForeignKey(blank=True, null=True, on_delete=django.db.models.deletion.PROTECT, related_name='events', to=settings.AUTH_USER_MODEL)),
                    ('finding', models.ForeignKey(db_index=False, on_delete=django.db.models.deletion.PROTECT, related_name='events', to='findings.finding')),
                ],
                options={
                    'ordering': ['finding', 'number'],
                    'constraints': [models.UniqueConstraint(fields=('finding', 'number'), name='event_number_is_used_once')],
                },
            ),
            migrations.CreateModel(
                name='Action',
                fields=[
                    ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                    ('kind', models.CharField(choices=[('imaging', 'Further imaging requested'), ('referral', 'Urgent referral made'), ('treatment', 'Treatment started'), ('discussion', 'Discussed with the patient or at a meeting'), ('none', 'No action needed, for a reason')], max_length=10)),
                    ('text', models.TextField()),
                    ('result_expected_on', models.DateField()),
                    ('recorded_at', models.DateTimeField()),
                    ('recorded_by', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='+', to=settings.AUTH_USER_MODEL)),
                    ('finding', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='actions', to='findings.finding')),
                ],
                options={
                    'ordering': ['recorded_at', 'pk'],
                    'constraints': [models.CheckConstraint(condition=models.Q(('text', ''), _negated=True), name='action_says_what')],
                },
            ),
            migrations.CreateModel(
                name='Membership',
                fields=[
                    ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                    ('duty', models.CharField(choices=[('member', 'Member'), ('responsible', 'Responsible consultant'), ('director', 'Clinical director')], default='member', max_length=12)),
                    ('person', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='memberships', to=settings.AUTH_USER_MODEL)),
                    ('team', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='memberships', to='findings.team')),
                ],
                options={
                    'constraints': [models.UniqueConstraint(fields=('person', 'team'), name='one_place_in_a_team')],
                },
            ),
            migrations.CreateModel(
                name='Patient',
                fields=[
                    ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                    ('public_id', models.UUIDField(default=uuid.uuid4, editable=False, unique=True)),
                    ('nhs_number', models.CharField(blank=True, max_length=10, null=True, verbose_name='NHS number')),
                    ('family_name', models.CharField(max_length=120)),
                    ('given_name', models.CharField(blank=True, max_length=120)),
                    ('birth_date', models.DateField(blank=True, null=True)),
                    ('sex', models.CharField(choices=[('F', 'Female'), ('M', 'Male'), ('O', 'Other'), ('U', 'Not known')], default='U', max_length=1)),
                    ('folded_name', models.GeneratedField(db_persist=True, expression=findings.models.folding.Folded(django.db.models.functions.text.Concat('family_name', models.Value(' '), 'given_name')), output_field=models.TextField())),
                    ('merged_into', models.ForeignKey(blank=True, null=True, on_delete=django.db.models.deletion.PROTECT, related_name='absorbed', to='findings.patient')),
                    ('described_at', models.DateTimeField(blank=True, null=True)),
                ],
                options={
                    'constraints': [models.CheckConstraint(condition=models.Q(('nhs_number__isnull', True), ('nhs_number__regex', '^[0-9]{10}$'), _connector='OR'), name='nhs_number_is_ten_digits'), models.CheckConstraint(condition=models.Q(('merged_into__isnull', True), models.Q(('merged_into', models.F('pk')), _negated=True), _connector='OR'), name='patient_is_not_merged_into_itself'), models.UniqueConstraint(fields=('nhs_number',), name='nhs_number_is_one_patient')],
                },
            ),
            migrations.CreateModel(
                name='PatientIdentifier',
                fields=[
                    ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                    ('authority', models.CharField(max_length=60)),
                    ('value', models.CharField(max_length=60)),
                    ('type', models.CharField(blank=True, max_length=20)),
                    ('patient', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='identifiers', to='findings.patient')),
                ],
                options={
                    'indexes': [models.Index(findings.models.folding.Squeezed('value'), name='identifier_as_typed')],
                    'constraints': [models.UniqueConstraint(fields=('authority', 'value'), name='identifier_is_one_patient'), models.CheckConstraint(condition=models.Q(models.Q(('authority', ''), _negated=True), models.Q(('value', ''), _negated=True)), name='identifier_is_never_empty')],
                },
            ),
            migrations.CreateModel(
                name='Report',
                fields=[
                    ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                    ('public_id', models.UUIDField(default=uuid.uuid4, editable=False, unique=True)),
                    ('version', models.PositiveIntegerField()),
                    ('status', models.CharField(choices=[('preliminary', 'Preliminary'), ('final', 'Final'), ('corrected', 'Corrected'), ('withdrawn', 'Withdrawn')], max_length=12)),
                    ('text', models.TextField()),
                    ('reported_at', models.DateTimeField()),
                    ('reporter_as_sent', models.CharField(blank=True, max_length=160)),
                    ('received_at', models.DateTimeField(db_default=django.db.models.functions.datetime.Now())),
                    ('fingerprint', models.CharField(max_length=64)),
                    ('notices', models.JSONField(blank=True, default=list)),
                    ('examination', models.ForeignKey(db_index=False, on_delete=django.db.models.deletion.PROTECT, related_name='reports', to='findings.examination')),
                    ('message', models.ForeignKey(blank=True, null=True, on_delete=django.db.models.deletion.PROTECT, related_name='reports', to='findings.incomingmessage')),
                    ('reported_by', models.ForeignKey(blank=True, null=True, on_delete=django.db.models.deletion.PROTECT, related_name='reports', to=settings.AUTH_USER_MODEL)),
                ],
                options={
                    'ordering': ['examination', 'version'],
                    'constraints': [models.UniqueConstraint(fields=('examination', 'version'), name='report_version_is_received_once'), models.UniqueConstraint(fields=('examination', 'fingerprint'), name='report_content_is_received_once'), models.CheckConstraint(condition=models.Q(('status__in', ['preliminary', 'final', 'corrected', 'withdrawn'])), name='report_status_is_known'), models.CheckConstraint(condition=models.Q(('version__gte', 1)), name='report_version_starts_at_one')],
                },
            ),
            migrations.CreateModel(
                name='Receipt',
                fields=[
                    ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                    ('part', models.PositiveSmallIntegerField()),
                    ('outcome', models.CharField(choices=[('new_report', 'New report'), ('new_version', 'New version'), ('older_version', 'Older version, kept as history'), ('duplicate', 'Already received'), ('ordered', 'Order placed or changed'), ('performed', 'Images made'), ('cancelled', 'Order cancelled'), ('patient', 'News of a patient'), ('merged', 'Records merged'), ('unmerged', 'Merge undone'), ('nothing', 'Nothing to do'), ('refused', 'Refused, and its sender told so'), ('held', 'Held for a person')], max_length=14)),
                    ('reason', models.CharField(blank=True, choices=[('unreadable', 'unreadable'), ('unsupported_message', 'unsupported_message'), ('unsupported_version', 'unsupported_version'), ('test_message', 'test_message'), ('not_imaging', 'not_imaging'), ('missing_patient', 'missing_patient'), ('bad_nhs_number', 'bad_nhs_number'), ('missing_accession', 'missing_accession'), ('unknown_status', 'unknown_status'), ('bad_time', 'bad_time'), ('no_text', 'no_text'), ('identity_conflict', 'identity_conflict'), ('accession_conflict', 'accession_conflict'), ('unknown_sender', 'unknown_sender'), ('too_large', 'too_large'), ('cut_off', 'cut_off'), ('wrong_sender', 'wrong_sender'), ('needs_decision', 'needs_decision'), ('our_fault', 'our_fault')], max_length=24)),
                    ('location', models.CharField(blank=True, max_length=40)),
                    ('detail', models.CharField(blank=True, max_length=300)),
                    ('suggestion', models.CharField(blank=True, max_length=300)),
                    ('accession', models.CharField(blank=True, max_length=80)),
                    ('at', models.DateTimeField(db_default=django.db.models.functions.datetime.Now())),
                    ('resolved_at', models.DateTimeField(blank=True, null=True)),
                    ('resolution', models.CharField(blank=True, max_length=300)),
                    ('message', models.ForeignKey(db_index=False, on_delete=django.db.models.deletion.PROTECT, related_name='receipts', to='findings.incomingmessage')),
                    ('resolved_by', models.ForeignKey(blank=True, null=True, on_delete=django.db.models.deletion.PROTECT, related_name='+', to=settings.AUTH_USER_MODEL)),
                    ('report', models.ForeignKey(blank=True, null=True, on_delete=django.db.models.deletion.PROTECT, related_name='receipts', to='findings.report')),
                    ('alert', models.CharField(blank=True, db_default='', default='', max_length=30)),
                    ('alert_due_at', models.DateTimeField(blank=True, null=True)),
                    ('examination', models.ForeignKey(blank=True, db_index=False, null=True, on_delete=django.db.models.deletion.PROTECT, related_name='receipts', to='findings.examination')),
                    ('patient', models.ForeignKey(blank=True, db_index=False, null=True, on_delete=django.db.models.deletion.PROTECT, related_name='receipts', to='findings.patient')),
                ],
                options={
                    'indexes': [models.Index(condition=models.Q(('outcome', 'held'), ('resolved_at__isnull', True)), fields=['at'], name='held_and_waiting'), models.Index(condition=models.Q(('examination__isnull', False)), fields=['examination'], name='receipts_of_orders'), models.Index(condition=models.Q(('patient__isnull', False)), fields=['patient'], name='receipts_of_news'), models.Index(condition=models.Q(('outcome', 'refused'), ('reason', 'test_message')), fields=['at'], name='refused_as_tests')],
                    'constraints': [models.UniqueConstraint(fields=('message', 'part'), name='part_has_one_receipt'), models.CheckConstraint(condition=models.Q(models.Q(('outcome', 'held'), _negated=True), models.Q(models.Q(('reason', ''), _negated=True), models.Q(('suggestion', ''), _negated=True)), _connector='OR'), name='held_says_why_and_what_to_do'), models.CheckConstraint(condition=models.Q(models.Q(('resolution', ''), ('resolved_at__isnull', True), ('resolved_by__isnull', True)), models.Q(('resolved_at__isnull', False), ('resolved_by__isnull', False), models.Q(('resolution', ''), _negated=True)), _connector='OR'), name='resolved_says_who_and_how'), models.CheckConstraint(condition=models.Q(models.Q(('outcome', 'refused'), _negated=True), models.Q(('reason', ''), _negated=True), _connector='OR'), name='refused_says_why'), models.CheckConstraint(condition=models.Q(models.Q(('alert', ''), ('alert_due_at__isnull', True)), models.Q(models.Q(('alert', ''), _negated=True), ('alert_due_at__isnull', False)), _connector='OR'), name='held_item_with_an_alert_code_has_a_limit'), models.CheckConstraint(condition=models.Q(models.Q(('outcome__in', ('new_report', 'new_version', 'older_version', 'duplicate')), ('report__isnull', False)), models.Q(('examination__isnull', False), ('outcome__in', ('ordered', 'performed', 'cancelled')), ('report__isnull', True)), models.Q(('outcome__in', ('patient', 'merged', 'unmerged')), ('patient__isnull', False), ('report__isnull', True)), models.Q(('outcome__in', ('nothing', 'refused', 'held')), ('report__isnull', True)), _connector='OR'), name='receipt_leads_to_what_it_made')],
                },
            ),
            migrations.CreateModel(
                name='Rule',
                fields=[
                    ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                    ('policy_id', models.CharField(max_length=30)),
                    ('version', models.PositiveIntegerField()),
                    ('category', models.CharField(max_length=40)),
                    ('calendar', models.CharField(blank=True, choices=[('elapsed', 'Elapsed time'), ('working', 'Working days'), ('', 'Not stated')], max_length=8)),
                    ('communicate_within', models.CharField(blank=True, max_length=12)),
                    ('acknowledge_within', models.CharField(blank=True, max_length=12)),
                    ('act_within', models.CharField(blank=True, max_length=12)),
                    ('escalation', models.TextField(blank=True)),
                    ('basis', models.CharField(choices=[('standard', 'National standard'), ('audit_template', 'Audit template'), ('benchmark', "Another institution's policy"), ('local', 'Local default')], max_length=14)),
                    ('source', models.CharField(max_length=200)),
                    ('notes', models.TextField(blank=True)),
                    ('fingerprint', models.CharField(max_length=64)),
                    ('loaded_at', models.DateTimeField(db_default=django.db.models.functions.datetime.Now())),
                    ('snooze_within', models.CharField(blank=True, max_length=12)),
                ],
                options={
                    'ordering': ['policy_id', 'version'],
                    'constraints': [models.UniqueConstraint(fields=('policy_id', 'version'), name='policy_version_is_loaded_once'), models.CheckConstraint(condition=models.Q(('basis__in', ['standard', 'audit_template', 'benchmark', 'local'])), name='basis_is_known')],
                },
            ),
            migrations.CreateModel(
                name='Clock',
                fields=[
                    ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                    ('kind', models.CharField(max_length=12)),
                    ('started_at', models.DateTimeField()),
                    ('due_at', models.DateTimeField()),
                    ('stopped_at', models.DateTimeField(blank=True, null=True)),
                    ('stopped_because', models.CharField(blank=True, choices=[('answered', 'What was promised was done'), ('corrected', 'The report was corrected; a new clock started'), ('handed_over', 'Handed to somebody else; a new clock started'), ('category', 'The category changed; a new clock started'), ('closed', 'The finding was closed'), ('withdrawn', 'The finding was withdrawn'), ('reported', 'The report came'), ('not_expected', 'No report is to be expected, and it was said why'), ('nearer', 'An earlier limit holds; a new clock started')], max_length=12)),
                    ('finding', models.ForeignKey(blank=True, null=True, on_delete=django.db.models.deletion.PROTECT, related_name='%(class)ss', to='findings.finding')),
                    ('rule', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='clocks', to='findings.rule')),
                    ('later_because', models.TextField(blank=True, db_default='')),
                    ('replaces', models.OneToOneField(blank=True, null=True, on_delete=django.db.models.deletion.PROTECT, related_name='replaced_by', to='findings.clock')),
                    ('examination', models.ForeignKey(blank=True, db_index=False, null=True, on_delete=django.db.models.deletion.PROTECT, related_name='%(class)ss', to='findings.examination')),
                ],
                options={
                    'ordering': ['started_at', 'pk'],
                    'indexes': [models.Index(condition=models.Q(('examination__isnull', False)), fields=['examination'], name='clocks_of_examinations')],
                    'constraints': [models.CheckConstraint(condition=models.Q(('due_at__gt', models.F('started_at'))), name='clock_is_due_after_it_starts'), models.UniqueConstraint(condition=models.Q(('stopped_at__isnull', True)), fields=('finding', 'kind'), name='one_running_clock_of_a_kind'), models.CheckConstraint(condition=models.Q(models.Q(('stopped_at__isnull', True), ('stopped_because', '')), models.Q(('stopped_at__gte', models.F('started_at')), ('stopped_at__isnull', False), models.Q(('stopped_because', ''), _negated=True)), _connector='OR'), name='stopped_clock_says_when_and_why'), models.CheckConstraint(condition=models.Q(('later_because', ''), ('replaces__isnull', False), _connector='OR'), name='only_a_clock_that_replaces_one_is_later'), models.UniqueConstraint(condition=models.Q(('examination__isnull', False), ('stopped_at__isnull', True)), fields=('examination', 'kind'), name='one_running_clock_of_an_examination'), models.CheckConstraint(condition=models.Q(('kind__in', ['acknowledge', 'act', 'follow_up', 'tell_patient', 'report_by', 'confirm'])), name='clock_kind_is_known'), models.CheckConstraint(condition=models.Q(models.Q(('examination__isnull', False), ('finding__isnull', True), ('kind__in', ['report_by', 'confirm'])), models.Q(('examination__isnull', True), ('finding__isnull', False), models.Q(('kind__in', ['report_by', 'confirm']), _negated=True)), _connector='OR'), name='examination_has_promises_of_its_own')],
                },
            ),
            migrations.CreateModel(
                name='BankHolidayChange',
                fields=[
                    ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                    ('what', models.CharField(choices=[('added', 'Added'), ('removed', 'Removed'), ('restored', 'Put back')], max_length=8)),
                    ('because', models.TextField()),
                    ('source', models.CharField(max_length=120)),
                    ('at', models.DateTimeField(db_default=django.db.models.functions.datetime.Now())),
                    ('by', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='+', to=settings.AUTH_USER_MODEL)),
                    ('holiday', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='changes', to='findings.bankholiday')),
                ],
                options={
                    'ordering': ['-at', '-pk'],
                    'constraints': [models.CheckConstraint(condition=models.Q(models.Q(('because', ''), _negated=True), models.Q(('source', ''), _negated=True)), name='bank_holiday_change_says_why_and_from_where')],
                },
            ),
            migrations.CreateModel(
                name='HandOver',
                fields=[
                    ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                    ('because', models.TextField()),
                    ('offered_at', models.DateTimeField()),
                    ('ended_at', models.DateTimeField(blank=True, null=True)),
                    ('outcome', models.CharField(blank=True, choices=[('accepted', 'Accepted'), ('refused', 'Refused'), ('taken_back', 'Taken back'), ('overtaken', 'Ended, since the finding moved on')], max_length=10)),
                    ('ended_because', models.TextField(blank=True)),
                    ('ended_by', models.ForeignKey(blank=True, null=True, on_delete=django.db.models.deletion.PROTECT, related_name='+', to=settings.AUTH_USER_MODEL)),
                    ('finding', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='offers', to='findings.finding')),
                    ('offered_by', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='+', to=settings.AUTH_USER_MODEL)),
                    ('to_person', models.ForeignKey(blank=True, null=True, on_delete=django.db.models.deletion.PROTECT, related_name='offers', to=settings.AUTH_USER_MODEL)),
                    ('to_team', models.ForeignKey(blank=True, null=True, on_delete=django.db.models.deletion.PROTECT, related_name='offers', to='findings.team')),
                ],
                options={
                    'ordering': ['offered_at', 'pk'],
                    'constraints': [models.UniqueConstraint(condition=models.Q(('ended_at__isnull', True)), fields=('finding',), name='one_open_offer_a_finding'), models.CheckConstraint(condition=models.Q(models.Q(('to_person__isnull', False), ('to_team__isnull', True)), models.Q(('to_person__isnull', True), ('to_team__isnull', False)), _connector='OR'), name='offer_goes_to_one_person_or_team'), models.CheckConstraint(condition=models.Q(('because', ''), _negated=True), name='offer_has_a_reason'), models.CheckConstraint(condition=models.Q(models.Q(('ended_at__isnull', True), ('ended_by__isnull', True), ('outcome', '')), models.Q(('ended_at__gte', models.F('offered_at')), ('outcome__in', ['accepted', 'refused', 'taken_back', 'overtaken'])), _connector='OR'), name='ended_offer_says_when_and_how'), models.CheckConstraint(condition=models.Q(models.Q(('outcome', 'refused'), _negated=True), models.Q(('ended_because', ''), _negated=True), _connector='OR'), name='refused_offer_has_a_reason'), models.CheckConstraint(condition=models.Q(('outcome__in', ['', 'overtaken']), ('ended_by__isnull', False), _connector='OR'), name='a_person_ends_an_offer_unless_it_is_overtaken')],
                },
            ),
            migrations.CreateModel(
                name='Leave',
                fields=[
                    ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                    ('first_on', models.DateField()),
                    ('last_on', models.DateField()),
                    ('entered_at', models.DateTimeField()),
                    ('cancelled_at', models.DateTimeField(blank=True, null=True)),
                    ('deputy', models.ForeignKey(blank=True, null=True, on_delete=django.db.models.deletion.PROTECT, related_name='stands_in_during', to=settings.AUTH_USER_MODEL)),
                    ('entered_by', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='+', to=settings.AUTH_USER_MODEL)),
                    ('person', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='leave', to=settings.AUTH_USER_MODEL)),
                    ('told_at', models.DateTimeField(blank=True, null=True)),
                ],
                options={
                    'verbose_name_plural': 'leave',
                    'ordering': ['first_on', 'pk'],
                    'constraints': [models.CheckConstraint(condition=models.Q(('last_on__gte', models.F('first_on'))), name='leave_ends_not_before_it_starts'), models.CheckConstraint(condition=models.Q(('deputy__isnull', True), models.Q(('deputy', models.F('person')), _negated=True), _connector='OR'), name='nobody_is_their_own_deputy'), models.CheckConstraint(condition=models.Q(('cancelled_at__isnull', True), ('cancelled_at__gte', models.F('entered_at')), _connector='OR'), name='leave_is_cancelled_after_it_was_entered'), django.contrib.postgres.constraints.ExclusionConstraint(condition=models.Q(('cancelled_at__isnull', True)), expressions=[('person', '='), (models.Func(models.F('first_on'), models.F('last_on'), models.Value('[]'), function='daterange', output_field=django.contrib.postgres.fields.ranges.DateRangeField()), '&&')], name='leave_of_one_person_does_not_overlap')],
                },
            ),
            migrations.CreateModel(
                name='Post',
                fields=[
                    ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                    ('name', models.CharField(max_length=120)),
                    ('stands_for', models.CharField(choices=[('responsible', 'the responsible consultant'), ('department', 'the clinical director'), ('coordinator', 'the coordinators')], max_length=12)),
                    ('zone', models.CharField(default='Europe/London', max_length=40)),
                    ('ended_at', models.DateTimeField(blank=True, null=True)),
                    ('team', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='posts', to='findings.team')),
                ],
                options={
                    'ordering': ['team__name', 'name'],
                    'constraints': [models.CheckConstraint(condition=models.Q(('name', ''), _negated=True), name='post_has_a_name'), models.CheckConstraint(condition=models.Q(('stands_for__in', ['responsible', 'department', 'coordinator'])), name='post_stands_for_a_duty'), models.UniqueConstraint(fields=('team', 'name'), name='post_name_is_its_own'), models.UniqueConstraint(condition=models.Q(('ended_at__isnull', True)), fields=('team', 'stands_for'), name='one_post_for_a_duty_of_a_team')],
                },
            ),
            migrations.CreateModel(
                name='RotaChange',
                fields=[
                    ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                    ('what', models.CharField(choices=[('post_made', 'Post made'), ('post_changed', 'Post changed'), ('post_ended', 'Post ended'), ('added', 'Added'), ('changed', 'Changed'), ('removed', 'Removed')], max_length=12)),
                    ('before', models.TextField(blank=True)),
                    ('after', models.TextField(blank=True)),
                    ('source', models.CharField(blank=True, max_length=120)),
                    ('at', models.DateTimeField(db_default=django.db.models.functions.datetime.Now())),
                    ('by', models.ForeignKey(blank=True, null=True, on_delete=django.db.models.deletion.PROTECT, related_name='+', to=settings.AUTH_USER_MODEL)),
                    ('post', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='changes', to='findings.post')),
                    ('entry', models.ForeignKey(blank=True, null=True, on_delete=django.db.models.deletion.PROTECT, related_name='changes', to='findings.rotaentry')),
                ],
                options={
                    'ordering': ['-at', '-pk'],
                    'constraints': [models.CheckConstraint(condition=models.Q(('before', models.F('after')), _negated=True), name='rota_change_says_what_was_and_what_is')],
                },
            ),
            migrations.CreateModel(
                name='RotaEntry',
                fields=[
                    ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                    ('starts_on', models.DateField()),
                    ('starts_time', models.TimeField()),
                    ('ends_on', models.DateField()),
                    ('ends_time', models.TimeField()),
                    ('zone', models.CharField(default='Europe/London', max_length=40)),
                    ('starts_at', models.GeneratedField(db_persist=True, expression=models.Func(models.F('zone'), django.db.models.expressions.CombinedExpression(models.F('starts_on'), '+', models.F('starts_time'), output_field=models.DateTimeField()), function='timezone', output_field=models.DateTimeField()), output_field=models.DateTimeField())),
                    ('ends_at', models.GeneratedField(db_persist=True, expression=models.Func(models.F('zone'), django.db.models.expressions.CombinedExpression(models.F('ends_on'), '+', models.F('ends_time'), output_field=models.DateTimeField()), function='timezone', output_field=models.DateTimeField()), output_field=models.DateTimeField())),
                    ('removed_at', models.DateTimeField(blank=True, null=True)),
                    ('person', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='rota_entries', to=settings.AUTH_USER_MODEL)),
                    ('post', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='entries', to='findings.post')),
                ],
                options={
                    'verbose_name_plural': 'rota entries',
                    'ordering': ['starts_at', 'pk'],
                    'constraints': [models.CheckConstraint(condition=models.Q(('ends_at__gt', models.F('starts_at'))), name='rota_entry_ends_after_it_starts'), django.contrib.postgres.constraints.ExclusionConstraint(condition=models.Q(('removed_at__isnull', True)), expressions=[('post', '='), (models.Func(models.F('starts_at'), models.F('ends_at'), function='tstzrange', output_field=django.contrib.postgres.fields.ranges.DateTimeRangeField()), '&&')], name='rota_entries_of_one_post_do_not_overlap')],
                },
            ),
            migrations.CreateModel(
                name='Recommendation',
                fields=[
                    ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                    ('modality', models.CharField(max_length=16)),
                    ('region', models.CharField(blank=True, max_length=60)),
                    ('due_on', models.DateField()),
                    ('recorded_at', models.DateTimeField()),
                    ('ended_at', models.DateTimeField(blank=True, null=True)),
                    ('outcome', models.CharField(blank=True, choices=[('done', 'Done here'), ('elsewhere', 'Done elsewhere'), ('not_needed', 'Not needed any more'), ('ended', 'The finding was withdrawn')], max_length=10)),
                    ('ended_because', models.TextField(blank=True)),
                    ('ended_by', models.ForeignKey(blank=True, null=True, on_delete=django.db.models.deletion.PROTECT, related_name='+', to=settings.AUTH_USER_MODEL)),
                    ('examination', models.ForeignKey(blank=True, null=True, on_delete=django.db.models.deletion.PROTECT, related_name='+', to='findings.examination')),
                    ('finding', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='recommendations', to='findings.finding')),
                    ('recorded_by', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='+', to=settings.AUTH_USER_MODEL)),
                ],
                options={
                    'ordering': ['recorded_at', 'pk'],
                    'constraints': [models.UniqueConstraint(condition=models.Q(('ended_at__isnull', True)), fields=('finding',), name='one_open_recommendation_a_finding'), models.CheckConstraint(condition=models.Q(('modality', ''), _negated=True), name='recommendation_says_what'), models.CheckConstraint(condition=models.Q(models.Q(('ended_at__isnull', True), ('ended_by__isnull', True), ('outcome', '')), models.Q(('ended_at__gte', models.F('recorded_at')), ('ended_by__isnull', False), ('outcome__in', ['done', 'elsewhere', 'not_needed', 'ended'])), _connector='OR'), name='ended_recommendation_says_when_who_and_how'), models.CheckConstraint(condition=models.Q(models.Q(('examination__isnull', False), ('outcome', 'done')), models.Q(models.Q(('outcome', 'done'), _negated=True), ('examination__isnull', True)), _connector='OR'), name='recommendation_done_here_names_its_examination'), models.CheckConstraint(condition=models.Q(models.Q(('outcome__in', ['elsewhere', 'not_needed']), _negated=True), models.Q(('ended_because', ''), _negated=True), _connector='OR'), name='recommendation_not_done_here_says_why')],
                },
            ),
            migrations.CreateModel(
                name='ProposedMatch',
                fields=[
                    ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                    ('proposed_at', models.DateTimeField()),
                    ('refused_at', models.DateTimeField(blank=True, null=True)),
                    ('examination', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='proposed_for', to='findings.examination')),
                    ('refused_by', models.ForeignKey(blank=True, null=True, on_delete=django.db.models.deletion.PROTECT, related_name='+', to=settings.AUTH_USER_MODEL)),
                    ('recommendation', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='matches', to='findings.recommendation')),
                ],
                options={
                    'ordering': ['proposed_at', 'pk'],
                    'constraints': [models.UniqueConstraint(fields=('recommendation', 'examination'), name='match_is_proposed_once'), models.CheckConstraint(condition=models.Q(models.Q(('refused_at__isnull', True), ('refused_by__isnull', True)), models.Q(('refused_at__gte', models.F('proposed_at')), ('refused_by__isnull', False)), _connector='OR'), name='refused_match_says_when_and_who')],
                },
            ),
            migrations.CreateModel(
                name='Unroutable',
                fields=[
                    ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                    ('since_at', models.DateTimeField()),
                    ('because', models.TextField()),
                    ('mended_at', models.DateTimeField(blank=True, null=True)),
                    ('finding', models.ForeignKey(blank=True, null=True, on_delete=django.db.models.deletion.PROTECT, related_name='%(class)ss', to='findings.finding')),
                    ('examination', models.ForeignKey(blank=True, db_index=False, null=True, on_delete=django.db.models.deletion.PROTECT, related_name='%(class)ss', to='findings.examination')),
                ],
                options={
                    'verbose_name_plural': 'unroutable findings',
                    'ordering': ['since_at', 'pk'],
                    'constraints': [models.UniqueConstraint(condition=models.Q(('mended_at__isnull', True)), fields=('finding',), name='a_finding_is_unroutable_once_at_a_time'), models.CheckConstraint(condition=models.Q(('because', ''), _negated=True), name='unroutable_says_why'), models.CheckConstraint(condition=models.Q(('mended_at__isnull', True), ('mended_at__gte', models.F('since_at')), _connector='OR'), name='unroutable_is_mended_after_it_began'), models.UniqueConstraint(condition=models.Q(('examination__isnull', False), ('mended_at__isnull', True)), fields=('examination',), name='an_examination_is_unroutable_once_at_a_time'), models.CheckConstraint(condition=models.Q(models.Q(('examination__isnull', True), ('finding__isnull', False)), models.Q(('examination__isnull', False), ('finding__isnull', True)), _connector='OR'), name='unroutable_is_of_a_finding_or_an_examination')],
                },
            ),
            migrations.CreateModel(
                name='Pause',
                fields=[
                    ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                    ('kind', models.CharField(choices=[('snooze', 'Snoozed'), ('hold', 'Letter held'), ('death', 'Letter held, as the patient has died')], max_length=6)),
                    ('because', models.TextField()),
                    ('started_at', models.DateTimeField()),
                    ('until_at', models.DateTimeField()),
                    ('at_most_until', models.DateTimeField(blank=True, null=True)),
                    ('ended_at', models.DateTimeField(blank=True, null=True)),
                    ('clock', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='pauses', to='findings.clock')),
                    ('ended_by', models.ForeignKey(blank=True, null=True, on_delete=django.db.models.deletion.PROTECT, related_name='+', to=settings.AUTH_USER_MODEL)),
                    ('entered_by', models.ForeignKey(blank=True, null=True, on_delete=django.db.models.deletion.PROTECT, related_name='+', to=settings.AUTH_USER_MODEL)),
                    ('finding', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='pauses', to='findings.finding')),
                ],
                options={
                    'ordering': ['started_at', 'pk'],
                    'constraints': [models.UniqueConstraint(condition=models.Q(('ended_at__isnull', True)), fields=('clock',), name='one_open_pause_a_clock'), models.CheckConstraint(condition=models.Q(('because', ''), _negated=True), name='pause_has_a_reason'), models.CheckConstraint(condition=models.Q(('until_at__gt', models.F('started_at'))), name='pause_ends_after_it_starts'), models.CheckConstraint(condition=models.Q(models.Q(('ended_at__isnull', True), ('ended_by__isnull', True)), ('ended_at__gte', models.F('started_at')), _connector='OR'), name='pause_is_ended_after_it_starts'), models.CheckConstraint(condition=models.Q(('kind__in', ['hold', 'death']), models.Q(('at_most_until__isnull', False), ('kind', 'snooze'), ('until_at__lte', models.F('at_most_until'))), _connector='OR'), name='snooze_never_passes_its_limit'), models.CheckConstraint(condition=models.Q(models.Q(('entered_by__isnull', True), ('kind', 'death')), models.Q(models.Q(('kind', 'death'), _negated=True), ('entered_by__isnull', False)), _connector='OR'), name='somebody_pauses_unless_the_patient_died')],
                },
            ),
            migrations.CreateModel(
                name='RoutingChange',
                fields=[
                    ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                    ('before', models.TextField(blank=True)),
                    ('after', models.TextField(blank=True)),
                    ('at', models.DateTimeField(db_default=django.db.models.functions.datetime.Now())),
                    ('by', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='+', to=settings.AUTH_USER_MODEL)),
                    ('organisation', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='+', to='findings.organisation')),
                ],
                options={
                    'ordering': ['-at', '-pk'],
                    'constraints': [models.CheckConstraint(condition=models.Q(('before', models.F('after')), _negated=True), name='routing_change_says_what_was_and_what_is')],
                },
            ),
            migrations.CreateModel(
                name='RoutingRule',
                fields=[
                    ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                    ('position', models.PositiveSmallIntegerField(default=0)),
                    ('specialty', models.CharField(blank=True, max_length=60)),
                    ('is_last', models.BooleanField(default=False)),
                    ('category', models.ForeignKey(blank=True, null=True, on_delete=django.db.models.deletion.PROTECT, related_name='+', to='findings.category')),
                    ('organisation', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='routing_rules', to='findings.organisation')),
                    ('site', models.ForeignKey(blank=True, null=True, on_delete=django.db.models.deletion.PROTECT, related_name='+', to='findings.site')),
                    ('team', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='routing_rules', to='findings.team')),
                ],
                options={
                    'constraints': [models.CheckConstraint(condition=models.Q(('is_last', False), models.Q(('category__isnull', True), ('site__isnull', True), ('specialty', '')), _connector='OR'), name='last_routing_rule_is_for_everything'), models.CheckConstraint(condition=models.Q(('is_last', True), ('category__isnull', False), ('site__isnull', False), models.Q(('specialty', ''), _negated=True), _connector='OR'), name='routing_rule_says_for_what'), models.UniqueConstraint(fields=('organisation', 'category', 'specialty', 'site'), name='routing_rule_is_there_once', nulls_distinct=False)],
                },
            ),
            migrations.CreateModel(
                name='PhoneCall',
                fields=[
                    ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                    ('called_at', models.DateTimeField()),
                    ('spoke_to_words', models.CharField(blank=True, max_length=120)),
                    ('said', models.TextField()),
                    ('was_read_back', models.BooleanField()),
                    ('took_it_on', models.BooleanField(default=False)),
                    ('recorded_at', models.DateTimeField()),
                    ('called_by', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='+', to=settings.AUTH_USER_MODEL)),
                    ('finding', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='calls', to='findings.finding')),
                    ('spoke_to', models.ForeignKey(blank=True, null=True, on_delete=django.db.models.deletion.PROTECT, related_name='+', to=settings.AUTH_USER_MODEL)),
                ],
                options={
                    'ordering': ['called_at', 'pk'],
                    'constraints': [models.CheckConstraint(condition=models.Q(('said', ''), _negated=True), name='call_says_what_was_said'), models.CheckConstraint(condition=models.Q(models.Q(('spoke_to__isnull', False), ('spoke_to_words', '')), models.Q(('spoke_to__isnull', True), models.Q(('spoke_to_words', ''), _negated=True)), _connector='OR'), name='call_says_who_was_spoken_to'), models.CheckConstraint(condition=models.Q(('took_it_on', False), models.Q(('spoke_to__isnull', False), ('was_read_back', True)), _connector='OR'), name='only_somebody_known_takes_it_on_by_telephone'), models.CheckConstraint(condition=models.Q(('recorded_at__gte', models.F('called_at'))), name='call_is_recorded_after_it_was_made')],
                },
            ),
            migrations.CreateModel(
                name='PatientMerge',
                fields=[
                    ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                    ('because', models.TextField()),
                    ('examinations', django.contrib.postgres.fields.ArrayField(base_field=models.BigIntegerField(), size=None)),
                    ('merged_at', models.DateTimeField()),
                    ('undone_at', models.DateTimeField(blank=True, null=True)),
                    ('undone_because', models.TextField(blank=True)),
                    ('kept', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='merges', to='findings.patient')),
                    ('merged', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='merged_by', to='findings.patient')),
                    ('merged_by', models.ForeignKey(blank=True, null=True, on_delete=django.db.models.deletion.PROTECT, related_name='+', to=settings.AUTH_USER_MODEL)),
                    ('undone_by', models.ForeignKey(blank=True, null=True, on_delete=django.db.models.deletion.PROTECT, related_name='+', to=settings.AUTH_USER_MODEL)),
                    ('said_at', models.DateTimeField(blank=True, null=True)),
                    ('undone_said_at', models.DateTimeField(blank=True, null=True)),
                ],
                options={
                    'ordering': ['-merged_at', '-pk'],
                    'constraints': [models.UniqueConstraint(condition=models.Q(('undone_at__isnull', True)), fields=('merged',), name='merged_into_one_record'), models.CheckConstraint(condition=models.Q(('kept', models.F('merged')), _negated=True), name='merge_is_of_two_records'), models.CheckConstraint(condition=models.Q(('because', ''), _negated=True), name='merge_has_a_reason'), models.CheckConstraint(condition=models.Q(models.Q(('undone_at__isnull', True), ('undone_because', ''), ('undone_by__isnull', True)), models.Q(('undone_at__gte', models.F('merged_at')), models.Q(('undone_because', ''), _negated=True)), _connector='OR'), name='undone_merge_says_when_and_why')],
                },
            ),
            migrations.CreateModel(
                name='CategoryChange',
                fields=[
                    ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                    ('because', models.TextField()),
                    ('later_because', models.TextField(blank=True)),
                    ('changed_at', models.DateTimeField()),
                    ('after', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='+', to='findings.category')),
                    ('before', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='+', to='findings.category')),
                    ('changed_by', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='+', to=settings.AUTH_USER_MODEL)),
                    ('finding', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='category_changes', to='findings.finding')),
                ],
                options={
                    'ordering': ['changed_at', 'pk'],
                    'constraints': [models.CheckConstraint(condition=models.Q(('before', models.F('after')), _negated=True), name='category_changes_to_another'), models.CheckConstraint(condition=models.Q(('because', ''), _negated=True), name='category_change_has_a_reason')],
                },
            ),
            migrations.CreateModel(
                name='PatientChange',
                fields=[
                    ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                    ('kind', models.CharField(choices=[('died', 'Died'), ('discharged', 'Discharged'), ('transferred', 'Transferred')], max_length=11)),
                    ('happened_at', models.DateTimeField()),
                    ('whereto', models.CharField(blank=True, max_length=160)),
                    ('recorded_at', models.DateTimeField()),
                    ('undone_at', models.DateTimeField(blank=True, null=True)),
                    ('undone_because', models.TextField(blank=True)),
                    ('patient', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='changes', to='findings.patient')),
                    ('recorded_by', models.ForeignKey(blank=True, null=True, on_delete=django.db.models.deletion.PROTECT, related_name='+', to=settings.AUTH_USER_MODEL)),
                    ('undone_by', models.ForeignKey(blank=True, null=True, on_delete=django.db.models.deletion.PROTECT, related_name='+', to=settings.AUTH_USER_MODEL)),
                    ('organisation', models.ForeignKey(blank=True, null=True, on_delete=django.db.models.deletion.PROTECT, related_name='+', to='findings.organisation')),
                ],
                options={
                    'ordering': ['-recorded_at', '-pk'],
                    'constraints': [models.UniqueConstraint(condition=models.Q(('kind', 'died'), ('undone_at__isnull', True)), fields=('patient',), name='a_patient_dies_once'), models.CheckConstraint(condition=models.Q(('kind__in', ['died', 'discharged', 'transferred'])), name='change_of_patient_is_known'), models.CheckConstraint(condition=models.Q(('happened_at__lte', models.F('recorded_at'))), name='change_of_patient_has_happened'), models.CheckConstraint(condition=models.Q(models.Q(('undone_at__isnull', True), ('undone_because', ''), ('undone_by__isnull', True)), models.Q(('undone_at__gte', models.F('recorded_at')), models.Q(('undone_because', ''), _negated=True)), _connector='OR'), name='undone_change_of_patient_says_when_and_why')],
                },
            ),
            migrations.CreateModel(
                name='NoReport',
                fields=[
                    ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                    ('reason', models.CharField(choices=[('cancelled', 'The examination was cancelled or not completed'), ('mistake', 'It was entered by mistake, or is here under another number'), ('elsewhere', 'It was reported elsewhere')], max_length=10)),
                    ('because', models.TextField()),
                    ('said_at', models.DateTimeField()),
                    ('undone_at', models.DateTimeField(blank=True, null=True)),
                    ('undone_because', models.TextField(blank=True)),
                    ('examination', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='no_reports', to='findings.examination')),
                    ('said_by', models.ForeignKey(blank=True, null=True, on_delete=django.db.models.deletion.PROTECT, related_name='+', to=settings.AUTH_USER_MODEL)),
                    ('undone_by', models.ForeignKey(blank=True, null=True, on_delete=django.db.models.deletion.PROTECT, related_name='+', to=settings.AUTH_USER_MODEL)),
                ],
                options={
                    'ordering': ['-said_at', '-pk'],
                    'constraints': [models.UniqueConstraint(condition=models.Q(('undone_at__isnull', True)), fields=('examination',), name='no_report_is_said_once'), models.CheckConstraint(condition=models.Q(('reason__in', ['cancelled', 'mistake', 'elsewhere']), models.Q(('because', ''), _negated=True)), name='no_report_has_a_reason'), models.CheckConstraint(condition=models.Q(models.Q(('undone_at__isnull', True), ('undone_because', ''), ('undone_by__isnull', True)), models.Q(('undone_at__gte', models.F('said_at')), models.Q(('undone_because', ''), _negated=True)), _connector='OR'), name='undone_no_report_says_when_and_why')],
                },
            ),
            migrations.CreateModel(
                name='Document',
                fields=[
                    ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                    ('number', models.PositiveSmallIntegerField()),
                    ('media_type', models.CharField(max_length=40)),
                    ('size', models.PositiveIntegerField()),
                    ('sha256', models.CharField(max_length=64)),
                    ('content', models.BinaryField()),
                    ('report', models.ForeignKey(db_index=False, on_delete=django.db.models.deletion.PROTECT, related_name='documents', to='findings.report')),
                ],
                options={
                    'ordering': ['report', 'number'],
                    'constraints': [models.UniqueConstraint(fields=('report', 'number'), name='document_has_its_number'), models.CheckConstraint(condition=models.Q(('size__gte', 1), ('size__lte', 10485760)), name='document_is_neither_empty_nor_too_large'), models.CheckConstraint(condition=models.Q(('media_type__in', ['application/octet-stream', 'application/pdf', 'application/rtf', 'image/jpeg', 'image/png', 'image/tiff'])), name='media_type_of_document_is_known')],
                },
            ),
            migrations.CreateModel(
                name='Proposal',
                fields=[
                    ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                    ('words', models.CharField(max_length=200)),
                    ('line', models.CharField(max_length=200)),
                    ('known_from', models.CharField(max_length=80)),
                    ('primary_site', models.CharField(blank=True, max_length=80)),
                    ('is_sure', models.BooleanField()),
                    ('proposed_at', models.DateTimeField()),
                    ('due_at', models.DateTimeField()),
                    ('ended_at', models.DateTimeField(blank=True, null=True)),
                    ('outcome', models.CharField(blank=True, choices=[('confirmed', 'Confirmed: a finding was flagged'), ('rejected', 'Not a finding'), ('flagged', 'Flagged by the system'), ('withdrawn', 'The report was withdrawn')], max_length=10)),
                    ('because', models.TextField(blank=True)),
                    ('category', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='+', to='findings.category')),
                    ('ended_by', models.ForeignKey(blank=True, null=True, on_delete=django.db.models.deletion.PROTECT, related_name='+', to=settings.AUTH_USER_MODEL)),
                    ('examination', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='proposals', to='findings.examination')),
                    ('finding', models.ForeignKey(blank=True, null=True, on_delete=django.db.models.deletion.PROTECT, related_name='proposals', to='findings.finding')),
                    ('report', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='proposals', to='findings.report')),
                ],
                options={
                    'ordering': ['due_at', 'pk'],
                    'indexes': [models.Index(condition=models.Q(('ended_at__isnull', True)), fields=['due_at'], name='proposals_open')],
                    'constraints': [models.UniqueConstraint(condition=models.Q(('ended_at__isnull', True)), fields=('examination', 'category'), name='one_open_proposal_of_a_category'), models.CheckConstraint(condition=models.Q(('due_at__gte', models.F('proposed_at'))), name='proposal_is_due_not_before_it_was_made'), models.CheckConstraint(condition=models.Q(models.Q(('because', ''), ('ended_at__isnull', True), ('ended_by__isnull', True), ('outcome', '')), models.Q(('ended_at__gte', models.F('proposed_at')), ('outcome__in', ['confirmed', 'rejected', 'flagged', 'withdrawn'])), _connector='OR'), name='ended_proposal_says_when_and_how'), models.CheckConstraint(condition=models.Q(models.Q(('finding__isnull', False), ('outcome__in', ['confirmed', 'flagged'])), models.Q(('finding__isnull', True), ('outcome__in', ['', 'rejected', 'withdrawn'])), _connector='OR'), name='flagged_proposal_names_its_finding'), models.CheckConstraint(condition=models.Q(models.Q(('outcome', 'rejected'), _negated=True), models.Q(('ended_by__isnull', False), models.Q(('because', ''), _negated=True)), _connector='OR'), name='somebody_rejects_a_proposal_with_a_reason')],
                },
            ),
            migrations.CreateModel(
                name='PatientUpdate',
                fields=[
                    ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                    ('before', models.JSONField()),
                    ('after', models.JSONField()),
                    ('at', models.DateTimeField(db_default=django.db.models.functions.datetime.Now())),
                    ('message', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='+', to='findings.incomingmessage')),
                    ('patient', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='updates', to='findings.patient')),
                ],
                options={
                    'ordering': ['-at', '-pk'],
                },
            ),
            migrations.CreateModel(
                name='SenderChange',
                fields=[
                    ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                    ('before', models.JSONField(blank=True, default=dict)),
                    ('after', models.JSONField()),
                    ('at', models.DateTimeField(db_default=django.db.models.functions.datetime.Now())),
                    ('by', models.ForeignKey(blank=True, null=True, on_delete=django.db.models.deletion.PROTECT, related_name='+', to=settings.AUTH_USER_MODEL)),
                    ('sender', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='changes', to='findings.sender')),
                ],
                options={
                    'ordering': ['-at', '-pk'],
                    'constraints': [models.CheckConstraint(condition=models.Q(('before', models.F('after')), _negated=True), name='sender_change_says_what_was_and_what_is')],
                },
            ),
            migrations.CreateModel(
                name='TokenUse',
                fields=[
                    ('digest', models.CharField(max_length=128, primary_key=True, serialize=False)),
                    ('last_used_at', models.DateTimeField()),
                ],
            ),
            migrations.CreateModel(
                name='ReportIdentifier',
                fields=[
                    ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                    ('system', models.CharField(blank=True, max_length=200)),
                    ('value', models.CharField(max_length=200)),
                    ('examination', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='report_identifiers', to='findings.examination')),
                    ('sender', models.ForeignKey(db_index=False, on_delete=django.db.models.deletion.PROTECT, related_name='+', to='findings.sender')),
                ],
                options={
                    'constraints': [models.UniqueConstraint(fields=('sender', 'value', 'system'), name='report_identifier_is_one_examination'), models.CheckConstraint(condition=models.Q(('value', ''), _negated=True), name='report_identifier_is_never_empty')],
                },
            ),
            migrations.CreateModel(
                name='FilingTry',
                fields=[
                    ('message', models.OneToOneField(on_delete=django.db.models.deletion.PROTECT, primary_key=True, related_name='filing_try', serialize=False, to='findings.incomingmessage')),
                    ('tries', models.PositiveSmallIntegerField()),
                    ('last_at', models.DateTimeField(db_default=django.db.models.functions.datetime.Now())),
                ],
            ),
            migrations.CreateModel(
                name='ToldApart',
                fields=[
                    ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                    ('said_at', models.DateTimeField()),
                    ('at', models.DateTimeField(db_default=django.db.models.functions.datetime.Now())),
                    ('message', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='+', to='findings.incomingmessage')),
                    ('one', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='+', to='findings.patient')),
                    ('other', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='+', to='findings.patient')),
                ],
                options={
                    'constraints': [models.CheckConstraint(condition=models.Q(('one', models.F('other')), _negated=True), name='told_apart_are_two_records')],
                },
            ),
            migrations.CreateModel(
                name='Repair',
                fields=[
                    ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                    ('examination_number', models.PositiveSmallIntegerField()),
                    ('accession', models.CharField(blank=True, max_length=80)),
                    ('reason', models.CharField(max_length=24)),
                    ('at', models.DateTimeField(db_default=django.db.models.functions.datetime.Now())),
                    ('by', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='+', to=settings.AUTH_USER_MODEL)),
                    ('patient', models.ForeignKey(blank=True, null=True, on_delete=django.db.models.deletion.PROTECT, related_name='+', to='findings.patient')),
                    ('receipt', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='repairs', to='findings.receipt')),
                ],
                options={
                    'ordering': ['pk'],
                    'constraints': [models.CheckConstraint(condition=models.Q(models.Q(('accession', ''), ('patient__isnull', False)), models.Q(models.Q(('accession', ''), _negated=True), ('patient__isnull', True)), _connector='OR'), name='repair_chooses_one_thing')],
                },
            ),
            migrations.CreateModel(
                name='Rating',
                fields=[
                    ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                    ('useful', models.CharField(choices=[('yes', 'Useful'), ('no', 'Not useful'), ('category', 'In the wrong category')], max_length=8)),
                    ('note', models.TextField(blank=True)),
                    ('rated_at', models.DateTimeField()),
                    ('finding', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='ratings', to='findings.finding')),
                    ('rated_by', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='+', to=settings.AUTH_USER_MODEL)),
                ],
                options={
                    'ordering': ['rated_at', 'pk'],
                    'constraints': [models.CheckConstraint(condition=models.Q(('useful__in', ['yes', 'no', 'category'])), name='rating_is_known')],
                },
            ),
            migrations.CreateModel(
                name='TakenFolder',
                fields=[
                    ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                    ('path', models.CharField(max_length=500, unique=True)),
                    ('looked_at', models.DateTimeField(blank=True, null=True)),
                    ('problems', models.PositiveIntegerField(default=0)),
                    ('problems_since', models.DateTimeField(blank=True, null=True)),
                    ('left', models.PositiveIntegerField(default=0)),
                ],
                options={
                    'ordering': ['path'],
                },
            ),
            migrations.CreateModel(
                name='LinkKey',
                fields=[
                    ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                    ('salt', models.CharField(max_length=64)),
                    ('made_at', models.DateTimeField(db_default=django.db.models.functions.datetime.Now())),
                    ('ended_at', models.DateTimeField(blank=True, null=True)),
                    ('ended_by', models.ForeignKey(blank=True, null=True, on_delete=django.db.models.deletion.PROTECT, related_name='+', to=settings.AUTH_USER_MODEL)),
                    ('made_by', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='+', to=settings.AUTH_USER_MODEL)),
                    ('sender', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='link_keys', to='findings.sender')),
                ],
                options={
                    'ordering': ['pk'],
                    'constraints': [models.CheckConstraint(condition=models.Q(models.Q(('ended_at__isnull', True), ('ended_by__isnull', True)), models.Q(('ended_at__gte', models.F('made_at')), ('ended_by__isnull', False)), _connector='OR'), name='ended_link_key_says_when_and_who')],
                },
            ),
            pgtrigger.migrations.AddTrigger(
                model_name='incomingmessage',
                trigger=pgtrigger.compiler.Trigger(name='incomingmessage_is_append_only', sql=pgtrigger.compiler.UpsertTriggerSql(func="RAISE EXCEPTION 'pgtrigger: Cannot update or delete rows from % table', TG_TABLE_NAME;", hash='d642128a12adf5fa5a5bd8c94affef0d514a6e50', operation='UPDATE OR DELETE', pgid='pgtrigger_incomingmessage_is_append_only_9b7ce', table='findings_incomingmessage', when='BEFORE')),
            ),
            pgtrigger.migrations.AddTrigger(
                model_name='rung',
                trigger=pgtrigger.compiler.Trigger(name='rung_is_append_only', sql=pgtrigger.compiler.UpsertTriggerSql(func="RAISE EXCEPTION 'pgtrigger: Cannot update or delete rows from % table', TG_TABLE_NAME;", hash='3a0ca11a2b8e7774c148619a981b6f4d4c701de0', operation='UPDATE OR DELETE', pgid='pgtrigger_rung_is_append_only_c82be', table='findings_rung', when='BEFORE')),
            ),
            pgtrigger.migrations.AddTrigger(
                model_name='signature',
                trigger=pgtrigger.compiler.Trigger(name='signature_is_append_only', sql=pgtrigger.compiler.UpsertTriggerSql(func="RAISE EXCEPTION 'pgtrigger: Cannot update or delete rows from % table', TG_TABLE_NAME;", hash='be0b2adf9e01b1442049e182a8408cd112900ac6', operation='UPDATE OR DELETE', pgid='pgtrigger_signature_is_append_only_6447a', table='findings_signature', when='BEFORE')),
            ),
            pgtrigger.migrations.AddTrigger(
                model_name='step',
                trigger=pgtrigger.compiler.Trigger(name='step_is_never_deleted', sql=pgtrigger.compiler.UpsertTriggerSql(func="RAISE EXCEPTION 'pgtrigger: Cannot delete rows from % table', TG_TABLE_NAME;", hash='55de9755894c71724e3d2d5ea167311e45a7ae07', operation='DELETE', pgid='pgtrigger_step_is_never_deleted_82944', table='findings_step', when='BEFORE')),
            ),
            pgtrigger.migrations.AddTrigger(
                model_name='step',
                trigger=pgtrigger.compiler.Trigger(name='step_never_fires_twice', sql=pgtrigger.compiler.UpsertTriggerSql(condition='WHEN (OLD."fired_at" IS NOT NULL OR OLD."cancelled_at" IS NOT NULL)', func="RAISE EXCEPTION 'step % has fired or was cancelled', OLD.id USING ERRCODE = 'check_violation';", hash='c2286e01b739e83b12d01e0b03187866ae1f02fb', operation='UPDATE', pgid='pgtrigger_step_never_fires_twice_0a4fd', table='findings_step', when='BEFORE')),
            ),
            pgtrigger.migrations.AddTrigger(
                model_name='step',
                trigger=pgtrigger.compiler.Trigger(name='step_promise_never_changes', sql=pgtrigger.compiler.UpsertTriggerSql(condition='WHEN (OLD."clock_id" IS DISTINCT FROM (NEW."clock_id") OR OLD."finding_id" IS DISTINCT FROM (NEW."finding_id") OR OLD."examination_id" IS DISTINCT FROM (NEW."examination_id") OR OLD."level" IS DISTINCT FROM (NEW."level") OR OLD."audience" IS DISTINCT FROM (NEW."audience") OR OLD."due_at" IS DISTINCT FROM (NEW."due_at"))', func="RAISE EXCEPTION 'pgtrigger: Cannot update rows from % table', TG_TABLE_NAME;", hash='41657938eff8d15a5efecc568d0e26a071ed6c03', operation='UPDATE', pgid='pgtrigger_step_promise_never_changes_f503a', table='findings_step', when='BEFORE')),
            ),
            pgtrigger.migrations.AddTrigger(
                model_name='team',
                trigger=pgtrigger.compiler.Trigger(name='coordination_team_brings_the_last_routing_rule', sql=pgtrigger.compiler.UpsertTriggerSql(condition='WHEN (NEW."kind" = \'coordination\')', func="\n                    INSERT INTO findings_routingrule\n                        (organisation_id, position, specialty, team_id, is_last)\n                    VALUES (NEW.organisation_id, 0, '', NEW.id, true) ON CONFLICT DO NOTHING;\n                    RETURN NULL;\n                ", hash='57fb8f7f641d44e3c5dd28c1b459114b9738b41c', operation='INSERT OR UPDATE', pgid='pgtrigger_coordination_team_brings_the_last_routing_rule_f859c', table='findings_team', when='AFTER')),
            ),
            pgtrigger.migrations.AddTrigger(
                model_name='viewing',
                trigger=pgtrigger.compiler.Trigger(name='viewing_is_append_only', sql=pgtrigger.compiler.UpsertTriggerSql(func="RAISE EXCEPTION 'pgtrigger: Cannot update or delete rows from % table', TG_TABLE_NAME;", hash='ea02b4bbc5dfcaf795a2b5eb86201ea083725d56', operation='UPDATE OR DELETE', pgid='pgtrigger_viewing_is_append_only_5798a', table='findings_viewing', when='BEFORE')),
            ),
            pgtrigger.migrations.AddTrigger(
                model_name='person',
                trigger=pgtrigger.compiler.Trigger(name='nobody_leaves_an_open_finding_behind', sql=pgtrigger.compiler.UpsertTriggerSql(condition='WHEN (NOT NEW."is_active" AND OLD."is_active")', constraint='CONSTRAINT', func="\n                    IF EXISTS (SELECT 1 FROM findings_person p\n                        JOIN findings_finding f ON f.owner_person_id = p.id\n                        WHERE p.id = NEW.id AND NOT p.is_active\n                            AND f.state IN ('awaiting', 'acknowledged', 'acted_on'))\n                    THEN\n                        RAISE EXCEPTION 'person % still holds an open finding', NEW.id\n                            USING ERRCODE = 'check_violation';\n                    END IF;\n                    RETURN NULL;\n                ", hash='2f0a92333bf9386a9257e9513f407a708d610ec1', operation='UPDATE OF "is_active"', pgid='pgtrigger_nobody_leaves_an_open_finding_behind_d42ca', table='findings_person', timing='DEFERRABLE INITIALLY DEFERRED', when='AFTER')),
            ),
            pgtrigger.migrations.AddTrigger(
                model_name='bankholiday',
                trigger=pgtrigger.compiler.Trigger(name='bankholiday_is_never_deleted', sql=pgtrigger.compiler.UpsertTriggerSql(func="RAISE EXCEPTION 'pgtrigger: Cannot delete rows from % table', TG_TABLE_NAME;", hash='314d04d43c7ddfba75f608a74da1057788052e8d', operation='DELETE', pgid='pgtrigger_bankholiday_is_never_deleted_214be', table='findings_bankholiday', when='BEFORE')),
            ),
            pgtrigger.migrations.AddTrigger(
                model_name='examination',
                trigger=pgtrigger.compiler.Trigger(name='examination_is_of_a_record_that_is_kept', sql=pgtrigger.compiler.UpsertTriggerSql(func="IF EXISTS (SELECT 1 FROM findings_patient WHERE id = NEW.patient_id AND merged_into_id IS NOT NULL) THEN RAISE EXCEPTION 'patient % was merged', NEW.patient_id USING ERRCODE = 'check_violation'; END IF; RETURN NEW;", hash='ac0e4ea51eb7aa5e14b194be1620332c907f10a4', operation='INSERT OR UPDATE OF "patient_id"', pgid='pgtrigger_examination_is_of_a_record_that_is_kept_a8724', table='findings_examination', when='BEFORE')),
            ),
            pgtrigger.migrations.AddTrigger(
                model_name='finding',
                trigger=pgtrigger.compiler.Trigger(name='finding_is_never_deleted', sql=pgtrigger.compiler.UpsertTriggerSql(func="RAISE EXCEPTION 'pgtrigger: Cannot delete rows from % table', TG_TABLE_NAME;", hash='0d9bec3b4118fcdd8d67b8cc28b0d86d4cf34653', operation='DELETE', pgid='pgtrigger_finding_is_never_deleted_ae26c', table='findings_finding', when='BEFORE')),
            ),
            pgtrigger.migrations.AddTrigger(
                model_name='finding',
                trigger=pgtrigger.compiler.Trigger(name='open_finding_has_a_running_clock', sql=pgtrigger.compiler.UpsertTriggerSql(constraint='CONSTRAINT', func='PERFORM findings_check_clock(NEW.id); RETURN NULL;', hash='ad77a8d3addc5f0764ebabb8231def8720f2a27b', operation='INSERT OR UPDATE', pgid='pgtrigger_open_finding_has_a_running_clock_dce83', table='findings_finding', timing='DEFERRABLE INITIALLY DEFERRED', when='AFTER')),
            ),
            pgtrigger.migrations.AddTrigger(
                model_name='event',
                trigger=pgtrigger.compiler.Trigger(name='event_is_append_only', sql=pgtrigger.compiler.UpsertTriggerSql(func="RAISE EXCEPTION 'pgtrigger: Cannot update or delete rows from % table', TG_TABLE_NAME;", hash='f7ed1854269c9bccd6ffd86d7ce4ca3818aaa303', operation='UPDATE OR DELETE', pgid='pgtrigger_event_is_append_only_371aa', table='findings_event', when='BEFORE')),
            ),
            pgtrigger.migrations.AddTrigger(
                model_name='event',
                trigger=pgtrigger.compiler.Trigger(name='event_is_numbered_and_chained', sql=pgtrigger.compiler.UpsertTriggerSql(declare='DECLARE last findings_event%ROWTYPE;', func="\n                    -- Two writers of one timeline wait for each other here.\n                    PERFORM 1 FROM findings_finding WHERE id = NEW.finding_id FOR NO KEY UPDATE;\n                    SELECT * INTO last FROM findings_event\n                        WHERE finding_id = NEW.finding_id ORDER BY number DESC LIMIT 1;\n                    NEW.number := COALESCE(last.number, 0) + 1;\n                    NEW.previous_hash := COALESCE(last.hash, '');\n                    NEW.hash := findings_event_hash(NEW.previous_hash, NEW.finding_id,\n                        NEW.number, NEW.kind, NEW.at, NEW.by_id, NEW.data);\n                    RETURN NEW;\n                ", hash='80afe7525a5dd63fb8171465b5173b7df0c5af41', operation='INSERT', pgid='pgtrigger_event_is_numbered_and_chained_14bd7', table='findings_event', when='BEFORE')),
            ),
            pgtrigger.migrations.AddTrigger(
                model_name='action',
                trigger=pgtrigger.compiler.Trigger(name='action_is_append_only', sql=pgtrigger.compiler.UpsertTriggerSql(func="RAISE EXCEPTION 'pgtrigger: Cannot update or delete rows from % table', TG_TABLE_NAME;", hash='4cf150304e452e2a4e830c709088561f75e554a5', operation='UPDATE OR DELETE', pgid='pgtrigger_action_is_append_only_030b2', table='findings_action', when='BEFORE')),
            ),
            pgtrigger.migrations.AddTrigger(
                model_name='membership',
                trigger=pgtrigger.compiler.Trigger(name='nobody_leaves_a_team_with_its_finding', sql=pgtrigger.compiler.UpsertTriggerSql(constraint='CONSTRAINT', func="\n                    IF EXISTS (SELECT 1 FROM findings_finding f\n                        WHERE f.owner_person_id = OLD.person_id AND f.team_id = OLD.team_id\n                            AND f.state IN ('awaiting', 'acknowledged', 'acted_on'))\n                        AND NOT EXISTS (SELECT 1 FROM findings_membership m\n                        WHERE m.person_id = OLD.person_id AND m.team_id = OLD.team_id)\n                    THEN\n                        RAISE EXCEPTION 'person % still holds an open finding of team %',\n                            OLD.person_id, OLD.team_id USING ERRCODE = 'check_violation';\n                    END IF;\n                    RETURN NULL;\n                ", hash='23bbbb1cf9fb421dbd29634bf8faa905f55c9637', operation='DELETE OR UPDATE OF "person_id", "team_id"', pgid='pgtrigger_nobody_leaves_a_team_with_its_finding_00cc5', table='findings_membership', timing='DEFERRABLE INITIALLY DEFERRED', when='AFTER')),
            ),
            pgtrigger.migrations.AddTrigger(
                model_name='report',
                trigger=pgtrigger.compiler.Trigger(name='report_is_append_only', sql=pgtrigger.compiler.UpsertTriggerSql(func="RAISE EXCEPTION 'pgtrigger: Cannot update or delete rows from % table', TG_TABLE_NAME;", hash='16575dd11bcbaa0aa748c8a701df831524b5b942', operation='UPDATE OR DELETE', pgid='pgtrigger_report_is_append_only_ed473', table='findings_report', when='BEFORE')),
            ),
            pgtrigger.migrations.AddTrigger(
                model_name='receipt',
                trigger=pgtrigger.compiler.Trigger(name='receipt_is_never_deleted', sql=pgtrigger.compiler.UpsertTriggerSql(func="RAISE EXCEPTION 'pgtrigger: Cannot delete rows from % table', TG_TABLE_NAME;", hash='137390b4504cb254b598d4234de47bc0edb57424', operation='DELETE', pgid='pgtrigger_receipt_is_never_deleted_6dbe6', table='findings_receipt', when='BEFORE')),
            ),
            pgtrigger.migrations.AddTrigger(
                model_name='rule',
                trigger=pgtrigger.compiler.Trigger(name='rule_is_append_only', sql=pgtrigger.compiler.UpsertTriggerSql(func="RAISE EXCEPTION 'pgtrigger: Cannot update or delete rows from % table', TG_TABLE_NAME;", hash='92e2502f6f5b1a00b636885e496f0eb0bfb0f2ab', operation='UPDATE OR DELETE', pgid='pgtrigger_rule_is_append_only_d94ab', table='findings_rule', when='BEFORE')),
            ),
            pgtrigger.migrations.AddTrigger(
                model_name='clock',
                trigger=pgtrigger.compiler.Trigger(name='clock_is_never_deleted', sql=pgtrigger.compiler.UpsertTriggerSql(func="RAISE EXCEPTION 'pgtrigger: Cannot delete rows from % table', TG_TABLE_NAME;", hash='c6862249d4767fe1bba72269db9cc7d812cb7ddb', operation='DELETE', pgid='pgtrigger_clock_is_never_deleted_0cdfc', table='findings_clock', when='BEFORE')),
            ),
            pgtrigger.migrations.AddTrigger(
                model_name='clock',
                trigger=pgtrigger.compiler.Trigger(name='replaced_clock_has_a_successor', sql=pgtrigger.compiler.UpsertTriggerSql(condition='WHEN (OLD."stopped_at" IS NULL AND NEW."stopped_because" IN (\'handed_over\', \'category\'))', constraint='CONSTRAINT', func="\n                    IF NOT EXISTS (SELECT 1 FROM findings_clock WHERE replaces_id = NEW.id) THEN\n                        RAISE EXCEPTION 'clock % was stopped and nothing replaces it', NEW.id\n                            USING ERRCODE = 'check_violation';\n                    END IF;\n                    RETURN NULL;\n                ", hash='aa768b380ccb80574114c548a5032f8dd082d924', operation='UPDATE', pgid='pgtrigger_replaced_clock_has_a_successor_925ad', table='findings_clock', timing='DEFERRABLE INITIALLY DEFERRED', when='AFTER')),
            ),
            pgtrigger.migrations.AddTrigger(
                model_name='clock',
                trigger=pgtrigger.compiler.Trigger(name='clock_promise_never_changes', sql=pgtrigger.compiler.UpsertTriggerSql(condition='WHEN (OLD."finding_id" IS DISTINCT FROM (NEW."finding_id") OR OLD."examination_id" IS DISTINCT FROM (NEW."examination_id") OR OLD."kind" IS DISTINCT FROM (NEW."kind") OR OLD."rule_id" IS DISTINCT FROM (NEW."rule_id") OR OLD."started_at" IS DISTINCT FROM (NEW."started_at") OR OLD."due_at" IS DISTINCT FROM (NEW."due_at") OR OLD."replaces_id" IS DISTINCT FROM (NEW."replaces_id") OR OLD."later_because" IS DISTINCT FROM (NEW."later_because"))', func="RAISE EXCEPTION 'pgtrigger: Cannot update rows from % table', TG_TABLE_NAME;", hash='080cbff73f0e973cbcb7bd056aba35463813155b', operation='UPDATE', pgid='pgtrigger_clock_promise_never_changes_b64b0', table='findings_clock', when='BEFORE')),
            ),
            pgtrigger.migrations.AddTrigger(
                model_name='clock',
                trigger=pgtrigger.compiler.Trigger(name='replacing_clock_is_never_due_later', sql=pgtrigger.compiler.UpsertTriggerSql(condition='WHEN (NEW."replaces_id" IS NOT NULL)', declare='DECLARE before findings_clock%ROWTYPE;', func="\n                    SELECT * INTO before FROM findings_clock WHERE id = NEW.replaces_id;\n                    IF before.finding_id IS DISTINCT FROM NEW.finding_id\n                            OR before.examination_id IS DISTINCT FROM NEW.examination_id\n                            OR before.stopped_because NOT IN ('handed_over', 'category') THEN\n                        RAISE EXCEPTION 'clock % was not stopped to be replaced', before.id\n                            USING ERRCODE = 'check_violation';\n                    ELSIF NEW.due_at > before.due_at AND NEW.later_because = '' THEN\n                        RAISE EXCEPTION 'the clock that replaces % is due later than it', before.id\n                            USING ERRCODE = 'check_violation';\n                    END IF;\n                    RETURN NEW;\n                ", hash='f31284d49514dc55d200abab351cc5f3575d40b4', operation='INSERT', pgid='pgtrigger_replacing_clock_is_never_due_later_d876f', table='findings_clock', when='BEFORE')),
            ),
            pgtrigger.migrations.AddTrigger(
                model_name='clock',
                trigger=pgtrigger.compiler.Trigger(name='clock_runs_while_finding_is_open', sql=pgtrigger.compiler.UpsertTriggerSql(condition='WHEN (NEW."finding_id" IS NOT NULL)', constraint='CONSTRAINT', func='PERFORM findings_check_clock(NEW.finding_id); RETURN NULL;', hash='c467e67508b2bba3d1a0a490ec7e815958ac64c5', operation='INSERT OR UPDATE', pgid='pgtrigger_clock_runs_while_finding_is_open_b11d1', table='findings_clock', timing='DEFERRABLE INITIALLY DEFERRED', when='AFTER')),
            ),
            pgtrigger.migrations.AddTrigger(
                model_name='bankholidaychange',
                trigger=pgtrigger.compiler.Trigger(name='bankholidaychange_is_append_only', sql=pgtrigger.compiler.UpsertTriggerSql(func="RAISE EXCEPTION 'pgtrigger: Cannot update or delete rows from % table', TG_TABLE_NAME;", hash='ed47b2df5c784f501978b556143002623257a741', operation='UPDATE OR DELETE', pgid='pgtrigger_bankholidaychange_is_append_only_e26f8', table='findings_bankholidaychange', when='BEFORE')),
            ),
            pgtrigger.migrations.AddTrigger(
                model_name='handover',
                trigger=pgtrigger.compiler.Trigger(name='handover_is_never_deleted', sql=pgtrigger.compiler.UpsertTriggerSql(func="RAISE EXCEPTION 'pgtrigger: Cannot delete rows from % table', TG_TABLE_NAME;", hash='6059aae0a9cbed56166af99b7215aeca50c8b5c7', operation='DELETE', pgid='pgtrigger_handover_is_never_deleted_c8894', table='findings_handover', when='BEFORE')),
            ),
            pgtrigger.migrations.AddTrigger(
                model_name='handover',
                trigger=pgtrigger.compiler.Trigger(name='offer_never_changes', sql=pgtrigger.compiler.UpsertTriggerSql(condition='WHEN (OLD."finding_id" IS DISTINCT FROM (NEW."finding_id") OR OLD."offered_by_id" IS DISTINCT FROM (NEW."offered_by_id") OR OLD."to_person_id" IS DISTINCT FROM (NEW."to_person_id") OR OLD."to_team_id" IS DISTINCT FROM (NEW."to_team_id") OR OLD."because" IS DISTINCT FROM (NEW."because") OR OLD."offered_at" IS DISTINCT FROM (NEW."offered_at"))', func="RAISE EXCEPTION 'pgtrigger: Cannot update rows from % table', TG_TABLE_NAME;", hash='03943b053ad40613f5bd49657f01b8a107653788', operation='UPDATE', pgid='pgtrigger_offer_never_changes_6b261', table='findings_handover', when='BEFORE')),
            ),
            pgtrigger.migrations.AddTrigger(
                model_name='handover',
                trigger=pgtrigger.compiler.Trigger(name='offer_ends_once', sql=pgtrigger.compiler.UpsertTriggerSql(condition='WHEN (OLD."ended_at" IS NOT NULL)', func="RAISE EXCEPTION 'offer % has ended', OLD.id USING ERRCODE = 'check_violation';", hash='8f25c595eb5648a0c575be6add6035dc2bf7c634', operation='UPDATE', pgid='pgtrigger_offer_ends_once_58252', table='findings_handover', when='BEFORE')),
            ),
            pgtrigger.migrations.AddTrigger(
                model_name='post',
                trigger=pgtrigger.compiler.Trigger(name='post_is_never_deleted', sql=pgtrigger.compiler.UpsertTriggerSql(func="RAISE EXCEPTION 'pgtrigger: Cannot delete rows from % table', TG_TABLE_NAME;", hash='3b209a4d2b4c3e2e4c43ccf052afd105653e0e94', operation='DELETE', pgid='pgtrigger_post_is_never_deleted_3da84', table='findings_post', when='BEFORE')),
            ),
            pgtrigger.migrations.AddTrigger(
                model_name='rotachange',
                trigger=pgtrigger.compiler.Trigger(name='rotachange_is_append_only', sql=pgtrigger.compiler.UpsertTriggerSql(func="RAISE EXCEPTION 'pgtrigger: Cannot update or delete rows from % table', TG_TABLE_NAME;", hash='95a5a0bf9c3375681624c45ae16c7c46f2dbefd1', operation='UPDATE OR DELETE', pgid='pgtrigger_rotachange_is_append_only_f72dc', table='findings_rotachange', when='BEFORE')),
            ),
            pgtrigger.migrations.AddTrigger(
                model_name='rotaentry',
                trigger=pgtrigger.compiler.Trigger(name='rotaentry_is_never_deleted', sql=pgtrigger.compiler.UpsertTriggerSql(func="RAISE EXCEPTION 'pgtrigger: Cannot delete rows from % table', TG_TABLE_NAME;", hash='7b0341a50c474d8abf4253a79523141262556888', operation='DELETE', pgid='pgtrigger_rotaentry_is_never_deleted_f51d3', table='findings_rotaentry', when='BEFORE')),
            ),
            pgtrigger.migrations.AddTrigger(
                model_name='rotaentry',
                trigger=pgtrigger.compiler.Trigger(name='removed_rota_entry_never_changes', sql=pgtrigger.compiler.UpsertTriggerSql(condition='WHEN (OLD."removed_at" IS NOT NULL)', func="RAISE EXCEPTION 'rota entry % was removed', OLD.id USING ERRCODE = 'check_violation';", hash='293838a9f5673a4fa991600bdd4b0c30887b4bd0', operation='UPDATE', pgid='pgtrigger_removed_rota_entry_never_changes_c9df6', table='findings_rotaentry', when='BEFORE')),
            ),
            pgtrigger.migrations.AddTrigger(
                model_name='recommendation',
                trigger=pgtrigger.compiler.Trigger(name='recommendation_is_never_deleted', sql=pgtrigger.compiler.UpsertTriggerSql(func="RAISE EXCEPTION 'pgtrigger: Cannot delete rows from % table', TG_TABLE_NAME;", hash='c5f510c79e212c985da430183eb71bd9ab7b8c95', operation='DELETE', pgid='pgtrigger_recommendation_is_never_deleted_1f92a', table='findings_recommendation', when='BEFORE')),
            ),
            pgtrigger.migrations.AddTrigger(
                model_name='recommendation',
                trigger=pgtrigger.compiler.Trigger(name='recommendation_never_changes', sql=pgtrigger.compiler.UpsertTriggerSql(condition='WHEN (OLD."finding_id" IS DISTINCT FROM (NEW."finding_id") OR OLD."modality" IS DISTINCT FROM (NEW."modality") OR OLD."region" IS DISTINCT FROM (NEW."region") OR OLD."due_on" IS DISTINCT FROM (NEW."due_on") OR OLD."recorded_by_id" IS DISTINCT FROM (NEW."recorded_by_id") OR OLD."recorded_at" IS DISTINCT FROM (NEW."recorded_at"))', func="RAISE EXCEPTION 'pgtrigger: Cannot update rows from % table', TG_TABLE_NAME;", hash='c70b54c74fbc2b82b4ce114304ba8601a34c8122', operation='UPDATE', pgid='pgtrigger_recommendation_never_changes_8f703', table='findings_recommendation', when='BEFORE')),
            ),
            pgtrigger.migrations.AddTrigger(
                model_name='recommendation',
                trigger=pgtrigger.compiler.Trigger(name='recommendation_ends_once', sql=pgtrigger.compiler.UpsertTriggerSql(condition='WHEN (OLD."ended_at" IS NOT NULL)', func="RAISE EXCEPTION 'recommendation % has ended', OLD.id USING ERRCODE = 'check_violation';", hash='c7db1f23c4598f06bb26f5cd5b60000d9b569355', operation='UPDATE', pgid='pgtrigger_recommendation_ends_once_5908e', table='findings_recommendation', when='BEFORE')),
            ),
            pgtrigger.migrations.AddTrigger(
                model_name='proposedmatch',
                trigger=pgtrigger.compiler.Trigger(name='proposedmatch_is_never_deleted', sql=pgtrigger.compiler.UpsertTriggerSql(func="RAISE EXCEPTION 'pgtrigger: Cannot delete rows from % table', TG_TABLE_NAME;", hash='b8b7b809db1ee5c0fba6feff20949431bb4300a8', operation='DELETE', pgid='pgtrigger_proposedmatch_is_never_deleted_5e92c', table='findings_proposedmatch', when='BEFORE')),
            ),
            pgtrigger.migrations.AddTrigger(
                model_name='unroutable',
                trigger=pgtrigger.compiler.Trigger(name='unroutable_is_never_deleted', sql=pgtrigger.compiler.UpsertTriggerSql(func="RAISE EXCEPTION 'pgtrigger: Cannot delete rows from % table', TG_TABLE_NAME;", hash='1e312d8a69b29fb2070f606c60a5871e066ae131', operation='DELETE', pgid='pgtrigger_unroutable_is_never_deleted_41987', table='findings_unroutable', when='BEFORE')),
            ),
            pgtrigger.migrations.AddTrigger(
                model_name='unroutable',
                trigger=pgtrigger.compiler.Trigger(name='unroutable_counts_from_its_beginning', sql=pgtrigger.compiler.UpsertTriggerSql(condition='WHEN (OLD."finding_id" IS DISTINCT FROM (NEW."finding_id") OR OLD."examination_id" IS DISTINCT FROM (NEW."examination_id") OR OLD."since_at" IS DISTINCT FROM (NEW."since_at"))', func="RAISE EXCEPTION 'pgtrigger: Cannot update rows from % table', TG_TABLE_NAME;", hash='06b695e0dd79e4463b47b7fc82d407e1f7f3d749', operation='UPDATE', pgid='pgtrigger_unroutable_counts_from_its_beginning_676c0', table='findings_unroutable', when='BEFORE')),
            ),
            pgtrigger.migrations.AddTrigger(
                model_name='pause',
                trigger=pgtrigger.compiler.Trigger(name='pause_is_never_deleted', sql=pgtrigger.compiler.UpsertTriggerSql(func="RAISE EXCEPTION 'pgtrigger: Cannot delete rows from % table', TG_TABLE_NAME;", hash='82e27a4042259d19313ec7d46924c583c3acb5ab', operation='DELETE', pgid='pgtrigger_pause_is_never_deleted_5d8af', table='findings_pause', when='BEFORE')),
            ),
            pgtrigger.migrations.AddTrigger(
                model_name='pause',
                trigger=pgtrigger.compiler.Trigger(name='pause_never_changes', sql=pgtrigger.compiler.UpsertTriggerSql(condition='WHEN (OLD."finding_id" IS DISTINCT FROM (NEW."finding_id") OR OLD."clock_id" IS DISTINCT FROM (NEW."clock_id") OR OLD."kind" IS DISTINCT FROM (NEW."kind") OR OLD."because" IS DISTINCT FROM (NEW."because") OR OLD."started_at" IS DISTINCT FROM (NEW."started_at") OR OLD."until_at" IS DISTINCT FROM (NEW."until_at") OR OLD."at_most_until" IS DISTINCT FROM (NEW."at_most_until") OR OLD."entered_by_id" IS DISTINCT FROM (NEW."entered_by_id"))', func="RAISE EXCEPTION 'pgtrigger: Cannot update rows from % table', TG_TABLE_NAME;", hash='75cdf210e8bbf16f142a66322f0243039b43bff9', operation='UPDATE', pgid='pgtrigger_pause_never_changes_44d4f', table='findings_pause', when='BEFORE')),
            ),
            pgtrigger.migrations.AddTrigger(
                model_name='routingchange',
                trigger=pgtrigger.compiler.Trigger(name='routingchange_is_append_only', sql=pgtrigger.compiler.UpsertTriggerSql(func="RAISE EXCEPTION 'pgtrigger: Cannot update or delete rows from % table', TG_TABLE_NAME;", hash='3c9945e950222e97263b8daa83c5c1dd3839a52a', operation='UPDATE OR DELETE', pgid='pgtrigger_routingchange_is_append_only_6d7f9', table='findings_routingchange', when='BEFORE')),
            ),
            pgtrigger.migrations.AddTrigger(
                model_name='routingrule',
                trigger=pgtrigger.compiler.Trigger(name='last_routing_rule_is_never_deleted', sql=pgtrigger.compiler.UpsertTriggerSql(condition='WHEN (OLD."is_last")', func="RAISE EXCEPTION 'the last routing rule cannot be deleted' USING ERRCODE = 'check_violation';", hash='ae57160a8be3917aa6c4c51f75ce5d7fc7aba8ea', operation='DELETE', pgid='pgtrigger_last_routing_rule_is_never_deleted_e8bf7', table='findings_routingrule', when='BEFORE')),
            ),
            pgtrigger.migrations.AddTrigger(
                model_name='routingrule',
                trigger=pgtrigger.compiler.Trigger(name='last_routing_rule_stays_the_last', sql=pgtrigger.compiler.UpsertTriggerSql(condition='WHEN (OLD."organisation_id" IS DISTINCT FROM (NEW."organisation_id") OR OLD."is_last" IS DISTINCT FROM (NEW."is_last"))', func="RAISE EXCEPTION 'pgtrigger: Cannot update rows from % table', TG_TABLE_NAME;", hash='6be0980091e9b092e95dc8facc6c7278f365537c', operation='UPDATE', pgid='pgtrigger_last_routing_rule_stays_the_last_41970', table='findings_routingrule', when='BEFORE')),
            ),
            pgtrigger.migrations.AddTrigger(
                model_name='routingrule',
                trigger=pgtrigger.compiler.Trigger(name='routing_rules_end_with_a_last_one', sql=pgtrigger.compiler.UpsertTriggerSql(func="\n                    IF NOT EXISTS (SELECT 1 FROM findings_routingrule\n                        WHERE organisation_id = NEW.organisation_id AND is_last)\n                    THEN\n                        RAISE EXCEPTION 'organisation % has no last routing rule',\n                            NEW.organisation_id USING ERRCODE = 'check_violation';\n                    END IF;\n                    RETURN NULL;\n                ", hash='ddf910dd7bab47923bebcee52b70bf42d15757c0', operation='INSERT', pgid='pgtrigger_routing_rules_end_with_a_last_one_5310c', table='findings_routingrule', when='AFTER')),
            ),
            pgtrigger.migrations.AddTrigger(
                model_name='phonecall',
                trigger=pgtrigger.compiler.Trigger(name='phonecall_is_append_only', sql=pgtrigger.compiler.UpsertTriggerSql(func="RAISE EXCEPTION 'pgtrigger: Cannot update or delete rows from % table', TG_TABLE_NAME;", hash='d7e72c848961bf39ef74d553a92ee8f08090455a', operation='UPDATE OR DELETE', pgid='pgtrigger_phonecall_is_append_only_1df91', table='findings_phonecall', when='BEFORE')),
            ),
            pgtrigger.migrations.AddTrigger(
                model_name='patientmerge',
                trigger=pgtrigger.compiler.Trigger(name='patientmerge_is_never_deleted', sql=pgtrigger.compiler.UpsertTriggerSql(func="RAISE EXCEPTION 'pgtrigger: Cannot delete rows from % table', TG_TABLE_NAME;", hash='950255ef470fb5117efec077e744da9d72ef9fa6', operation='DELETE', pgid='pgtrigger_patientmerge_is_never_deleted_65288', table='findings_patientmerge', when='BEFORE')),
            ),
            pgtrigger.migrations.AddTrigger(
                model_name='patientmerge',
                trigger=pgtrigger.compiler.Trigger(name='merge_never_changes', sql=pgtrigger.compiler.UpsertTriggerSql(condition='WHEN (OLD."kept_id" IS DISTINCT FROM (NEW."kept_id") OR OLD."merged_id" IS DISTINCT FROM (NEW."merged_id") OR OLD."because" IS DISTINCT FROM (NEW."because") OR OLD."examinations" IS DISTINCT FROM (NEW."examinations") OR OLD."merged_at" IS DISTINCT FROM (NEW."merged_at") OR OLD."merged_by_id" IS DISTINCT FROM (NEW."merged_by_id"))', func="RAISE EXCEPTION 'pgtrigger: Cannot update rows from % table', TG_TABLE_NAME;", hash='5410e484cc77e6b16d7d5fd2a907fe96a3396b71', operation='UPDATE', pgid='pgtrigger_merge_never_changes_cbf9c', table='findings_patientmerge', when='BEFORE')),
            ),
            pgtrigger.migrations.AddTrigger(
                model_name='patientmerge',
                trigger=pgtrigger.compiler.Trigger(name='merge_is_undone_once', sql=pgtrigger.compiler.UpsertTriggerSql(condition='WHEN (OLD."undone_at" IS NOT NULL)', func="RAISE EXCEPTION 'merge % was undone', OLD.id USING ERRCODE = 'check_violation';", hash='4dc403824f9271bd8060bf7e9e2386a2eb2d036e', operation='UPDATE', pgid='pgtrigger_merge_is_undone_once_b66c2', table='findings_patientmerge', when='BEFORE')),
            ),
            pgtrigger.migrations.AddTrigger(
                model_name='categorychange',
                trigger=pgtrigger.compiler.Trigger(name='categorychange_is_append_only', sql=pgtrigger.compiler.UpsertTriggerSql(func="RAISE EXCEPTION 'pgtrigger: Cannot update or delete rows from % table', TG_TABLE_NAME;", hash='8dce2a625e895184e2e330d584ef402de5b2f229', operation='UPDATE OR DELETE', pgid='pgtrigger_categorychange_is_append_only_1519c', table='findings_categorychange', when='BEFORE')),
            ),
            pgtrigger.migrations.AddTrigger(
                model_name='patientchange',
                trigger=pgtrigger.compiler.Trigger(name='patientchange_is_never_deleted', sql=pgtrigger.compiler.UpsertTriggerSql(func="RAISE EXCEPTION 'pgtrigger: Cannot delete rows from % table', TG_TABLE_NAME;", hash='5dd25f4b095c56a08eff0d6bcb2e730eeb282700', operation='DELETE', pgid='pgtrigger_patientchange_is_never_deleted_fc0cb', table='findings_patientchange', when='BEFORE')),
            ),
            pgtrigger.migrations.AddTrigger(
                model_name='patientchange',
                trigger=pgtrigger.compiler.Trigger(name='change_of_patient_is_undone_once', sql=pgtrigger.compiler.UpsertTriggerSql(condition='WHEN (OLD."undone_at" IS NOT NULL)', func="RAISE EXCEPTION 'change % of a patient was undone', OLD.id USING ERRCODE = 'check_violation';", hash='a15a37a8c7f22506d5e51379f11fd52a5afe7c56', operation='UPDATE', pgid='pgtrigger_change_of_patient_is_undone_once_df38b', table='findings_patientchange', when='BEFORE')),
            ),
            pgtrigger.migrations.AddTrigger(
                model_name='patientchange',
                trigger=pgtrigger.compiler.Trigger(name='change_of_patient_never_changes', sql=pgtrigger.compiler.UpsertTriggerSql(condition='WHEN (OLD."patient_id" IS DISTINCT FROM (NEW."patient_id") OR OLD."kind" IS DISTINCT FROM (NEW."kind") OR OLD."happened_at" IS DISTINCT FROM (NEW."happened_at") OR OLD."whereto" IS DISTINCT FROM (NEW."whereto") OR OLD."recorded_at" IS DISTINCT FROM (NEW."recorded_at") OR OLD."recorded_by_id" IS DISTINCT FROM (NEW."recorded_by_id") OR OLD."organisation_id" IS DISTINCT FROM (NEW."organisation_id"))', func="RAISE EXCEPTION 'pgtrigger: Cannot update rows from % table', TG_TABLE_NAME;", hash='f6c3873680e7b91a492bd4b5425396da0b99d210', operation='UPDATE', pgid='pgtrigger_change_of_patient_never_changes_8e1d3', table='findings_patientchange', when='BEFORE')),
            ),
            pgtrigger.migrations.AddTrigger(
                model_name='noreport',
                trigger=pgtrigger.compiler.Trigger(name='noreport_is_never_deleted', sql=pgtrigger.compiler.UpsertTriggerSql(func="RAISE EXCEPTION 'pgtrigger: Cannot delete rows from % table', TG_TABLE_NAME;", hash='ace168bf146f39318c6f806033ea9b67330fdcf4', operation='DELETE', pgid='pgtrigger_noreport_is_never_deleted_48ee9', table='findings_noreport', when='BEFORE')),
            ),
            pgtrigger.migrations.AddTrigger(
                model_name='noreport',
                trigger=pgtrigger.compiler.Trigger(name='no_report_never_changes', sql=pgtrigger.compiler.UpsertTriggerSql(condition='WHEN (OLD."examination_id" IS DISTINCT FROM (NEW."examination_id") OR OLD."reason" IS DISTINCT FROM (NEW."reason") OR OLD."because" IS DISTINCT FROM (NEW."because") OR OLD."said_at" IS DISTINCT FROM (NEW."said_at") OR OLD."said_by_id" IS DISTINCT FROM (NEW."said_by_id"))', func="RAISE EXCEPTION 'pgtrigger: Cannot update rows from % table', TG_TABLE_NAME;", hash='8218f6d1364e32b2490d8c6247192b1463e9b922', operation='UPDATE', pgid='pgtrigger_no_report_never_changes_ae6bb', table='findings_noreport', when='BEFORE')),
            ),
            pgtrigger.migrations.AddTrigger(
                model_name='noreport',
                trigger=pgtrigger.compiler.Trigger(name='no_report_is_undone_once', sql=pgtrigger.compiler.UpsertTriggerSql(condition='WHEN (OLD."undone_at" IS NOT NULL)', func="RAISE EXCEPTION 'no report % was undone', OLD.id USING ERRCODE = 'check_violation';", hash='1bf6d5383398f65bd719d7170d5cfdd4fbabe27b', operation='UPDATE', pgid='pgtrigger_no_report_is_undone_once_41a81', table='findings_noreport', when='BEFORE')),
            ),
            pgtrigger.migrations.AddTrigger(
                model_name='document',
                trigger=pgtrigger.compiler.Trigger(name='document_is_append_only', sql=pgtrigger.compiler.UpsertTriggerSql(func="RAISE EXCEPTION 'pgtrigger: Cannot update or delete rows from % table', TG_TABLE_NAME;", hash='b27bb0aef62b9fc35cf5d1e309516bad37812fd2', operation='UPDATE OR DELETE', pgid='pgtrigger_document_is_append_only_a2d7b', table='findings_document', when='BEFORE')),
            ),
            pgtrigger.migrations.AddTrigger(
                model_name='proposal',
                trigger=pgtrigger.compiler.Trigger(name='proposal_is_never_deleted', sql=pgtrigger.compiler.UpsertTriggerSql(func="RAISE EXCEPTION 'pgtrigger: Cannot delete rows from % table', TG_TABLE_NAME;", hash='dffe00f62b443df96b565a06bcc6e663dad5108e', operation='DELETE', pgid='pgtrigger_proposal_is_never_deleted_e5739', table='findings_proposal', when='BEFORE')),
            ),
            pgtrigger.migrations.AddTrigger(
                model_name='proposal',
                trigger=pgtrigger.compiler.Trigger(name='proposal_never_changes', sql=pgtrigger.compiler.UpsertTriggerSql(condition='WHEN (OLD."examination_id" IS DISTINCT FROM (NEW."examination_id") OR OLD."report_id" IS DISTINCT FROM (NEW."report_id") OR OLD."category_id" IS DISTINCT FROM (NEW."category_id") OR OLD."words" IS DISTINCT FROM (NEW."words") OR OLD."line" IS DISTINCT FROM (NEW."line") OR OLD."known_from" IS DISTINCT FROM (NEW."known_from") OR OLD."primary_site" IS DISTINCT FROM (NEW."primary_site") OR OLD."is_sure" IS DISTINCT FROM (NEW."is_sure") OR OLD."proposed_at" IS DISTINCT FROM (NEW."proposed_at") OR OLD."due_at" IS DISTINCT FROM (NEW."due_at"))', func="RAISE EXCEPTION 'pgtrigger: Cannot update rows from % table', TG_TABLE_NAME;", hash='8c8982e42fc42efa223c28acee4c992926241db9', operation='UPDATE', pgid='pgtrigger_proposal_never_changes_54d51', table='findings_proposal', when='BEFORE')),
            ),
            pgtrigger.migrations.AddTrigger(
                model_name='proposal',
                trigger=pgtrigger.compiler.Trigger(name='proposal_ends_once', sql=pgtrigger.compiler.UpsertTriggerSql(condition='WHEN (OLD."ended_at" IS NOT NULL)', func="RAISE EXCEPTION 'proposal % has ended', OLD.id USING ERRCODE = 'check_violation';", hash='339ef3324eb2d8fc16b266abf22b231ffb18be59', operation='UPDATE', pgid='pgtrigger_proposal_ends_once_844f3', table='findings_proposal', when='BEFORE')),
            ),
            pgtrigger.migrations.AddTrigger(
                model_name='patientupdate',
                trigger=pgtrigger.compiler.Trigger(name='patientupdate_is_append_only', sql=pgtrigger.compiler.UpsertTriggerSql(func="RAISE EXCEPTION 'pgtrigger: Cannot update or delete rows from % table', TG_TABLE_NAME;", hash='98258f4dae164429ebfe12986e0bae0d1a81da70', operation='UPDATE OR DELETE', pgid='pgtrigger_patientupdate_is_append_only_aa944', table='findings_patientupdate', when='BEFORE')),
            ),
            pgtrigger.migrations.AddTrigger(
                model_name='senderchange',
                trigger=pgtrigger.compiler.Trigger(name='senderchange_is_append_only', sql=pgtrigger.compiler.UpsertTriggerSql(func="RAISE EXCEPTION 'pgtrigger: Cannot update or delete rows from % table', TG_TABLE_NAME;", hash='fbdb68a01d4c819970d9709fc20e5fb5d1126d18', operation='UPDATE OR DELETE', pgid='pgtrigger_senderchange_is_append_only_a5156', table='findings_senderchange', when='BEFORE')),
            ),
            pgtrigger.migrations.AddTrigger(
                model_name='reportidentifier',
                trigger=pgtrigger.compiler.Trigger(name='reportidentifier_is_append_only', sql=pgtrigger.compiler.UpsertTriggerSql(func="RAISE EXCEPTION 'pgtrigger: Cannot update or delete rows from % table', TG_TABLE_NAME;", hash='1251bcf6ff86b3d3a9ac9dcb17475e53a4d5a726', operation='UPDATE OR DELETE', pgid='pgtrigger_reportidentifier_is_append_only_55478', table='findings_reportidentifier', when='BEFORE')),
            ),
            pgtrigger.migrations.AddTrigger(
                model_name='toldapart',
                trigger=pgtrigger.compiler.Trigger(name='toldapart_is_append_only', sql=pgtrigger.compiler.UpsertTriggerSql(func="RAISE EXCEPTION 'pgtrigger: Cannot update or delete rows from % table', TG_TABLE_NAME;", hash='60c4a5e098feee4e89b3c84373c3c91b1d4e4ada', operation='UPDATE OR DELETE', pgid='pgtrigger_toldapart_is_append_only_88716', table='findings_toldapart', when='BEFORE')),
            ),
            pgtrigger.migrations.AddTrigger(
                model_name='repair',
                trigger=pgtrigger.compiler.Trigger(name='repair_is_append_only', sql=pgtrigger.compiler.UpsertTriggerSql(func="RAISE EXCEPTION 'pgtrigger: Cannot update or delete rows from % table', TG_TABLE_NAME;", hash='c3ed26b62f43ac60b1a5a1be958fdc596256898f', operation='UPDATE OR DELETE', pgid='pgtrigger_repair_is_append_only_c17c3', table='findings_repair', when='BEFORE')),
            ),
            pgtrigger.migrations.AddTrigger(
                model_name='rating',
                trigger=pgtrigger.compiler.Trigger(name='rating_is_append_only', sql=pgtrigger.compiler.UpsertTriggerSql(func="RAISE EXCEPTION 'pgtrigger: Cannot update or delete rows from % table', TG_TABLE_NAME;", hash='5cdddd7e50d187be9d0ada00ff7ef7ffaae22bbd', operation='UPDATE OR DELETE', pgid='pgtrigger_rating_is_append_only_73a7d', table='findings_rating', when='BEFORE')),
            ),
            pgtrigger.migrations.AddTrigger(
                model_name='linkkey',
                trigger=pgtrigger.compiler.Trigger(name='linkkey_is_never_deleted', sql=pgtrigger.compiler.UpsertTriggerSql(func="RAISE EXCEPTION 'pgtrigger: Cannot delete rows from % table', TG_TABLE_NAME;", hash='c0f1baad7e4b7045dfaee733bf657b331f1ac901', operation='DELETE', pgid='pgtrigger_linkkey_is_never_deleted_bf241', table='findings_linkkey', when='BEFORE')),
            ),
            pgtrigger.migrations.AddTrigger(
                model_name='linkkey',
                trigger=pgtrigger.compiler.Trigger(name='link_key_only_ends', sql=pgtrigger.compiler.UpsertTriggerSql(func="IF OLD.ended_at IS NOT NULL OR (OLD.sender_id, OLD.salt, OLD.made_at, OLD.made_by_id) IS DISTINCT FROM (NEW.sender_id, NEW.salt, NEW.made_at, NEW.made_by_id) THEN RAISE EXCEPTION 'link key % only ends', OLD.id USING ERRCODE = 'check_violation'; END IF; RETURN NEW;", hash='76081af496a38e00574a6bc4805b1ad8336f03b3', operation='UPDATE', pgid='pgtrigger_link_key_only_ends_5014a', table='findings_linkkey', when='BEFORE')),
            ),
        ]),
    ]
