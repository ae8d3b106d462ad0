"""Alert codes in reports: what proposes a finding, what is denied, and what a person looks at."""

import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from findings.alert_codes import (
    AOMRC,
    CANCER,
    CRITICAL,
    RCR,
    SENDER,
    SIGNIFICANT,
    URGENT,
    Alert,
    find,
    most_severe,
)


def only(text: str, **more: object) -> Alert:
    (alert,) = find(text, **more)
    return alert


@pytest.mark.parametrize(
    ("text", "category"),
    [
        ("Emergency action is required as soon as possible.", CRITICAL),
        ("EMERGENCY ACTION REQUIRED", CRITICAL),
        ("Medical evaluation is required within 24 hours.", URGENT),
        ("Medical evaluation required\nwithin 24h", URGENT),
        ("This is a significant unexpected finding.", SIGNIFICANT),
        ("Significant, unexpected: timely action required.", SIGNIFICANT),
        ("Unexpected and significant findings as above.", SIGNIFICANT),
        ("RCR code: C", CRITICAL),
        ("Alert code U", URGENT),
        ("Alert category (S)", SIGNIFICANT),
        ("ALERT: CRITICAL", CRITICAL),
        ("Alert level = significant unexpected", SIGNIFICANT),
        ("Communicator: U", URGENT),
        ("*** CRITICAL ALERT ***", CRITICAL),
        ("ALERT! THIS REPORT CONTAINS A CRITICAL RESULT.", CRITICAL),
        ("Critical imaging finding: tension pneumothorax", CRITICAL),
        ("There is a critical\nfinding in the left lung.", CRITICAL),
        ("URGENT-ALERT", URGENT),
        ("Urgent findings. Please act.", URGENT),
        ("Fail-safe alert sent.", SIGNIFICANT),
        ("CANCER ALERT", CANCER),
        ("CANCER", CANCER),
        ("ACR Category 1", CRITICAL),
        ("Actionable finding: category 2", URGENT),
        ("Category 3 actionable", SIGNIFICANT),
        ("Actionability: emergent (RID49480)", CRITICAL),
        # Nothing of what is said before denies it.
        ("No pneumothorax.\nCRITICAL ALERT", CRITICAL),
        ("No pneumothorax\nCRITICAL ALERT", CRITICAL),
        ("Pneumothorax: no\nCritical alert", CRITICAL),
        ("Not seen before. Critical finding.", CRITICAL),
        ("Critical finding: no flow in the left middle cerebral artery.", CRITICAL),
        ("CRITICAL ALERT\nNo collection is seen.", CRITICAL),
        ("Critical result: not previously seen mass.", CRITICAL),
        ("CRITICAL ALERT not acknowledged by the ward.", CRITICAL),
        ("CANCER: no primary identified", CANCER),
    ],
)
def test_words_propose_a_category(text: str, category: str) -> None:
    alert = only(text)
    assert (alert.category, alert.is_sure) == (category, True)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "No acute abnormality.",
        "No critical finding.",
        "No critical or urgent findings.",
        "There are no critical, urgent or significant unexpected findings.",
        "No evidence of any significant unexpected finding.",
        "No new significant, unexpected findings.",
        "There is no\ncritical finding.",
        "This is not considered a critical finding.",
        "Does not meet criteria for a critical alert.",
        "Not a cancer alert.",
        "No cancer alert required.",
        "Without significant unexpected findings",
        "CANCER: none",
        "CANCER: No.",
        "CANCER: no evidence of malignancy",
        "CANCER ALERT: nil",
        "Cancer alert - not required",
        "Critical finding: None.",
        "Critical findings: none identified.",
        "Critical finding(s): NO",
        "Critical finding (Y/N): N",
        "Critical finding? No",
        "Critical findings:\nNone.",
        "Critical result not present.",
        "Urgent findings are not identified.",
        "Alert: Critical finding: none",
        "[ ] Critical finding",
        "Alert code: R",
        "Alert level: routine",
        "Critical results policy was followed.",
        "Critical alert pathway: see intranet.",
        "Critical stenosis of the aortic valve; critically ill.",
        "Urgent referral is advised. Urgency: U",
        "Unexpected weight loss. Known breast cancer.",
        "Patient is alert. U and E normal.",
        "?cancer. History of cancer.",
        "Category 2 by BI-RADS.",
        "Scanner alert log: c-spine protocol",
    ],
)
def test_what_is_denied_or_means_something_else_proposes_nothing(text: str) -> None:
    assert find(text) == ()


@pytest.mark.parametrize(
    "text",
    [
        "If there is a critical finding, telephone the ward.",
        "Previously reported as critical finding.",
        "?cancer alert",
        "No mass, effusion or critical finding.",
        "No doubt a critical finding.",
        "> CRITICAL ALERT",
        "[marked as deleted by the sender] CRITICAL ALERT",
        "Clinical history: significant unexpected finding on chest film.",
        "Previous report:\nCRITICAL ALERT, mass in the left lung.",
        "Free gas. Previous report: CRITICAL ALERT, see there.",
        "Comparison: CT of May, urgent alert then.",
    ],
)
def test_what_may_be_quoted_or_asked_is_for_a_person(text: str) -> None:
    assert not only(text).is_sure


def test_what_follows_a_quotation_counts_again() -> None:
    text = "Previous report: CRITICAL ALERT in May.\n\nFINDINGS: New clot.\nCRITICAL ALERT"
    assert only(text).is_sure
    assert only("Clinical history: fall.\n\nCRITICAL ALERT").is_sure


@pytest.mark.parametrize(
    ("text", "site"),
    [
        ("CANCER: lung", "lung"),
        ("CANCER - suspected primary site: Left breast. Referral advised.", "Left breast"),
        ("Cancer alert (pancreas)", "pancreas"),
        ("CANCER ALERT: unknown primary", "unknown primary"),
        ("Primary care lung cancer alert.", "lung"),
        ("FINDINGS: mass.\n** CANCER: ? colon **", "colon"),
        ("CANCER ALERT", ""),
    ],
)
def test_cancer_carries_its_site(text: str, site: str) -> None:
    alert = only(text)
    assert (alert.category, alert.primary_site, alert.known_from) == (CANCER, site, AOMRC)


def test_what_was_found_is_quoted_with_its_line_and_its_source() -> None:
    text = "FINDINGS: Clot.\nEmergency action required as soon as possible, please.\nEnd."
    assert only(text) == Alert(
        CRITICAL,
        "Emergency action required",
        "Emergency action required as soon as possible, please.",
        RCR,
    )


def test_each_category_is_proposed_once_and_the_most_severe_first() -> None:
    text = "Significant unexpected finding.\nCANCER: lung\nCRITICAL ALERT. Critical finding."
    found = find(text)
    assert [alert.category for alert in found] == [CRITICAL, CANCER, SIGNIFICANT]
    assert most_severe(found) == CRITICAL
    assert most_severe(()) == ""


@pytest.mark.parametrize(
    ("code", "category", "is_sure"),
    [
        ("AA", CRITICAL, True),
        ("hh", CRITICAL, False),
        ("LL", CRITICAL, False),
        ("RID49480", CRITICAL, True),
        ("RID49481", URGENT, True),
        ("RID49482", SIGNIFICANT, True),
    ],
)
def test_codes_propose_a_category(code: str, category: str, is_sure: bool) -> None:
    alert = only("Mass.", codes=[code])
    assert (alert.category, alert.is_sure) == (category, is_sure)


def test_codes_that_say_nothing_propose_nothing() -> None:
    assert find("Mass.", codes=["A", "H", "N", "", "RID50261", "RID49483"]) == ()


def test_a_senders_own_words_count_for_it_alone() -> None:
    mine = (("*** alert ***", URGENT), ("CODE RED", CRITICAL))
    assert find("*** ALERT ***") == ()
    alert = only("Mass.\n***  Alert\n***", trigger_words=mine)
    assert (alert.category, alert.known_from) == (URGENT, SENDER)
    assert find("Not code red. Code reddish.", trigger_words=mine) == ()
    assert find("anything", trigger_words=(("  ", URGENT),)) == ()


@given(st.text(alphabet="CANERalert critical:\n?-*[] no finding>1", max_size=300))
def test_no_text_makes_it_fail(text: str) -> None:
    for alert in find(text, trigger_words=(("alert", URGENT),)):
        assert alert.words
        assert len(alert.line) <= 200


@pytest.mark.parametrize(
    "hostile",
    [
        "critical finding? " * 20_000,
        "critical" + " " * 200_000 + "x",
        " " * 200_000 + "CANCER",
        "if critical finding\n" * 10_000,
        "a" * 200_000 + " cancer alert",
        "no critical finding " * 10_000,
        "cancer alert: " + "-" * 200_000,
        "alert\n" * 40_000,
        "Heading:\n" * 20_000 + "critical finding",
    ],
)
def test_no_text_takes_long(hostile: str) -> None:
    began = time.process_time()
    find(hostile)
    assert time.process_time() - began < 1
