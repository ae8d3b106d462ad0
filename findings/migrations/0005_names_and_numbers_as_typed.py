from django.db import migrations, models
from django.db.models.functions import Concat

from findings.migrations._functions import FOLDED, SQUEEZED
from findings.models.folding import Folded, Squeezed


class Migration(migrations.Migration):

    dependencies = [
        ('findings', '0004_sender_number_authority'),
    ]

    operations = [
        migrations.RunSQL(FOLDED, 'DROP FUNCTION findings_folded(text)'),
        migrations.RunSQL(SQUEEZED, 'DROP FUNCTION findings_squeezed(text)'),
        migrations.AddField(
            model_name='patient',
            name='folded_name',
            field=models.GeneratedField(
                expression=Folded(Concat('family_name', models.Value(' '), 'given_name')),
                output_field=models.TextField(),
                db_persist=True,
            ),
        ),
        migrations.AddIndex(
            model_name='examination',
            index=models.Index(Squeezed('accession'), name='accession_as_typed'),
        ),
        migrations.AddIndex(
            model_name='patientidentifier',
            index=models.Index(Squeezed('value'), name='identifier_as_typed'),
        ),
    ]
