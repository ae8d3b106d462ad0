"""Flagging by the page: what it shows before it saves, what it refuses, and that it saves once."""

import re
import threading
from datetime import timedelta

import pytest
from django.db import connections
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from findings import words
from findings.models import Clock, Event, Finding, Role, Rule, Step, Viewing
from findings.presenters.reports import conclusion
from findings.services.policy import limits_under, rules_of
from findings.states import ClockKind
from notifications.models import Route
from tests.factories import (
    SiteFactory,
    a_trust,
    acknowledged,
    flagged,
    report,
    reported,
)
from tests.integration.policy_files import change, own_copy
from tests.pages import queries_without_banner, words_of

pytestmark = [pytest.mark.django_db, pytest.mark.long]

TEXT = """CLINICAL DETAILS: Cough.

FINDINGS:
There is a 14 mm nodule in the right upper lobe.

IMPRESSION:
Right upper lobe nodule.
CT chest is advised.

Reported by Dr Ada Example"""


@pytest.fixture
def trust():
    return a_trust()


@pytest.fixture
def examination(trust):
    return reported(trust, text=TEXT)


@pytest.fixture
def page(client, trust, examination):
    client.force_login(trust.radiologist)
    return FlagPage(client, reverse("flag", args=[examination.public_id]))


class FlagPage:
    """The page as a browser has it: the hidden values of the last answer go with the next."""

    def __init__(self, client, address):
        self.client, self.address = client, address
        self.open()

    def open(self):
        return self._keep(self.client.get(self.address))

    def press(self, do="flag", **fields):
        typed = {
            "seen": self.seen,
            "category": "urgent",
            "primary_site": "",
            "description": "Nodule.",
            "action": "imaging",
            "details": "CT chest",
            "holder": "order",
            "name": "",
            "do": do,
            **fields,
        }
        return self._keep(self.client.post(self.address, typed))

    def _keep(self, response):
        self.text = response.content.decode()
        seen = re.search(r'name="seen" value="([^"]*)"', self.text)
        self.seen = seen[1] if seen else ""
        return response

    def error(self, field):
        found = re.search(rf'id="id_{field}-error">(.*?)</(?:span|p)>\s*<(?!/)', self.text, re.S)
        return " ".join(re.sub(r"<[^>]+>", " ", found[1]).split()) if found else ""

    def ahead(self, category):
        """The words of the panel of one category."""
        found = re.search(
            rf'<section class="app-ahead"[^>]*aria-label="{category}: .*?</section>',
            self.text,
            re.S,
        )
        return " ".join(re.sub(r"<[^>]+>", " ", found[0]).split()) if found else ""


# --- What the page shows -------------------------------------------------------------------------


def test_each_category_stands_with_its_definition_and_limits(page):
    assert "Medical evaluation is required within 24 hours." in page.text
    assert "Acknowledge within 1 hour" in page.text
    assert "Act within 3 working days" in page.text
    assert "Act by the date that you give below" in page.text


def test_typical_findings_stand_beside_a_category_and_are_the_trusts_own(
    page, client, examination, tmp_path
):
    from findings.services.policy import load_policy

    shipped = "For example: tension pneumothorax; acute bleeding in the skull"
    assert shipped in words_of(client.get(page.address))
    assert shipped in words_of(client.get(reverse("policy")))
    folder = own_copy(tmp_path)
    for code in ("critical", "urgent", "cancer", "significant_unexpected", "follow_up_recommended"):
        change(folder, "categories.csv", code, examples="What we agreed on" * (code == "urgent"))
    load_policy(folder)
    shown = words_of(client.get(page.address))
    assert shown.count("For example: What we agreed on. Local examples") == 1
    assert shown.count("For example:") == 1


def test_only_what_is_national_is_called_so(page):
    from findings.models import Category

    national = sum(
        limit.is_national
        for category in Category.objects.all()
        for limit in limits_under(*rules_of(category))
    )
    assert page.text.count("National guidance") == national


def test_the_description_is_filled_in_from_the_conclusion(page):
    assert ">Right upper lobe nodule.\nCT chest is advised.</textarea>" in page.text


@pytest.mark.parametrize(
    ("text", "found"),
    [
        (TEXT, "Right upper lobe nodule.\nCT chest is advised."),
        ("Conclusion - a stone.\nVERIFIED BY: X", "a stone."),
        ("EXAM: Spine. IMPRESSION: 1. Wedging. 2. Osteoporosis.", "1. Wedging. 2. Osteoporosis."),
        ("Opinion\nA mass.", "A mass."),
        ("IMPRESSION: old\n\nIMPRESSION: new", "new"),
        ("My impression: nothing to add here. Lungs clear.", ""),
        ("Lungs clear.", ""),
        ("", ""),
        # Broken at a width by the sender; a list and a sentence's end are left as they are.
        (
            "IMPRESSION:\nThere is no new lesion, and the hyperintensities of the\n"
            "white matter are as they were before, in number and size.\nNo stroke.\n"
            "Follow-up of the incidental lesion of the left kidney is\n1. ultrasound",
            "There is no new lesion, and the hyperintensities of the "
            "white matter are as they were before, in number and size.\nNo stroke.\n"
            "Follow-up of the incidental lesion of the left kidney is\n1. ultrasound",
        ),
    ],
)
def test_the_conclusion_is_found_by_its_heading(text, found):
    assert conclusion(text) == found


def test_the_page_says_who_is_told_when_and_how_before_anything_is_saved(page, trust):
    words = page.ahead("Critical")
    assert f"Now The owner (first notification) {trust.referrer}" in words
    assert "e-mail" in words
    assert "(in 15 minutes)" in words
    for person in (trust.responsible, trust.coordinator, trust.director, trust.governance):
        assert str(person) in words
    assert not Finding.objects.exists()


def test_the_page_says_who_cannot_be_reached_and_why(client):
    trust = a_trust(referrer={"reachable": False}, director={"is_active": False})
    client.force_login(trust.radiologist)
    page = FlagPage(client, reverse("flag", args=[reported(trust).public_id]))
    words = page.ahead("Urgent")
    assert f"{trust.referrer} has no address." in words
    assert "The first message reaches nobody" in words
    assert f"{trust.director} no longer works here." in words


def test_where_nobody_can_be_reached_the_page_says_whom_to_telephone(client, trust, examination):
    Route.objects.all().delete()
    trust.coordinator.phone = "020 7946 0123"
    trust.coordinator.save()
    client.force_login(trust.radiologist)
    page = FlagPage(client, reverse("flag", args=[examination.public_id]))
    assert "No message will reach anybody" in page.ahead("Critical")
    assert "020 7946 0123" in page.ahead("Critical")
    assert page.press().status_code == 302
    assert Finding.objects.count() == 1


def test_the_limits_of_an_unsigned_rule_are_refused_with_the_command(page, settings):
    settings.DEMONSTRATION = False
    rule = Rule.objects.in_force().get(policy_id="DEF-URG")
    Rule.objects.create(
        **{
            name: getattr(rule, name)
            for name in ("policy_id", "category", "calendar", "acknowledge_within", "act_within")
        },
        version=rule.version + 1,
        basis=Rule.Basis.LOCAL,
        source="Changed",
        fingerprint="0" * 64,
    )
    page.open()
    assert "sign_policy DEF-URG" in page.text
    assert page.press().status_code == 422
    assert "DEF-URG" in page.error("category")
    assert not Finding.objects.exists()


# --- Saving --------------------------------------------------------------------------------------


def test_one_press_saves_what_the_page_has_shown(page, trust):
    response = page.press()
    finding = Finding.objects.get()
    assert response.url == reverse("finding", args=[finding.reference])
    assert (finding.category_id, finding.owner, finding.flagged_by) == (
        "urgent",
        trust.referrer,
        trust.radiologist,
    )
    assert finding.recommended_action == "Further imaging: CT chest"
    assert finding.recommended_on is None
    clock = Clock.objects.get(kind="acknowledge")
    assert clock.kind == ClockKind.ACKNOWLEDGE
    assert Step.objects.filter(clock=clock).count() == 7
    assert [event.kind for event in finding.events.all()] == [
        Event.Kind.FLAGGED,
        Event.Kind.CLOCK_STARTED,
        Event.Kind.CLOCK_STARTED,
    ]
    told = page.client.get(response.url).content.decode()
    assert f"Flagged. {trust.referrer} is told now." in told


def test_checking_saves_nothing_and_keeps_what_was_typed(page):
    assert page.press("check", description="My own words").status_code == 200
    assert "My own words</textarea>" in page.text
    assert re.search(r'value="urgent" checked', page.text)
    assert not Finding.objects.exists()
    page.press(description="My own words")
    assert Finding.objects.get().description == "My own words"


def test_what_is_not_filled_in_yet_is_no_error_while_it_is(page, trust):
    empty = {"category": "", "action": "", "details": "", "description": ""}
    response = page.press("look", **empty, holder="other", name=trust.colleague.professional_code)
    assert response.status_code == 200
    assert f"{trust.colleague} of {trust.team} will hold it" in page.text
    assert "error-message" not in page.text
    assert page.press("look", **empty, holder="other").status_code == 200
    assert "Name who will hold it" in page.text
    assert page.press("look", **empty, holder="other", name="Nobody").status_code == 422
    assert "Nobody who can hold this finding" in page.text
    assert not Finding.objects.exists()
    page.press("look", holder="other", name=trust.colleague.professional_code)
    assert page.press(holder="other", name=trust.colleague.professional_code).status_code == 302


def test_an_owner_who_was_not_shown_is_shown_first(page, trust):
    page.press(holder="other", name=trust.colleague.professional_code)
    assert "Nothing is saved yet" in page.text
    assert f"{trust.colleague} of {trust.team} will hold it" in page.text
    assert f'value="{trust.colleague.pk}" checked' in page.text
    assert not Finding.objects.exists()
    page.press(holder="other", name=trust.colleague.professional_code)
    assert Finding.objects.get().owner == trust.colleague


def test_a_page_that_does_not_say_what_it_showed_saves_nothing(page):
    for seen in ("", "nonsense", page.seen[:-2] + "xx"):
        assert page.press(seen=seen).status_code == 200
    assert not Finding.objects.exists()


def test_what_another_report_s_page_showed_does_not_count(page, trust):
    other = FlagPage(page.client, reverse("flag", args=[reported(trust).public_id]))
    assert page.press(seen=other.seen).status_code == 200
    assert not Finding.objects.exists()


def test_somebody_who_cannot_be_reached_since_is_shown_first(page, trust):
    Route.objects.filter(person=trust.referrer).update(failed_at=timezone.now())
    page.press()
    assert "has refused mail since" in page.ahead("Urgent")
    assert not Finding.objects.exists()
    page.press()
    assert Finding.objects.exists()


def test_a_report_that_changed_meanwhile_is_shown_first(page, trust, examination):
    told = examination.patient
    report(
        trust,
        accession=examination.accession,
        text="No nodule.",
        reported_at=timezone.now(),
        patient=_as_sent(told),
    )
    page.press()
    assert "The report changed while this page was open" in page.text
    assert "No nodule." in page.text
    assert not Finding.objects.exists()


def _as_sent(patient):
    from findings.arrivals import ArrivingPatient

    return ArrivingPatient(
        family_name=patient.family_name,
        given_name=patient.given_name,
        birth_date=patient.birth_date,
        sex=patient.sex,
        nhs_number=patient.nhs_number,
    )


def test_the_same_form_sent_twice_makes_one_finding(page):
    seen = page.seen
    first, second = page.press(), page.press(seen=seen)
    assert first.url == second.url
    assert Finding.objects.count() == 1
    assert "You have flagged this already" in page.client.get(second.url).content.decode()


def test_other_words_make_another_finding(page):
    seen = page.seen
    page.press()
    page.press(seen=seen, description="A second nodule.")
    assert Finding.objects.count() == 2


def test_a_withdrawn_flag_may_be_flagged_again(page, trust):
    from findings.services.close import withdraw_finding

    seen = page.seen
    page.press()
    withdraw_finding(finding=Finding.objects.get(), by=trust.radiologist, because="By mistake.")
    page.press(seen=seen)
    assert Finding.objects.count() == 2


@pytest.mark.django_db(transaction=True)
def test_two_presses_at_the_same_moment_make_one_finding():
    trust = a_trust()
    address = reverse("flag", args=[reported(trust).public_id])
    pages = []
    for _ in range(2):
        client = Client()
        client.force_login(trust.radiologist)
        pages.append(FlagPage(client, address))
    start = threading.Barrier(2)

    def press(page):
        start.wait()
        page.press()
        connections.close_all()

    threads = [threading.Thread(target=press, args=[page]) for page in pages]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert Finding.objects.count() == 1


# --- What is wrong -------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("fields", "field", "says"),
    [
        ({"category": ""}, "category", "Select a category"),
        ({"category": "nonsense"}, "category", "Select one of the choices"),
        ({"category": "cancer"}, "primary_site", "suspected primary site"),
        ({"description": " "}, "description", "Enter what was found"),
        ({"description": "x" * 2001}, "description", "Shorten this to 2000"),
        ({"action": ""}, "action", "Select the action"),
        ({"action": "other", "details": ""}, "details", "Enter the action"),
        ({"recommended_on-day": "1", "recommended_on-month": "1"}, "recommended_on", "year"),
        (
            {
                "recommended_on-day": "1",
                "recommended_on-month": "1",
                "recommended_on-year": "2020",
            },
            "recommended_on",
            "in the past",
        ),
        ({"holder": "other"}, "name", "Enter the name"),
        ({"holder": "other", "name": "Nobodyhere"}, "name", "Nobody who can hold"),
        ({"holder": ""}, "holder", "Select who will hold"),
    ],
)
def test_what_is_wrong_stands_beside_its_field_and_the_rest_stays(page, fields, field, says):
    assert page.press(**{"description": "Kept words", **fields}).status_code == 422
    assert says in page.error(field)
    assert 'class="nhsuk-error-summary"' in page.text
    assert "Kept words" in page.text or "description" in fields
    assert not Finding.objects.exists()


def test_follow_up_needs_a_date_and_the_local_default_is_put_in(page):
    page.press(category="follow_up_recommended")
    suggested = timezone.localdate() + timedelta(days=91)
    assert "local default" in page.error("when")
    assert words.day(suggested) in page.error("when")
    assert '<option value="91" selected>In 3 months</option>' in page.text
    assert not Finding.objects.exists()
    page.press(category="follow_up_recommended", when="91")
    assert Finding.objects.get().recommended_on == suggested


def test_a_day_may_be_typed_or_chosen_and_not_both(page):
    on = timezone.localdate() + timedelta(days=100)
    typed = {f"recommended_on-{part}": getattr(on, part) for part in ("day", "month", "year")}
    page.press(category="follow_up_recommended", when="14", **typed)
    assert "not both" in page.error("recommended_on")
    page.press(category="follow_up_recommended", **typed)
    assert Finding.objects.get().recommended_on == on


def test_several_people_of_one_name_are_offered(page, trust):
    twins = [
        trust.add(Role.REFERRER, team=trust.team, family_name="Twin", given_name=given)
        for given in ("Ann", "Bob")
    ]
    page.press("check", holder="other", name="twin")
    assert "2 people are found" in page.error("person")
    page.press("check", holder="other", name="twin", person=str(twins[1].pk))
    assert f"{twins[1]} of {trust.team} will hold it" in page.text
    page.press(holder="other", name="twin", person=str(twins[1].pk))
    assert Finding.objects.get().owner == twins[1]


def test_nobody_outside_can_be_made_the_owner(page):
    stranger = a_trust().referrer
    page.press("check", holder="other", name=stranger.professional_code)
    assert "Nobody who can hold" in page.error("name")
    page.press(holder="other", name="Example", person=str(stranger.pk))
    assert not Finding.objects.exists()


def test_an_order_without_a_referrer_goes_to_the_coordinators(client, trust):
    from findings.arrivals import ArrivingPerson

    examination = reported(trust, requester=ArrivingPerson(), requesting_location="")
    client.force_login(trust.radiologist)
    page = FlagPage(client, reverse("flag", args=[examination.public_id]))
    assert "The order names nobody and no team that we know" in page.text
    page.press()
    assert Finding.objects.get().owner == trust.coordination


# --- Who may -------------------------------------------------------------------------------------


def test_only_a_radiologist_of_the_site_may_flag(client, trust, examination):
    address = reverse("flag", args=[examination.public_id])
    for person in (trust.referrer, trust.coordinator, trust.governance):
        client.force_login(person)
        assert client.get(address).status_code == 403
        assert client.post(address, {"do": "flag"}).status_code == 403
    elsewhere = SiteFactory(organisation=trust.organisation)
    for person in (
        trust.add(Role.RADIOLOGIST, site=elsewhere),
        a_trust().radiologist,
        trust.administrator,
    ):
        client.force_login(person)
        assert client.get(address).status_code == 404
    assert not Finding.objects.exists()


def test_looking_at_the_page_is_recorded(page, trust, examination):
    look = Viewing.objects.get(person=trust.radiologist)
    assert (look.page, look.patients) == ("flag", [examination.patient_id])


def test_the_page_asks_as_much_with_forty_people_in_the_team(page, trust):
    counts = [queries_without_banner(page.client, page.address)]
    for _ in range(30):
        trust.add(Role.REFERRER, team=trust.team)
    counts.append(queries_without_banner(page.client, page.address))
    assert counts[0] == counts[1], counts
    assert counts[0] <= 25


# --- My flags ------------------------------------------------------------------------------------


def test_my_flags_are_mine_alone_with_open_ones_first(client, trust):
    from findings.services.close import withdraw_finding

    ended = flagged(trust, description="Ended thing.")
    withdraw_finding(finding=ended, by=trust.radiologist, because="Seen before.")
    late = flagged(trust, description="Late thing.", at=timezone.now() - timedelta(hours=9))
    taken = acknowledged(trust, flagged(trust, category="urgent", description="Taken thing."))
    client.force_login(trust.radiologist)
    text = client.get(reverse("my-flags")).content.decode()
    places = [text.index(finding.reference) for finding in (late, taken, ended)]
    assert places == sorted(places)
    assert "Seen before." in text
    client.force_login(trust.add(Role.RADIOLOGIST, site=trust.site))
    assert "have not flagged anything" in client.get(reverse("my-flags")).content.decode()
    client.force_login(trust.referrer)
    assert client.get(reverse("my-flags")).status_code == 403


def test_my_flags_ask_as_much_for_40_as_for_10(client, trust):
    client.force_login(trust.radiologist)
    counts = []
    for more in (10, 30):
        for _ in range(more):
            flagged(trust)
        counts.append(queries_without_banner(client, reverse("my-flags")))
    assert counts[0] == counts[1], counts
    assert counts[0] <= 14
