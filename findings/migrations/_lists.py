"""What stands in the lists of a new database: what reviews are sorted by."""

OMBUDSMAN = "Ombudsman (PHSO), Unlocking Solutions in Imaging, 2021"
THEMES = (
    ("guideline", "Guidelines not followed on reporting"),
    ("not_acted_on", "Not acted on"),
    ("reported_late", "Reported late"),
    ("repeated", "Past mistakes repeated"),
)
SHIPPED = "List that this application begins with"
CAUSES = (
    ("wrong_recipient", "Sent to somebody who was not the right one"),
    ("owner_left", "The owner had left"),
    ("cover_gap", "Nobody was on cover"),
    ("two_owners", "Two people each thought the other had it"),
    ("trainee_order", "Asked for by a trainee who had moved on"),
    ("vague_recommendation", "The recommendation was vague"),
    ("corrected_report", "The report was corrected after it was acknowledged"),
    ("not_delivered", "A message was not delivered"),
    ("not_known", "The address or person in the order was not known"),
    ("system_down", "A system was down"),
    ("patient_moved", "The patient was moved or discharged"),
    ("acknowledged_not_done", "Acknowledged and not done"),
    ("handover_lost", "Lost when a shift was handed over"),
    ("too_many_alerts", "Lost among many alerts"),
    ("capacity", "Nobody had time: no capacity to report or to act"),
    ("not_seen", "The finding was not seen in the images"),
    ("other", "Something else: see the words beside it"),
)


def fill_lists(apps, schema_editor):
    for name, entries, source in (("Theme", THEMES, OMBUDSMAN), ("Cause", CAUSES, SHIPPED)):
        model = apps.get_model("findings", name)
        model.objects.bulk_create(
            model(code=code, words=words, source=source, position=position)
            for position, (code, words) in enumerate(entries, 1)
        )
