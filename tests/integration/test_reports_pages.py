"""The pages of reports: the list, the search, one report with its versions, typing one in."""

import re
from datetime import date, timedelta
from urllib.parse import unquote

import pytest
from django.urls import reverse
from django.utils import timezone

from findings.arrivals import ArrivingIdentifier, ArrivingPatient, ArrivingStatus
from findings.models import Examination, Patient, Report, Role, Viewing
from tests.factories import SiteFactory, a_trust, flagged, nhs_number, report, reported
from tests.pages import queries_without_banner, turn

pytestmark = [pytest.mark.django_db, pytest.mark.long]


@pytest.fixture
def trust():
    return a_trust()


@pytest.fixture
def as_radiologist(client, trust):
    client.force_login(trust.radiologist)
    return client


def patient(family="Okafor", given="Imani", number=4242, **fields):
    return ArrivingPatient(
        family_name=family,
        given_name=given,
        birth_date=date(1961, 5, 4),
        sex="F",
        nhs_number=nhs_number(number),
        **fields,
    )


def page_of(examination):
    return reverse("report", args=[examination.public_id])


def text_of(response):
    return response.content.decode()


def rows_of(response):
    """The public ids of the reports that a list leads to, in its order."""
    return re.findall(r'href="/reports/([0-9a-f-]{36})/"', text_of(response))


def error_of(response, field):
    """What stands beside a field as wrong."""
    found = re.search(
        rf'id="id_{field}-error">(.*?)</(?:span|p)>\s*<(?!/)', text_of(response), re.S
    )
    return " ".join(re.sub(r"<[^>]+>", " ", found[1]).split()) if found else ""


# --- The list ------------------------------------------------------------------------------------


def test_a_radiologist_sees_the_reports_of_their_site_the_latest_first(as_radiologist, trust):
    hour = timedelta(hours=1)
    old = reported(trust, accession="OLD1", reported_at=timezone.now() - 5 * hour)
    new = reported(trust, accession="NEW1", reported_at=timezone.now() - hour)
    elsewhere = SiteFactory(organisation=trust.organisation)
    reported(trust, accession="AWAY1", site_code=elsewhere.ods_code)
    shown = text_of(as_radiologist.get(reverse("reports")))
    assert shown.index("NEW1") < shown.index("OLD1")
    assert "AWAY1" not in shown
    assert {old.site, new.site} == {trust.site}


def test_the_list_says_what_is_flagged_whoever_flagged_it(as_radiologist, trust):
    colleague = trust.add(Role.RADIOLOGIST, site=trust.site)
    flagged(trust, category="urgent")
    as_radiologist.force_login(colleague)
    response = as_radiologist.get(reverse("reports"))
    assert "Urgent" in text_of(response)


def test_everybody_sees_only_what_they_may_read(client, trust):
    reported(trust, accession="THEIRS1")
    stranger = a_trust()
    client.force_login(stranger.coordinator)
    assert "THEIRS1" not in text_of(client.get(reverse("reports")))
    client.force_login(trust.referrer)
    assert "THEIRS1" in text_of(client.get(reverse("reports")))
    client.force_login(trust.administrator)
    assert client.get(reverse("reports")).status_code == 403


def test_pages_of_the_list_are_stable_where_times_are_equal(as_radiologist, trust):
    moment = timezone.now() - timedelta(hours=2)
    for number in range(30):
        reported(trust, accession=f"SAME{number:02}", reported_at=moment)
    first = as_radiologist.get(reverse("reports"))
    pages = [first, as_radiologist.get(turn(first))]
    seen = [public_id for page in pages for public_id in rows_of(page)]
    assert len(seen) == len(set(seen)) == 30


@pytest.mark.parametrize("role", ["radiologist", "referrer", "coordinator"])
def test_the_list_asks_as_much_for_40_reports_as_for_10(client, trust, role):
    client.force_login(getattr(trust, role))
    counts = []
    for more in (10, 30):
        for _ in range(more):
            flagged(trust)
        counts.append(queries_without_banner(client, reverse("reports")))
    assert counts[0] == counts[1], counts
    assert counts[0] <= 15


# --- Searching -----------------------------------------------------------------------------------


def wide(text):
    """As it is typed on a keyboard that is set to wide letters."""
    return "".join(chr(ord(letter) + 0xFEE0) for letter in text)


def find(client, typed):
    return client.post(reverse("reports"), {"words": typed})


@pytest.mark.parametrize(
    "typed",
    [
        "ACC-2026/0017",
        "acc 2026 0017",
        wide("ACC20260017"),
        " acc20260017 ",
        "ACC-2026/0017\r\n",
        "Accession number: ACC-2026/0017",
        "acc no. # acc 2026 0017",
    ],
)
def test_an_accession_in_any_format_opens_its_report(as_radiologist, trust, typed):
    wanted = reported(trust, accession="ACC-2026/0017")
    reported(trust, accession="ACC-2026/00170")
    assert find(as_radiologist, typed).url == page_of(wanted)


@pytest.mark.parametrize(
    "style",
    [
        "{}{}{}",
        "{} {} {}",
        "{}-{}-{}",
        "{}\u00a0{}\u2011{}",
        "NHS: {} {} {}\n",
        "NHS number {} {} {}",
        "nhs no.:{}{}{}",
        "wide",
    ],
)
def test_an_nhs_number_in_any_format_opens_the_only_report(as_radiologist, trust, style):
    wanted = reported(trust, patient=patient())
    digits = nhs_number(4242)
    typed = style.format(digits[:3], digits[3:6], digits[6:])
    if style == "wide":
        typed = wide(digits)
    assert find(as_radiologist, typed).url == page_of(wanted)


def test_a_hospital_number_opens_the_only_report(as_radiologist, trust):
    numbers = (ArrivingIdentifier("RX-00123", "RX1", "MR"),)
    wanted = reported(trust, patient=patient(identifiers=numbers))
    for typed in ("rx 00123", "MRN: RX-00123", "Hospital number RX00123\n"):
        assert find(as_radiologist, typed).url == page_of(wanted)


def test_a_number_that_says_what_it_is_leads_to_nothing_else(as_radiologist, trust):
    """Nor to what has the same figures without their leading zeros."""
    numbers = (ArrivingIdentifier("00123", "RX1", "MR"),)
    reported(trust, accession="A-1", patient=patient(identifiers=numbers))
    for typed in ("Accession: 00123", "NHS 00123", "MRN: A-1", "MRN 123", "acc 00123"):
        assert "search=" in find(as_radiologist, typed).url, typed


def test_the_page_is_ready_for_a_number_to_be_typed_or_scanned(as_radiologist, trust):
    reported(trust, patient=patient())
    fresh = text_of(as_radiologist.get(reverse("reports")))
    found = text_of(as_radiologist.get(find(as_radiologist, "okafor").url))
    assert 'name="words"' in found
    assert ("autofocus" in fresh, "autofocus" in found) == (True, False)


def test_a_number_with_two_reports_leads_to_both(as_radiologist, trust):
    for _ in range(2):
        reported(trust, patient=patient())
    response = find(as_radiologist, nhs_number(4242))
    assert len(rows_of(as_radiologist.get(response.url))) == 2


@pytest.mark.parametrize(
    ("family", "given", "typed"),
    [
        ("O\u2019Brien", "Mary", "obrien"),
        ("O'Brien", "Mary", "o brien"),
        ("O'Brien", "Mary", "mary o'brien"),
        ("O'Brien", "Mary", "mary o brien"),
        ("Müller", "Zoë", "muller zoe"),
        ("Wieczorek", "Łukasz", "lukasz wieczorek"),
        ("Weiß", "Jörg", "WEISS"),
        ("Smith-Jones", "Ann", "smithjones"),
        ("SmithJones", "Ann", "Smith-Jones"),
        ("Okafor", "Imani", "ima oka"),
        ("O'Brien", "Zoë", "ZOE O\u2019BRIEN"),
        ("Obrien", "Zoe", "Zoë O'Brien"),
        # Names as they are written at home, and beside them as a passport has them.
        ("Παππά Pappa", "Ζωή", "ζωη"),
        ("王 Wang", "小明", "小明 wang"),
        ("Иванова Ivanova", "Зоя", "ЗОЯ ИВАНОВА"),
    ],
)
def test_a_name_is_found_whatever_its_accents_apostrophes_case_and_order(
    as_radiologist, trust, family, given, typed
):
    wanted = reported(trust, patient=patient(family, given))
    reported(trust, patient=patient("Unrelated", "Person", 77))
    response = find(as_radiologist, typed)
    assert rows_of(as_radiologist.get(response.url)) == [str(wanted.public_id)]


@pytest.mark.parametrize(
    "typed", ["%", "_", "%%", "O_afor", "%afor", "O%r", "' OR 1=1 --", "\\", "\x00"]
)
def test_what_means_something_to_a_database_means_nothing_here(as_radiologist, trust, typed):
    reported(trust, patient=patient())
    response = find(as_radiologist, typed)
    if response.status_code == 302:
        response = as_radiologist.get(response.url)
    assert rows_of(response) == []


def test_a_search_finds_nothing_that_may_not_be_read(client, trust):
    hidden = reported(trust, accession="HIDDEN1", patient=patient())
    client.force_login(a_trust().radiologist)
    for typed in ("HIDDEN1", nhs_number(4242), "Okafor"):
        response = find(client, typed)
        assert str(hidden.public_id) not in response.url
        assert rows_of(client.get(response.url)) == []


def test_no_number_or_name_stands_in_an_address(as_radiologist, trust):
    reported(trust, patient=patient())
    for typed in ("Okafor", nhs_number(4242), "nobody"):
        address = unquote(find(as_radiologist, typed).url)
        assert typed not in address


def test_a_search_keeps_its_words_and_its_pages(as_radiologist, trust):
    for _ in range(30):
        reported(trust, patient=patient())
    address = find(as_radiologist, "okafor").url
    second = as_radiologist.get(turn(as_radiologist.get(address)))
    assert len(rows_of(second)) == 5
    assert 'value="okafor"' in text_of(second)
    assert turn(second, "prev").startswith(f"{address}&before=")


def test_a_forgotten_search_says_so(as_radiologist, trust):
    reported(trust)
    shown = text_of(as_radiologist.get(reverse("reports"), {"search": "unknown"}))
    assert "has been forgotten" in shown


def test_a_search_asks_as_much_for_40_reports_as_for_10(as_radiologist, trust):
    counts = []
    for more in (10, 30):
        for _ in range(more):
            reported(trust, patient=patient())
        address = find(as_radiologist, "okafor").url
        counts.append(queries_without_banner(as_radiologist, address))
    assert counts[0] == counts[1], counts
    assert counts[0] <= 17


# --- One report ----------------------------------------------------------------------------------


def test_a_report_is_shown_as_it_was_written(as_radiologist, trust):
    words = "FINDINGS:\n  Nodule <3 mm & stable.\n\nIMPRESSION: <script>alert(1)</script>"
    shown = text_of(as_radiologist.get(page_of(reported(trust, text=words))))
    assert "FINDINGS:\n  Nodule &lt;3 mm &amp; stable." in shown
    assert "<script>alert" not in shown


def test_a_report_shows_its_versions_and_what_changed_in_words(as_radiologist, trust):
    moment = timezone.now() - timedelta(hours=5)
    first = report(trust, accession="V1", text="Lungs clear.", reported_at=moment)
    told = {"accession": "V1", "patient": _same(first), "status": ArrivingStatus.CORRECTED}
    report(trust, text="Lungs not clear.", reported_at=moment + timedelta(hours=1), **told)
    shown = text_of(as_radiologist.get(page_of(first.examination)))
    assert "Version 2, the one to read" in shown
    assert "What changed from version 1" in shown
    assert "Removed</span> <del>Lungs clear.</del>" in shown
    assert "Added</span> <ins>Lungs not clear.</ins>" in shown
    assert "Corrected" in shown


def _same(first: Report) -> ArrivingPatient:
    known = first.examination.patient
    return ArrivingPatient(
        family_name=known.family_name,
        given_name=known.given_name,
        birth_date=known.birth_date,
        sex=known.sex,
        nhs_number=known.nhs_number,
    )


def test_an_older_version_is_shown_as_it_was_written_too(as_radiologist, trust):
    moment = timezone.now() - timedelta(hours=5)
    first = report(trust, accession="V1", text="A:\n  one\n\n\ttwo", reported_at=moment)
    told = {"accession": "V1", "patient": _same(first), "text": "Changed."}
    report(trust, reported_at=moment + timedelta(hours=1), **told)
    shown = text_of(as_radiologist.get(page_of(first.examination)))
    assert ">A:\n  one\n\n\ttwo</p>" in shown


def test_only_a_radiologist_of_the_site_is_offered_to_flag(client, trust):
    examination = reported(trust)
    client.force_login(trust.radiologist)
    assert "Flag a finding" in text_of(client.get(page_of(examination)))
    for person in (trust.referrer, trust.coordinator, trust.governance):
        client.force_login(person)
        assert "Flag a finding" not in text_of(client.get(page_of(examination)))


def test_a_colleague_s_flag_is_named_and_cannot_be_opened(as_radiologist, trust):
    finding = flagged(trust, category="cancer")
    as_radiologist.force_login(trust.add(Role.RADIOLOGIST, site=trust.site))
    shown = text_of(as_radiologist.get(page_of(finding.examination)))
    assert "Cancer, by a colleague" in shown
    assert finding.reference not in shown
    assert finding.description not in shown


def test_another_s_report_does_not_exist(client, trust):
    examination = reported(trust)
    stranger = a_trust()
    for person in (stranger.radiologist, stranger.referrer, trust.administrator):
        client.force_login(person)
        assert client.get(page_of(examination)).status_code == 404


def test_every_look_at_a_patient_is_recorded(as_radiologist, trust):
    examination = reported(trust)
    as_radiologist.get(page_of(examination))
    as_radiologist.get(reverse("reports"))
    as_radiologist.head(page_of(examination))
    looks = Viewing.objects.filter(person=trust.radiologist).order_by("pk")
    assert [(look.page, look.patients) for look in looks] == [
        ("report", [examination.patient_id]),
        ("reports", [examination.patient_id]),
    ]


def test_a_report_with_many_versions_asks_no_more(as_radiologist, trust):
    first = report(trust, accession="MANY", reported_at=timezone.now() - timedelta(days=2))
    counts = []
    for number in range(12):
        told = {"accession": "MANY", "patient": _same(first), "text": f"Words {number}"}
        report(trust, reported_at=timezone.now() - timedelta(hours=40 - number), **told)
        if number in (1, 11):
            counts.append(queries_without_banner(as_radiologist, page_of(first.examination)))
    assert counts[0] == counts[1], counts
    assert counts[0] <= 16


# --- Typing one in -------------------------------------------------------------------------------


def typed_report(trust, **fields):
    return {
        "nhs_number": "999 000 0018",
        "hospital_number": "",
        "authority": "",
        "family_name": "Okafor",
        "given_name": "Imani",
        "birth_date-day": "4",
        "birth_date-month": "5",
        "birth_date-year": "1961",
        "sex": "F",
        "accession": "",
        "spare_accession": "T261125-ABCDEF",
        "modality": "CT",
        "examination": "CT chest",
        "performed_at-day": "1",
        "performed_at-month": "11",
        "performed_at-year": "2025",
        "performed_at-time": "09:30",
        "name": trust.referrer.professional_code,
        "status": "final",
        "text": "Nodule.\nCT advised.",
        **fields,
    }


def write(client, trust, **fields):
    return client.post(reverse("write-report"), typed_report(trust, **fields))


def test_a_typed_report_is_filed_like_any_other(as_radiologist, trust):
    response = write(as_radiologist, trust)
    examination = Examination.objects.get(sender__code=f"typed|{trust.site.ods_code}")
    assert response.url == page_of(examination)
    assert examination.patient.nhs_number == "9990000018"
    assert examination.requested_by == trust.referrer
    assert examination.requesting_team == trust.team
    filed = examination.current_report
    assert filed.text == "Nodule.\nCT advised."
    assert filed.reported_by == trust.radiologist


def test_sent_twice_it_is_one_report(as_radiologist, trust):
    first, second = (write(as_radiologist, trust) for _ in range(2))
    assert first.url == second.url
    assert Report.objects.count() == 1


@pytest.mark.parametrize(
    ("field", "given", "says"),
    [
        ("nhs_number", "999000001", "leading zero"),
        ("nhs_number", "999 000 0019", "last digit"),
        ("nhs_number", "9999999999", "placeholder"),
        ("nhs_number", "", "or a hospital number"),
        ("birth_date-year", "2199", "in the future"),
        ("birth_date-day", "31x", "figures"),
        ("family_name", "", "family name"),
        ("name", "Nobodyhere", "Nobody who can"),
        ("name", "", "who asked"),
        ("text", "  ", "text of the report"),
        ("performed_at-time", "25:00", "24-hour clock"),
    ],
)
def test_what_is_wrong_stands_beside_the_field_and_what_was_typed_stays(
    as_radiologist, trust, field, given, says
):
    response = write(as_radiologist, trust, **{field: given})
    assert response.status_code == 422
    shown = text_of(response)
    name = field.partition("-")[0]
    assert says in error_of(response, name)
    assert 'class="nhsuk-error-summary"' in shown
    assert "CT chest" in shown
    assert not Report.objects.exists()


def test_a_hospital_number_needs_its_authority(as_radiologist, trust):
    response = write(as_radiologist, trust, nhs_number="", hospital_number="H1")
    assert "who gave the hospital number" in error_of(response, "authority")
    write(as_radiologist, trust, nhs_number="", hospital_number="H1", authority="RX1")
    assert Patient.objects.get().identifiers.get().value == "H1"


def test_several_people_of_one_name_are_offered(as_radiologist, trust):
    twins = [
        trust.add(Role.REFERRER, team=trust.team, family_name="Twin", given_name=given)
        for given in ("Ann", "Bob")
    ]
    response = write(as_radiologist, trust, name="twin")
    assert "2 people are found" in text_of(response)
    write(as_radiologist, trust, name="twin", person=str(twins[1].pk))
    assert Examination.objects.get().requested_by == twins[1]


def test_an_unknown_name_may_be_kept_as_written(as_radiologist, trust):
    write(as_radiologist, trust, name="Dr Locum", as_written="on")
    examination = Examination.objects.get()
    assert examination.requested_by is None
    assert examination.requester_as_sent == "Dr Locum"


def test_an_accession_of_another_patient_is_refused_beside_its_field(as_radiologist, trust):
    write(as_radiologist, trust, accession="A1")
    response = write(
        as_radiologist, trust, accession="A1", nhs_number="999 000 0026", family_name="Other"
    )
    assert "another patient" in error_of(response, "accession")
    assert Report.objects.count() == 1


def test_numbers_of_two_patients_are_refused_beside_the_number(as_radiologist, trust):
    write(as_radiologist, trust, hospital_number="H1", authority="RX1")
    both = {"nhs_number": "999 000 0026", "hospital_number": "H1", "authority": "RX1"}
    response = write(as_radiologist, trust, family_name="Other", text="New.", **both)
    assert response.status_code == 422
    assert error_of(response, "nhs_number")


def test_only_a_radiologist_with_a_site_types_reports(client, trust):
    for person in (trust.referrer, trust.coordinator, trust.add(Role.RADIOLOGIST)):
        client.force_login(person)
        assert client.get(reverse("write-report")).status_code == 403
        assert write(client, trust).status_code == 403
    assert not Report.objects.exists()
