"""Policy as rows: loaded, versioned and signed."""

import csv
from datetime import date, timedelta
from io import StringIO
from pathlib import Path

import pytest
from django.core.management import CommandError, call_command
from django.db import DatabaseError, connection, transaction
from django.utils import timezone

from findings.models import Category, Clock, Finding, Rule, Signature, Step
from findings.services import policy
from findings.services.policy import FOLDER, PolicyError, load_policy, sign_rule
from tests.factories import Trust, acknowledged, flagged, reported
from tests.integration.policy_files import change, own_copy, stricter

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def _as_in_a_hospital(settings):
    settings.DEMONSTRATION = False


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return own_copy(tmp_path)


def run(command: str, *arguments: object, **options: object) -> str:
    out = StringIO()
    call_command(command, *(str(one) for one in arguments), stdout=out, **options)
    return out.getvalue()


def versions() -> list[tuple[str, int]]:
    return list(Rule.objects.values_list("policy_id", "version"))


# --- Loading -----------------------------------------------------------------------------------


def test_every_row_of_the_file_becomes_one_rule_with_the_same_cells():
    load_policy()
    with (FOLDER / "policy.csv").open(encoding="utf-8", newline="") as file:
        for row in csv.DictReader(file):
            rule = Rule.objects.get(policy_id=row["policy_id"])
            assert rule.version == 1
            for field in ("communicate_within", "acknowledge_within", "act_within", "basis"):
                assert getattr(rule, field) == row[field]
            assert rule.calendar == row["clock"]
            assert (rule.source, rule.notes) == (row["source"], row["notes"])


def test_an_empty_cell_stays_empty():
    load_policy()
    rule = Rule.objects.get(policy_id="UK-RCR-CRIT")
    assert (rule.communicate_within, rule.acknowledge_within, rule.act_within) == ("", "", "")


def test_loading_the_same_files_again_changes_nothing():
    load_policy()
    before = versions()
    again = load_policy()
    assert again.new == 0
    assert again.unchanged == len(before)
    assert versions() == before


def test_a_changed_number_becomes_the_next_version_and_the_old_one_stays(folder):
    change(folder, "policy.csv", "DEF-URG", acknowledge_within="PT8H")
    assert load_policy(folder).new == 1
    every = Rule.objects.filter(policy_id="DEF-URG").order_by("version")
    assert [(rule.version, rule.acknowledge_within) for rule in every] == [
        (1, "PT12H"),
        (2, "PT8H"),
    ]
    assert Rule.objects.in_force().get(policy_id="DEF-URG").version == 2


def test_a_changed_rung_of_the_ladder_is_a_new_version_too(folder):
    change(folder, "ladders.csv", "DEF-URG", words="changed")
    load_policy(folder)
    rule = Rule.objects.in_force().get(policy_id="DEF-URG")
    assert rule.version == 2
    assert set(rule.rungs.values_list("words", flat=True)) == {"changed"}


@pytest.mark.parametrize(
    ("name", "values"),
    [
        ("policy.csv", {"acknowledge_within": "12 hours"}),
        ("policy.csv", {"basis": "guess"}),
        ("policy.csv", {"clock": "lunar"}),
        ("ladders.csv", {"audience": "somebody"}),
        ("ladders.csv", {"offset": "later"}),
        ("ladders.csv", {"clock": "sundial"}),
    ],
)
def test_a_row_that_cannot_be_read_is_named_and_nothing_is_loaded(folder, name, values):
    change(folder, name, "DEF-URG", **values)
    change(folder, "policy.csv", "DEF-CRIT", acknowledge_within="PT30M")
    before = versions()
    with pytest.raises(CommandError, match=r"Nothing was loaded.*DEF-URG"):
        run("load_policy", folder)
    assert versions() == before


def test_loading_says_what_changed_and_what_is_not_signed(folder):
    change(folder, "policy.csv", "DEF-CRIT", acknowledge_within="PT30M")
    said = run("load_policy", folder)
    assert "Changed: DEF-CRIT v2" in said
    assert "1 new versions, 43 unchanged" in said
    assert "sign_policy DEF-CRIT" in said
    assert "sign_policy DEF-URG" not in said


def test_a_missing_folder_is_one_sentence():
    with pytest.raises(CommandError, match="Nothing was loaded"):
        run("load_policy", "/nowhere")


# --- What is promised stays promised -----------------------------------------------------------


def test_a_change_of_policy_moves_no_promise_that_was_made(trust: Trust, folder):
    finding = flagged(trust, category="urgent")
    clock = finding.clocks.get(kind="acknowledge")
    steps = list(clock.steps.values_list("due_at", "audience"))
    stricter(folder, within="PT1H")
    after = Clock.objects.get(pk=clock.pk)
    assert (after.due_at, after.rule.version) == (clock.due_at, 1)
    assert list(after.steps.values_list("due_at", "audience")) == steps


def test_a_later_clock_of_the_same_finding_runs_under_the_new_version(trust: Trust, folder):
    finding = flagged(trust, category="urgent")
    change(folder, "policy.csv", "DEF-URG", act_within="PT20H")
    load_policy(folder)
    sign_rule(policy_id="DEF-URG", name="Dr A", role="Medical director")
    acknowledged(trust, finding)
    assert finding.clocks.get(kind="act").rule.version == 2


def test_a_corrected_report_gives_the_whole_time_again(trust: Trust):
    """Answered after 20 minutes, corrected after three days: 60 minutes from the correction."""
    now = timezone.now()
    then = now - timedelta(days=3)
    examination = reported(trust, reported_at=then - timedelta(minutes=5))
    finding = flagged(trust, examination=examination, at=then)
    acknowledged(trust, finding, at=then + timedelta(minutes=20))
    reported(
        trust,
        accession=examination.accession,
        patient=_same_patient(examination),
        text="Something else.",
        status="corrected",
        reported_at=now,
    )
    first, second = finding.clocks.filter(kind="acknowledge").order_by("started_at")
    assert first.stopped_at - first.started_at == timedelta(minutes=20)
    assert first.stopped_at < first.due_at
    assert second.is_running
    assert second.due_at - second.started_at == timedelta(minutes=60)
    assert second.due_at > timezone.now() + timedelta(minutes=58)


def _same_patient(examination):
    from findings.arrivals import ArrivingPatient

    patient = examination.patient
    return ArrivingPatient(
        family_name=patient.family_name,
        given_name=patient.given_name,
        birth_date=patient.birth_date,
        sex=patient.sex,
        nhs_number=patient.nhs_number or "",
    )


# --- Signatures --------------------------------------------------------------------------------


def test_a_local_rule_without_a_signature_starts_no_clock(trust: Trust, folder):
    stricter(folder, "DEF-CRIT", "PT30M")
    examination = reported(trust)
    with pytest.raises(PolicyError, match="sign_policy DEF-CRIT --name NAME --role ROLE"):
        flagged(trust, examination=examination)
    assert not Finding.objects.exists()
    assert not Step.objects.exists()


def test_the_command_that_the_refusal_names_lets_the_clock_start(trust: Trust, folder):
    stricter(folder, "DEF-CRIT", "PT30M")
    said = run("sign_policy", "DEF-CRIT", "--name", "Dr A", "--role", "Medical director")
    assert "DEF-CRIT v2 is signed by Dr A, Medical director" in said
    clock = flagged(trust).clocks.get(kind="acknowledge")
    assert clock.due_at - clock.started_at == timedelta(minutes=30)


def test_in_demonstration_mode_a_clock_starts_without_a_signature(trust: Trust, folder, settings):
    settings.DEMONSTRATION = True
    stricter(folder, "DEF-CRIT", "PT30M")
    assert flagged(trust).clocks.get(kind="acknowledge").rule.signatures.count() == 0


def test_a_signature_holds_for_one_version_only(folder):
    assert policy.rule_to_promise("DEF-URG").version == 1
    stricter(folder)
    with pytest.raises(PolicyError, match="DEF-URG v2 are not signed"):
        policy.rule_to_promise("DEF-URG")


def test_a_signature_keeps_the_day_on_which_it_was_given(folder):
    rule = stricter(folder)
    run("sign_policy", "DEF-URG", "--name", "Dr A", "--role", "CMO", "--on", "2026-01-31")
    assert rule.signatures.get().signed_on == date(2026, 1, 31)


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (["DEF-NONE", "--name", "Dr A", "--role", "CMO"], "DEF-NONE is not loaded"),
        (["UK-RCR-URG", "--name", "Dr A", "--role", "CMO"], "not a local rule"),
        (["DEF-URG", "--name", " ", "--role", "CMO"], "needs a name and a role"),
        (["DEF-URG", "--name", "Dr A", "--role", ""], "needs a name and a role"),
        (["DEF-URG", "--name", "Dr A", "--role", "CMO", "--on", "2999-01-01"], "has not come yet"),
    ],
)
def test_signing_refuses_with_a_sentence(arguments, says):
    before = Signature.objects.count()
    with pytest.raises(CommandError, match=says):
        run("sign_policy", *arguments)
    assert Signature.objects.count() == before


def test_the_same_person_signs_a_version_once(folder):
    stricter(folder)
    run("sign_policy", "DEF-URG", "--name", "Dr A", "--role", "CMO")
    with pytest.raises(CommandError, match="has signed DEF-URG v2 already"):
        run("sign_policy", "DEF-URG", "--name", "Dr A", "--role", "CMO")


def test_two_people_sign_the_same_version(folder):
    rule = stricter(folder)
    for name in ("Dr A", "Dr B"):
        run("sign_policy", "DEF-URG", "--name", name, "--role", "CMO")
    assert rule.signatures.count() == 2


@pytest.mark.parametrize("table", ["findings_rule", "findings_rung", "findings_signature"])
@pytest.mark.parametrize("statement", ["UPDATE {} SET id = id", "DELETE FROM {}"])
def test_the_database_refuses_to_change_policy(table, statement):
    with pytest.raises(DatabaseError, match="Cannot"), transaction.atomic():
        connection.cursor().execute(statement.format(table))


# --- National guidance -------------------------------------------------------------------------


def test_a_local_number_is_national_only_where_the_national_rule_holds_the_same():
    load_policy()
    found = {
        (category.code, limit.kind): limit.is_national
        for category in Category.objects.all()
        for limit in policy.limits_under(*policy.rules_of(category))
    }
    to_patients = [key for key in found if key[1] == "tell_patient"]
    assert len(to_patients) == 5
    national = [key for key, is_national in found.items() if is_national]
    assert sorted(national) == sorted([("urgent", "act"), *to_patients])


def test_another_countrys_standard_is_no_national_guidance():
    load_policy()
    rule = Rule.objects.get(policy_id="US-VA-PT-ACT")
    assert rule.basis == "standard"
    assert not rule.is_national


def test_what_gives_no_number_needs_no_signature(folder):
    change(folder, "policy.csv", "DEF-QUESTION", notes="Not agreed yet.")
    said = run("load_policy", folder)
    assert "Changed: DEF-QUESTION v2" in said
    assert "sign_policy DEF-QUESTION" not in said
    change(folder, "policy.csv", "DEF-QUESTION", acknowledge_within="PT8H")
    assert "sign_policy DEF-QUESTION" in run("load_policy", folder)
