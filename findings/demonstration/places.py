"""Where invented patients live, and which of them need an interpreter: postcodes of an area that
does not exist, under an index that nobody publishes."""

import csv
from datetime import datetime
from pathlib import Path
from random import Random

from findings.arrivals import ArrivingPatient, LanguageNeed
from findings.demonstration.patients import Patients
from findings.postcodes import squeezed
from findings.services import deprivation_file
from findings.services.circumstances import Said, keep

FILE = Path(__file__).resolve().parent / "postcodes.csv"
# In 100 patients: of most, senders say the language alone; of some, nothing.
NEEDS = {LanguageNeed.ENGLISH: 62, LanguageNeed.OTHER: 6, LanguageNeed.INTERPRETER: 4, None: 28}
NO_POSTCODE = 0.06


def make_places(patients: Patients, at: datetime) -> None:
    """Draws of their own, so that everybody else stays who they are."""
    rng = Random(53)  # noqa: S311  nothing secret
    deprivation_file.load(FILE.read_bytes(), source=FILE.name)
    with FILE.open(encoding="utf-8", newline="") as lines:
        postcodes = [squeezed(line["postcode"]) for line in csv.DictReader(lines)]
    needs, weights = list(NEEDS), list(NEEDS.values())
    everybody = [one for sex in sorted(patients.by_sex) for one in patients.by_sex[sex]]
    keep(
        Said(
            patient.pk,
            ArrivingPatient(
                postcode="" if rng.random() < NO_POSTCODE else rng.choice(postcodes),
                language_need=rng.choices(needs, weights)[0],
            ),
            at,
        )
        for patient in everybody
    )
