"""How deprived the place is where a patient lives, and their language need: kept as far as measures
ask for it, counted for groups, and never shown of one patient."""

import re
from datetime import timedelta
from io import StringIO
from pathlib import Path

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.core.management import CommandError, call_command
from django.db import connection
from django.test import Client, override_settings
from django.urls import reverse
from django.utils import timezone

from findings import measures
from findings.arrivals import ArrivingPatient, LanguageNeed
from findings.intake.importing import take_in
from findings.measures.period import last_days
from findings.models import (
    Circumstances,
    DeprivationIndex,
    MeasuredDay,
    Patient,
    PostcodeDecile,
)
from findings.presenters.deprivation import index_rows
from findings.services.circumstances import Said, keep
from findings.services.deprivation_file import dry_run, load, loaded_indices
from findings.services.measured_days import keep_up
from findings.services.merge import merge_patients, undo_merge
from findings.services.senders import account_of, make_sender
from tests.calling import body, calling, post
from tests.factories import Trust, a_trust, flagged
from tests.fhir import patient as fhir_patient
from tests.fhir import report as fhir_report
from tests.fhir import request as fhir_request
from tests.fhir import send
from tests.integration.test_database_refuses import refused
from tests.integration.test_measured_days import all_from_kept, everything, from_rows
from tests.messages import NUMBER, adt, oru, pid
from tests.pages import words_of

pytestmark = pytest.mark.django_db
DAY = timedelta(days=1)
HEAD = "postcode,decile,nation,index"


@pytest.fixture
def trust() -> Trust:
    trust = a_trust()
    for application in ("RIS", "PAS"):
        make_sender(code=f"{application}|RXX01", site=trust.site)
    return trust


def file(*lines: str) -> bytes:
    return "\n".join([HEAD, *lines]).encode()


def table(index: str = "Made-up index 2026", **deciles: int) -> bytes:
    return file(*(f"{code},{decile},ENG,{index}" for code, decile in deciles.items()))


def lives(patient: Patient, postcode: str = "", need: LanguageNeed | None = None, days: int = 0):
    said = ArrivingPatient(postcode=postcode, language_need=need)
    keep([Said(patient.pk, said, timezone.now() - days * DAY)])


def by(trust: Trust, dimension: str, code: str = "closed") -> dict[str, int]:
    parts = measures.by(code, trust.organisation, last_days(90, timezone.localdate()), dimension)
    return {part.key: part.reading.denominator for part in parts}


# --- What messages say ---------------------------------------------------------------------------


def with_address(raw: bytes, address: str, language: str = "") -> bytes:
    """PID-11 and PID-15 behind what the message has."""
    lines = raw.decode().split("\r")
    at = next(n for n, line in enumerate(lines) if line.startswith("PID"))
    fields = lines[at].split("|")
    fields += [""] * (16 - len(fields))
    fields[11], fields[15] = address, language
    lines[at] = "|".join(fields)
    return "\r".join(lines).encode()


def said_of(number: str = NUMBER) -> Circumstances:
    return Circumstances.objects.get(said_of__nhs_number=number)


def test_a_report_says_where_a_patient_lives_and_the_postcode_is_not_kept(trust: Trust) -> None:
    load(table(AB12CD=2), source="a.csv")
    take_in(with_address(oru(), "1 High Street^^Town^^ab1 2cd^^H", "pl"), "a.hl7:1")
    kept = said_of()
    assert PostcodeDecile.objects.get(mark=kept.postcode_mark).decile == 2
    assert kept.language_need == LanguageNeed.OTHER
    for model in (Circumstances, Patient, PostcodeDecile):
        with connection.cursor() as cursor:
            cursor.execute(f"SELECT row::text FROM {model._meta.db_table} row")
            assert not any("AB12CD" in row.upper().replace(" ", "") for (row,) in cursor.fetchall())


@pytest.mark.parametrize(
    ("address", "expected"),
    [
        ("^^^^AB1 2CD", 2),
        ("^^^^AB1 2EF^^B~^^^^AB1 2CD^^H", 2),
        ("^^^^AB1 2EF^^C~^^^^AB1 2CD^^H", 2),
        ("^^^^AB1 2CD^^C~^^^^AB1 2EF^^BA", 2),
        ("^^^^AB1 2EF^^BA", None),
        ("^^^^nowhere^^H", None),
        ("1 High Street", None),
        ("", None),
    ],
)
def test_the_home_counts(trust: Trust, address: str, expected: int | None) -> None:
    load(table(AB12CD=2, AB12EF=9), source="a.csv")
    take_in(with_address(oru(), address), "a.hl7:1")
    marks = Circumstances.objects.values("postcode_mark")
    found = PostcodeDecile.objects.filter(mark__in=marks).values_list("decile", flat=True)
    assert list(found) == ([expected] if expected else [])


def test_the_newest_words_hold_in_whatever_order_and_however_often(trust: Trust) -> None:
    """Reported on 30 June; moved on 1 July; an older piece of news comes last."""
    load(table(AB12CD=2, AB12EF=9), source="a.csv")
    reported = with_address(oru(), "^^^^AB1 2CD")
    moved = with_address(adt("A08", pid(), said="20260701120000"), "^^^^AB1 2EF")
    older = with_address(adt("A31", pid(), said="20260601120000"), "^^^^AB1 2CD")
    for raw in (reported, moved, older, reported, moved):
        take_in(raw, "a.hl7:1")
    assert PostcodeDecile.objects.get(mark=said_of().postcode_mark).decile == 9
    number = said_of().pk
    take_in(moved, "b.hl7:1")
    assert said_of().pk == number


def test_no_fixed_abode_is_no_place_and_silence_changes_nothing(trust: Trust) -> None:
    load(table(AB12CD=2), source="a.csv")
    take_in(with_address(oru(), "^^^^AB1 2CD", "en"), "a.hl7:1")
    take_in(adt("A08", pid(), said="20260701120000"), "b.hl7:1")
    assert said_of().postcode_mark
    assert said_of().language_need == LanguageNeed.ENGLISH
    take_in(with_address(adt("A08", pid(), said="20260702120000"), "^^^^ZZ99 3VZ"), "c.hl7:1")
    assert said_of().postcode_mark == ""


def test_a_language_says_less_than_a_need() -> None:
    patient = Patient.objects.create(family_name="Alder")
    lives(patient, need=LanguageNeed.INTERPRETER, days=3)
    lives(patient, need=LanguageNeed.OTHER, days=2)
    assert Circumstances.objects.get().language_need == LanguageNeed.INTERPRETER
    lives(patient, need=LanguageNeed.NONE, days=1)
    assert Circumstances.objects.get().language_need == LanguageNeed.NONE


UK_CORE = "https://fhir.hl7.org.uk/StructureDefinition/Extension-UKCore-NHSCommunication"
R4 = "http://hl7.org/fhir/StructureDefinition/patient-interpreterRequired"
POLISH = {"coding": [{"system": "urn:ietf:bcp:47", "code": "pl"}]}


@pytest.mark.parametrize(
    ("said", "need"),
    [
        ({"communication": [{"language": POLISH}]}, LanguageNeed.OTHER),
        (
            {
                "communication": [
                    {"language": POLISH},
                    {"language": {"text": "English"}, "preferred": True},
                ]
            },
            LanguageNeed.ENGLISH,
        ),
        ({"extension": [{"url": R4, "valueBoolean": True}]}, LanguageNeed.INTERPRETER),
        (
            {
                "extension": [
                    {
                        "url": UK_CORE,
                        "extension": [
                            {"url": "language", "valueCodeableConcept": POLISH},
                            {"url": "interpreterRequired", "valueBoolean": False},
                        ],
                    }
                ]
            },
            LanguageNeed.NONE,
        ),
        ({}, None),
    ],
)
def test_fhir_says_it(trust: Trust, said: dict, need: LanguageNeed | None) -> None:
    homes = [
        {"use": "old", "postalCode": "AB1 2EF"},
        {"use": "temp", "postalCode": "AB1 2EF"},
        {"use": "home", "postalCode": "AB1 2CD"},
    ]
    load(table(AB12CD=2, AB12EF=9), source="a.csv")
    whole = fhir_report(contained=[fhir_patient(address=homes, **said), fhir_request()])
    assert send(calling(account_of(trust.sender)), whole).status_code == 201
    assert PostcodeDecile.objects.get(mark=said_of().postcode_mark).decile == 2
    assert said_of().language_need == (need or "")


def test_json_says_it(trust: Trust) -> None:
    given = body()
    given["patient"] |= {"postcode": "AB1 2CD", "language": "pl", "interpreter_needed": True}
    assert post(calling(account_of(trust.sender)), given).status_code == 201
    assert said_of().language_need == LanguageNeed.INTERPRETER
    assert said_of().postcode_mark


# --- One patient under two records ---------------------------------------------------------------


def test_a_merge_brings_what_was_said_and_undoing_it_takes_it_back(trust: Trust) -> None:
    load(table(AB12CD=2, AB12EF=9), source="a.csv")
    kept, merged = flagged(trust), flagged(trust)
    lives(kept.examination.patient, "AB12CD", days=9)
    lives(merged.examination.patient, "AB12EF", days=1)
    assert by(trust, "deprivation") == {"ENG-2": 1, "ENG-9": 1}
    made = merge_patients(
        keep=kept.examination.patient,
        merged=merged.examination.patient,
        because="One patient.",
        by=trust.coordinator,
    )
    # The newest words of either record.
    assert by(trust, "deprivation") == {"ENG-9": 2}
    undo_merge(merge=made, because="Two after all.", by=trust.coordinator)
    assert by(trust, "deprivation") == {"ENG-2": 1, "ENG-9": 1}


# --- Measures ------------------------------------------------------------------------------------


def test_what_is_not_known_stands_as_such(trust: Trust) -> None:
    flagged(trust)
    lives(flagged(trust).examination.patient, "AB12CD", LanguageNeed.INTERPRETER)
    assert by(trust, "deprivation") == {"none": 2}
    assert by(trust, "language") == {"interpreter": 1, "none": 1}
    load(table(AB12CD=10), source="a.csv")
    assert by(trust, "deprivation") == {"ENG-10": 1, "none": 1}
    by_deprivation = measures.DIMENSIONS["deprivation"]
    assert by_deprivation.title.endswith("lives: Made-up index 2026, England")
    assert by_deprivation.labels(["ENG-10"]) == {"ENG-10": "Decile 10, least deprived"}
    assert by_deprivation.labels(["WLS-2", "ENG-10"]) == {
        "ENG-10": "England: Decile 10, least deprived",
        "WLS-2": "Wales: Decile 2",
    }


def test_days_that_are_kept_hear_of_a_patient_who_is_another(trust: Trust) -> None:
    load(table(AB12CD=2, AB12EF=9), source="a.csv")
    old = [flagged(trust, at=timezone.now() - days * DAY) for days in (3, 5, 9)]
    keep_up()
    assert all_from_kept(trust)
    lives(old[0].examination.patient, "AB12CD", LanguageNeed.OTHER)
    assert by(trust, "deprivation") == {"ENG-2": 1, "none": 2}
    assert everything(trust) == from_rows(trust)
    keep_up()
    lives(old[0].examination.patient, "AB12EF")
    assert everything(trust) == from_rows(trust)
    keep_up()
    merge_patients(
        keep=old[1].examination.patient,
        merged=old[0].examination.patient,
        because="One patient.",
        by=trust.coordinator,
    )
    assert everything(trust) == from_rows(trust)
    keep_up()
    assert all_from_kept(trust)
    load(table(AB12EF=4), source="b.csv")
    assert by(trust, "deprivation") == {"ENG-4": 2, "none": 1}
    assert not MeasuredDay.objects.exists()


def test_days_that_are_kept_hear_of_a_correction_at_once(trust: Trust) -> None:
    """Not only in the next night."""
    finding = flagged(trust, at=timezone.now() - 5 * DAY)
    patient = finding.examination.patient
    Patient.objects.filter(pk=patient.pk).update(nhs_number=NUMBER, family_name="ALDER", sex="M")
    keep_up()
    take_in(adt("A08", pid(born=f"{patient.birth_date:%Y%m%d}" if patient.birth_date else "")), "a")
    assert Patient.objects.get(pk=patient.pk).sex == "F"
    assert by(trust, "sex") == {"F": 1}


# --- No patient is shown -------------------------------------------------------------------------


def crowd(trust: Trust) -> None:
    """Twelve, eleven and three of three deciles, and two that are not known."""
    load(table(AB12CD=1, AB12EF=5, AB12GH=10), source="a.csv")
    for postcode, number in (("AB12CD", 12), ("AB12EF", 11), ("AB12GH", 3), ("", 2)):
        for _ in range(number):
            lives(flagged(trust).examination.patient, postcode)


def test_few_of_a_group_are_hidden_and_another_so_that_they_stay_so(
    trust: Trust, client: Client
) -> None:
    crowd(trust)
    found = calling(trust.governance).get("/api/v1/measures/closed/?by=deprivation").json()
    shown = {one["key"]: one["reading"] and one["reading"]["denominator"] for one in found["parts"]}
    # Else the three would be what is missing to all whose decile is known.
    assert shown == {"ENG-1": 12, "ENG-5": None, "ENG-10": None, "none": 2}
    client.force_login(trust.governance)
    page = client.get(reverse("measure", args=["closed"]))
    words = words_of(page)
    assert "By deprivation where the patient lives: Made-up index 2026, England" in words
    assert "Decile 1, most deprived" in words
    assert "(0 of 12)" in words
    assert "(0 of 11)" not in words
    assert "(0 of 3)" not in words
    assert "too few to show" in words
    assert "deprivation=" not in page.content.decode()
    assert "language=" not in page.content.decode()


@pytest.mark.parametrize("dimension", ["deprivation=ENG-1", "deprivation=none", "language=other"])
def test_no_list_of_patients_can_be_asked_for_by_group(
    trust: Trust, client: Client, dimension: str
) -> None:
    crowd(trust)
    client.force_login(trust.governance)
    for name in ("measure", "measure-rows"):
        assert client.get(f"{reverse(name, args=['closed'])}?{dimension}").status_code == 404
    caller = calling(trust.governance)
    for address in ("closed/", "closed/rows/"):
        assert caller.get(f"/api/v1/measures/{address}?{dimension}").status_code == 400


# --- The file ------------------------------------------------------------------------------------


def test_the_file_is_shown_first_and_twice_is_once(trust: Trust, tmp_path: Path) -> None:
    lives(flagged(trust).examination.patient, "AB12CD")
    lives(flagged(trust).examination.patient, "AB12XX")
    raw = file("ab1 2cd,1,eng,Index A", "AB1 2EF,,ENG,Index A".replace(",,", ",7,"))
    path = tmp_path / "deciles.csv"
    path.write_bytes(raw)
    said = command(path)
    assert "Index A, England: 2 lines, 0 without a decile." in said
    assert "Of 2 patients with a postcode 1 have a decile with it; 0 have one without it." in said
    assert not PostcodeDecile.objects.exists()
    assert not DeprivationIndex.objects.exists()
    assert "Added: 2. Changed: 0. Unchanged: 0." in command(path, apply=True)
    assert PostcodeDecile.objects.count() == 2
    loaded_at = DeprivationIndex.objects.get().loaded_at
    assert "Added: 0. Changed: 0. Unchanged: 2." in command(path, apply=True)
    assert DeprivationIndex.objects.get().loaded_at == loaded_at


def command(path: Path, **options: bool) -> str:
    out = StringIO()
    call_command("load_deprivation", str(path), stdout=out, stderr=out, **options)
    return out.getvalue()


def test_another_index_takes_the_place_of_the_one_before() -> None:
    load(table("Index 2019", AB12CD=2, AB12EF=9), source="a.csv")
    load(file("CD1 1AA,3,WLS,Welsh index"), source="w.csv")
    again = load(table("Index 2019", AB12CD=3), source="b.csv")
    assert (again.added, again.changed, again.gone) == (0, 1, 0)
    other = load(table("Index 2025", AB12CD=5), source="c.csv")
    assert (other.instead_of, other.gone, other.added) == ("Index 2019", 2, 1)
    kept = PostcodeDecile.objects.order_by("decile").values_list("decile", "index__name")
    assert list(kept) == [(3, "Welsh index"), (5, "Index 2025")]


@pytest.mark.parametrize(
    ("lines", "line", "words"),
    [
        (["nowhere,1,ENG,A"], 2, "no postcode"),
        (["ZZ99 3VZ,1,ENG,A"], 2, "stands for no place"),
        (["AB1 2CD,11,ENG,A"], 2, "from 1, most deprived, to 10"),
        (["AB1 2CD,0,ENG,A"], 2, "from 1, most deprived, to 10"),
        (["AB1 2CD,1.5,ENG,A"], 2, "from 1, most deprived, to 10"),
        (["AB1 2CD,1,FRA,A"], 2, "must be one of ENG"),
        (["AB1 2CD,1,ENG,"], 2, "Name the index"),
        (["AB1 2CD,1,ENG,A", "AB1 2EF,1,SCT,A"], 3, "Another nation"),
        (["AB1 2CD,1,ENG,A", "AB1 2EF,1,ENG,B"], 3, "Another index"),
        (["AB1 2CD,1,ENG,A", "ab12cd,2,ENG,A"], 3, "another decile"),
        (["AB1 2CD,1,ENG"], 2, "more or fewer cells"),
    ],
)
def test_a_line_that_is_wrong_changes_nothing(lines: list[str], line: int, words: str) -> None:
    load(table(AB12XX=4), source="before.csv")
    (mistake,) = load(file(*lines), source="a.csv").mistakes
    assert mistake.line == line
    assert words in mistake.words
    assert PostcodeDecile.objects.get().decile == 4


def test_wrong_lines_are_said_by_the_command(tmp_path: Path) -> None:
    path = tmp_path / "deciles.csv"
    path.write_bytes(file("AB1 2CD,1,ENG,A", *["nowhere,1,ENG,A"] * 60))
    out = StringIO()
    with pytest.raises(CommandError, match="Nothing was changed"):
        call_command("load_deprivation", str(path), apply=True, stdout=out, stderr=out)
    assert "Line 3: This is no postcode." in out.getvalue()
    assert "And 10 more mistakes." in out.getvalue()
    assert dry_run(file()).lines == 0


def test_a_file_is_chosen_on_the_page_looked_at_and_kept(trust: Trust, client: Client) -> None:
    lives(flagged(trust).examination.patient, "AB12CD")
    client.force_login(trust.governance)
    page = reverse("deprivation")
    assert "Nothing is loaded" in words_of(client.get(page))
    sent = {"file": SimpleUploadedFile("deciles.csv", file("AB1 2CD,2,ENG,Index 2019"))}
    looked = client.post(page, sent)
    assert "Of 1 patient with a postcode 1 have a decile" in words_of(looked)
    assert not PostcodeDecile.objects.exists()
    hidden = dict(re.findall(r'name="(raw|seen)" value="([^"]*)"', looked.content.decode()))
    load(file("AB1 2EF,2,ENG,Index 2019"), source="meanwhile.csv")
    kept = client.post(page, hidden, follow=True)
    assert "Imported: 1 changed, 0 not." in words_of(kept)
    shown = words_of(client.get(page))
    assert "Index 2019" in shown
    assert trust.governance.full_name in shown
    assert "Of 1 patient whose postcode a message said, 1 has a decile." in shown
    wrong = client.post(page, {"file": SimpleUploadedFile("x.csv", file("nowhere,1,ENG,A"))})
    assert wrong.status_code == 422
    assert "Line 2: This is no postcode." in words_of(wrong)
    client.force_login(trust.coordinator)
    assert client.get(page).status_code == 403


def test_the_page_says_when_the_secret_is_another(trust: Trust, client: Client) -> None:
    client.force_login(trust.administrator)
    with override_settings(SECRET_KEY="the-secret-of-before"):
        load(table(AB12CD=2), source="a.csv")
    lost = "marked with a secret that is no longer in use"
    said = [str(row) for row in index_rows(loaded_indices())]
    assert lost in said[0]
    load(table(AB12CD=2), source="a.csv")
    assert lost not in words_of(client.get(reverse("deprivation")))


def test_a_postcode_without_a_decile_is_let_by() -> None:
    loaded = load(file("JE2 3AB,,ENG,A", "AB1 2CD,1,ENG,A"), source="a.csv")
    assert (loaded.without, loaded.added) == (1, 1)


def test_after_a_change_of_the_secret_the_file_finds_patients_of_both(trust: Trust) -> None:
    old, new = flagged(trust), flagged(trust)
    with override_settings(SECRET_KEY="the-secret-of-before"):
        lives(old.examination.patient, "AB12CD")
    with override_settings(SECRET_KEY_FALLBACKS=["the-secret-of-before"]):
        lives(new.examination.patient, "AB12CD")
        load(table(AB12CD=2), source="a.csv")
    assert by(trust, "deprivation") == {"ENG-2": 2}


def test_the_database_refuses_what_says_nothing(trust: Trust) -> None:
    load(table(AB12CD=2), source="a.csv")
    patient = flagged(trust).examination.patient
    lives(patient, "AB12CD")
    kept, decile = Circumstances.objects.all(), PostcodeDecile.objects.all()
    other = decile.get()
    for change in (
        lambda: kept.update(language_need="sign"),
        lambda: kept.update(postcode_at=None),
        lambda: kept.update(language_need="other"),
        lambda: decile.update(decile=11),
        lambda: decile.update(decile=0),
        lambda: decile.update(mark=""),
        lambda: DeprivationIndex.objects.update(name=""),
        lambda: PostcodeDecile.objects.create(mark=other.mark, index=other.index, decile=3),
    ):
        refused(change, "constraint")
