"""Patients who do not exist: names, birth dates, NHS numbers from the 999 range."""

import tomllib
from bisect import bisect_left
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, timedelta
from pathlib import Path
from random import Random

from findings.models import Patient, PatientIdentifier

PATIENTS = 2_300
# Nobody issues numbers that begin with 999; ours leave the first hundred thousand to the tests.
FIRST_NHS_NUMBER = 999_100_000
YEAR = timedelta(days=365.25)
NAMES = Path(__file__).resolve().parent / "names.toml"


@dataclass(frozen=True)
class Patients:
    """Everybody by sex, the oldest first."""

    by_sex: dict[str, list[Patient]]

    def choose(self, sexes: str, ages: tuple[int, int], on: date, rng: Random) -> Patient:
        """Somebody of one of these sexes who is of this age on that day."""
        everybody = self.by_sex[rng.choice(sexes)]
        first = bisect_left(everybody, on - YEAR * (ages[1] + 1) + timedelta(days=1), key=_born)
        last = bisect_left(everybody, on - YEAR * ages[0], key=_born)
        return everybody[rng.randrange(first, last)]


def make_patients(authority: str, rng: Random) -> Patients:
    """The same patients on every machine."""
    numbers = nhs_numbers(FIRST_NHS_NUMBER)
    names = {key: words.split() for key, words in tomllib.loads(NAMES.read_text("utf-8")).items()}
    made = Patient.objects.bulk_create(_patient(next(numbers), names, rng) for _ in range(PATIENTS))
    PatientIdentifier.objects.bulk_create(
        PatientIdentifier(patient=patient, authority=authority, value=f"H{n:07}", type="MR")
        for n, patient in enumerate(made, start=4_100_000)
    )
    oldest_first = sorted(made, key=_born)
    return Patients(
        {sex: [patient for patient in oldest_first if patient.sex == sex] for sex in "FM"}
    )


def _patient(number: str, names: dict[str, list[str]], rng: Random) -> Patient:
    sex = rng.choice("FM")
    # Who is imaged is older than who is not.
    age = min(97.0, max(18.5, rng.gauss(59, 19)))
    return Patient(
        # A few are known by their hospital number alone.
        nhs_number=number if rng.random() > 0.03 else None,
        family_name=rng.choice(names["family"]),
        given_name=rng.choice(names["female" if sex == "F" else "male"]),
        birth_date=date(2026, 7, 1) - age * YEAR,
        sex=sex,
    )


def nhs_numbers(first: int) -> Iterator[str]:
    """Ten digits each, the last one the check digit."""
    for nine in range(first, 1_000_000_000):
        total = sum(int(digit) * (10 - place) for place, digit in enumerate(str(nine)))
        check = (11 - total % 11) % 11
        if check != 10:
            yield f"{nine}{check}"


def _born(patient: Patient) -> date:
    assert patient.birth_date is not None
    return patient.birth_date


def age_on(patient: Patient, on: date) -> int:
    born = _born(patient)
    return on.year - born.year - ((on.month, on.day) < (born.month, born.day))
