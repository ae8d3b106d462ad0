"""A limit is changed in a draft, replayed, signed by two, and comes into force by itself."""

from datetime import timedelta
from html.parser import HTMLParser
from typing import Any

import pgtrigger
import pytest
from django.core.management import call_command
from django.db import DatabaseError, IntegrityError, InternalError, transaction
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from findings.models import (
    Category,
    DraftSignature,
    LabReplay,
    LabRun,
    PolicyDraft,
    ReplayedCase,
    Role,
    Rule,
    Step,
    Viewing,
)
from findings.rule_content import RuleContent, content_of
from findings.services.acknowledge import acknowledge_finding
from findings.services.change_category import change_category
from findings.services.drafts import (
    in_force,
    make_draft,
    rule_beside,
    save_draft,
    sign_draft,
    withdraw_draft,
)
from findings.services.lab_runs import (
    SILENT_AFTER,
    TakenOver,
    ask_for_replay,
    reckon,
    replay_draft,
    take_up,
)
from findings.services.policy import load_policy, rule_in_force, rule_to_promise
from findings.services.policy_checks import is_longer, wrong_with
from findings.services.report_by import expect_report
from notifications import rounds
from notifications.escalation import fire_finding
from notifications.models import Notification
from tests.factories import Trust, a_trust, flagged, unreported, waiting_examination
from tests.integration.policy_files import change, own_copy
from tests.pages import hidden_in, queries_without_banner, signed_in, words_of

pytestmark = pytest.mark.django_db
HOUR = timedelta(hours=1)
URGENT = "DEF-URG"


def changed(content: RuleContent, **more: Any) -> RuleContent:
    return RuleContent.from_json(content.as_json | more)


def a_draft(trust: Trust, holds_from: Any = None, **more: Any) -> PolicyDraft:
    """Of the urgent rule: acknowledge within 8 hours, and whatever else is said."""
    draft = make_draft(policy_id=URGENT, by=trust.governance, because="Sooner.")
    content = changed(in_force(URGENT), **({"acknowledge_within": "PT8H"} | more))
    save_draft(
        draft=draft,
        content=content,
        holds_from=holds_from,
        because="Sooner.",
        by=trust.governance,
        seen=1,
    )
    return draft


def signed_by_two(trust: Trust, draft: PolicyDraft) -> Rule:
    first = _sign(draft, trust.governance, "approver")
    assert first is None
    rule = _sign(draft, trust.administrator, "safety")
    assert rule is not None
    return rule


def _sign(draft: PolicyDraft, by: Any, capacity: str) -> Rule | None:
    return sign_draft(
        version=draft.versions.all()[0],
        beside=rule_beside(draft.policy_id),
        by=by,
        capacity=capacity,
        title="Medical director",
    )


# --- Two signatures ----------------------------------------------------------------------------


def test_what_two_have_signed_holds_and_what_was_promised_stays(trust: Trust) -> None:
    before = flagged(trust, category="urgent")
    promised = list(before.steps.order_by("pk").values_list("due_at", "audience"))
    rule = signed_by_two(trust, a_draft(trust))
    assert rule_to_promise(URGENT) == rule
    assert [one.role for one in rule.signatures.all()] == [
        "Medical director, for the trust",
        "Medical director, as clinical safety officer",
    ]
    clock = flagged(trust, category="urgent").clocks.get(kind="acknowledge")
    assert clock.rule == rule
    assert clock.due_at - clock.started_at == 8 * HOUR
    assert list(before.steps.order_by("pk").values_list("due_at", "audience")) == promised
    assert before.clocks.get(kind="acknowledge").rule.version == rule.version - 1


def test_one_person_cannot_sign_twice_nor_two_in_one_capacity(trust: Trust) -> None:
    draft = a_draft(trust)
    _sign(draft, trust.governance, "approver")
    with pytest.raises(ValueError, match="You have signed it already"):
        _sign(draft, trust.governance, "safety")
    with pytest.raises(ValueError, match="in this capacity already"):
        _sign(draft, trust.administrator, "approver")
    assert rule_in_force(URGENT).version == 1


def test_a_change_of_the_draft_asks_for_both_signatures_again(trust: Trust) -> None:
    draft = a_draft(trust)
    old = draft.versions.all()[0]
    _sign(draft, trust.governance, "approver")
    content = changed(old.said, acknowledge_within="PT6H")
    given = {"content": content, "holds_from": None, "because": "Sooner.", "by": trust.governance}
    save_draft(draft=draft, seen=2, **given)
    assert _sign(draft, trust.administrator, "safety") is None
    with pytest.raises(ValueError, match="has been changed since"):
        sign_draft(
            version=old,
            beside=rule_in_force(URGENT),
            by=trust.administrator,
            capacity="safety",
            title="CSO",
        )
    with pytest.raises(ValueError, match="has saved this draft since"):
        save_draft(draft=draft, seen=2, **given)


def test_what_is_signed_for_later_comes_into_force_by_itself(trust: Trust) -> None:
    """The database's clock decides; nobody presses anything."""
    soon = timezone.now() + HOUR
    rule = signed_by_two(trust, a_draft(trust, soon))
    assert rule.in_force_from == soon
    assert rule_in_force(URGENT).version == 1
    assert list(Rule.objects.to_come()) == [rule]
    page = words_of(signed_in(trust.referrer).get(reverse("policy")))
    assert f"{rule} is signed, and comes into force by itself" in page
    _an_hour_passes(rule)
    assert rule_in_force(URGENT) == rule == Rule.objects.in_force().get(policy_id=URGENT)
    assert not Rule.objects.to_come().exists()


def _an_hour_passes(rule: Rule) -> None:
    """For the database, whose clock decides and cannot be moved, the moment goes back instead."""
    with pgtrigger.ignore("findings.Rule:rule_is_append_only"):
        Rule.objects.filter(pk=rule.pk).update(in_force_from=timezone.now() - HOUR)
    rule.refresh_from_db()


def test_a_newer_version_takes_the_place_of_one_that_is_still_to_come(trust: Trust) -> None:
    signed_by_two(trust, a_draft(trust, timezone.now() + timedelta(days=30)))
    newer = signed_by_two(trust, a_draft(trust, acknowledge_within="PT10H"))
    assert rule_in_force(URGENT) == newer
    assert not Rule.objects.to_come().exists()


def test_loading_the_files_again_leaves_what_was_signed_on_the_page(trust: Trust, tmp_path) -> None:
    rule = signed_by_two(trust, a_draft(trust))
    assert load_policy().new == 0
    folder = own_copy(tmp_path)
    change(folder, "policy.csv", URGENT, acknowledge_within="PT11H")
    assert load_policy(folder).kept == (URGENT,)
    assert rule_in_force(URGENT) == rule
    call_command("load_policy", str(folder), "--replace", URGENT)
    assert rule_in_force(URGENT).acknowledge_within == "PT11H"


# --- What may not be signed --------------------------------------------------------------------


@pytest.mark.parametrize(
    ("change", "where", "says"),
    [
        ({"act_within": "PT30H"}, "act_within", "looser than national guidance, which says 24"),
        ({"act_within": ""}, "act_within", "Enter a time"),
        ({"calendar": "working", "act_within": "P1D"}, "act_within", "looser than national"),
        ({"acknowledge_within": ""}, "acknowledge_within", "nothing can be flagged"),
        ({"acknowledge_within": "PT23H", "act_within": "PT20H"}, "act_within", "not be less"),
        ({"rungs": []}, "act", "nobody would be told"),
    ],
)
def test_what_may_not_hold_is_refused_where_it_stands(change, where, says) -> None:
    found = {
        one.where: one.sentence for one in wrong_with(URGENT, changed(in_force(URGENT), **change))
    }
    assert says in found[where]


def test_the_first_step_of_what_is_urgent_tells_at_once(trust: Trust) -> None:
    content = in_force(URGENT)
    late = [{**rung, "offset": "PT5M"} for rung in content.as_json["rungs"][:1]]
    wrong = wrong_with(URGENT, changed(content, rungs=[*late, *content.as_json["rungs"][7:]]))
    assert [one.sentence for one in wrong] == ["The first step must tell somebody at once."]
    assert wrong_with(URGENT, content) == []
    for rule in Rule.objects.in_force().filter(basis=Rule.Basis.LOCAL):
        if rule.is_to_be_signed:
            assert wrong_with(rule.policy_id, content_of(rule, rule.rungs.all())) == [], rule


def test_working_days_are_longer_than_they_look() -> None:
    assert is_longer("P1D", "working", "PT24H", "elapsed")
    assert not is_longer("PT24H", "elapsed", "P1D", "elapsed")
    assert not is_longer("P5D", "working", "P28D", "elapsed")


# --- Replay ------------------------------------------------------------------------------------


def late_case(trust: Trust, hours: int = 20) -> Any:
    """Urgent; looked after each hour, and acknowledged after so many: the limit was 12."""
    at = timezone.now() - timedelta(days=3)
    finding = flagged(trust, category="urgent", at=at)
    for hour in range(hours):
        fire_finding(finding, at=at + hour * HOUR + timedelta(seconds=2))
    acknowledge_finding(finding=finding, by=trust.referrer, plan="Now.", at=at + hours * HOUR)
    return finding


def sooner() -> list[dict[str, Any]]:
    """The ladder in force, but the responsible consultant hears after two hours, not twelve."""
    return [
        {**rung, "offset": "PT2H"} if (rung["clock"], rung["level"]) == ("acknowledge", 3) else rung
        for rung in in_force(URGENT).as_json["rungs"]
    ]


def test_a_draft_is_replayed_against_what_happened(trust: Trust) -> None:
    finding = late_case(trust)
    draft = a_draft(trust, rungs=sooner())
    replay = replay_draft(version=draft.versions.all()[0], by=trust.governance)
    result = replay.result
    assert (result["cases"], result["as_they_were"]) == (2, 0)
    assert (result["late"], result["would_be_late"], result["late_told_earlier"]) == (2, 2, 1)
    case = replay.cases.get(clock__kind="acknowledge")
    assert (case.told_first, case.minutes_earlier) == ("responsible", 600)
    assert case.due_at == finding.flagged_at + 8 * HOUR
    # After two hours of twelve: in fact the consultant heard at the limit.
    assert case.minutes_left == 600
    assert (result["might_be_avoided"], result["left_hours"], result["left_day"]) == (1, 1, 0)
    told = Notification.objects.filter(step__level__gt=0, finding=finding)
    by_moment = set(told.values_list("step__fired_at", "recipient"))
    assert result["messages"] == len(by_moment)
    assert trust.governance.pk not in [pk for pk, _, _ in result["people"]]


def test_another_category_is_replayed_from_its_moment(trust: Trust) -> None:
    """Flagged as significant, urgent after an hour: each category's promise holds in its time."""
    at = timezone.now() - timedelta(days=4)
    finding = flagged(trust, category="significant_unexpected", at=at)
    fire_finding(finding, at=at + timedelta(seconds=2))
    change_category(
        finding=finding,
        by=trust.coordinator,
        category=Category.objects.get(pk="urgent"),
        because="Seen again.",
        at=at + HOUR,
    )
    for hour in range(1, 20):
        fire_finding(finding, at=at + hour * HOUR + timedelta(seconds=2))
    acknowledge_finding(finding=finding, by=trust.referrer, plan="Now.", at=at + 20 * HOUR)
    draft = a_draft(trust, rungs=sooner())
    replay = replay_draft(version=draft.versions.all()[0], by=trust.governance)
    assert (replay.result["cases"], replay.result["as_they_were"]) == (2, 0)
    case = replay.cases.get(clock__kind="acknowledge")
    assert case.clock.replaces.rule.policy_id == "DEF-SIG"
    assert case.due_at == at + 8 * HOUR, "from the start that it had, by the draft"
    assert (case.told_first, case.minutes_earlier) == ("responsible", 600)


def test_the_rule_in_force_changes_nothing_and_costs_nothing(trust: Trust) -> None:
    late_case(trust)
    flagged(trust, category="urgent")
    draft = make_draft(policy_id=URGENT, by=trust.governance, because="To see.")
    replay = replay_draft(version=draft.versions.get(), by=trust.governance)
    result = replay.result
    assert result["was"] == result["would"]
    assert result["messages"] == result["would_be_messages"] > 0
    assert all(was == would for _, was, would in result["people"])
    assert (result["changed"], replay.cases.count()) == (0, 0)
    assert result["by_roster_of_today"] == 0


def test_a_trust_replays_its_own_cases_only(trust: Trust) -> None:
    other = a_trust()
    late_case(other)
    draft = a_draft(trust)
    replay = replay_draft(version=draft.versions.all()[0], by=trust.governance)
    assert replay.result["cases"] == 0
    theirs = signed_in(other.governance)
    assert theirs.get(reverse("policy-replay", args=[replay.pk])).status_code == 404
    assert theirs.get(reverse("policy-draft", args=[draft.pk])).status_code == 200


def test_what_might_have_been_avoided_is_a_range_with_its_rows(trust: Trust, lead: Client) -> None:
    late_case(trust)
    draft = a_draft(trust, rungs=sooner())
    replay = replay_draft(version=draft.versions.all()[0], by=trust.governance)
    page = lead.get(reverse("policy-replay", args=[replay.pk]))
    assert "From none to 1 of 2 late promises" in words_of(page)
    address = reverse("replayed-cases", args=[replay.pk])
    for which, count in (("avoided", 1), ("left_hours", 1), ("left_less", 0), ("", 1)):
        rows = lead.get(address, {"show": which})
        said = f"to {count} of {count}." if count else "No promise of your trust"
        assert said in words_of(rows)
        assert (f'?show={which}"' in page.content.decode()) == bool(which and count)


# --- Runs --------------------------------------------------------------------------------------


def test_whoever_presses_twice_has_one_replay(trust: Trust) -> None:
    late_case(trust)
    version = a_draft(trust).versions.all()[0]
    first = ask_for_replay(version=version, by=trust.governance)
    assert ask_for_replay(version=version, by=trust.administrator) == first
    assert rounds.reckon() is None
    done = LabRun.objects.get()
    assert (done.done, done.whole, done.tries) == (1, 1, 1)
    assert done.replay == LabReplay.objects.get()
    assert done.replay.until == done.asked_at
    assert ask_for_replay(version=version, by=trust.governance) != first


def test_a_run_whose_worker_was_killed_is_begun_again(trust: Trust, lead: Client) -> None:
    late_case(trust)
    version = a_draft(trust).versions.all()[0]
    run = ask_for_replay(version=version, by=trust.governance)
    LabRun.objects.update(tries=1, heard_at=timezone.now(), whole=1)
    assert take_up() == 0, "somebody is at it"
    LabRun.objects.update(heard_at=timezone.now() - SILENT_AFTER - HOUR)
    page = words_of(lead.get(reverse("lab-run", args=[run.pk])))
    assert "0 of 1 cases so far. Nothing was heard of it since" in page
    assert take_up() == 1
    assert LabRun.objects.get().tries == 2
    assert LabReplay.objects.count() == 1


def test_whoever_is_to_end_leaves_it_to_the_next(trust: Trust) -> None:
    """A worker that is stopped in good order does not count as one that was killed."""
    late_case(trust)
    ask_for_replay(version=a_draft(trust).versions.all()[0], by=trust.governance)
    asked = iter([False, False, True, True])
    assert take_up(lambda: next(asked)) == 0
    left = LabRun.objects.get()
    assert (left.tries, left.heard_at, left.ended_at) == (0, None, None)
    assert take_up() == 1


def test_what_another_try_has_taken_over_keeps_nothing(trust: Trust) -> None:
    """The one that was thought dead goes on after all."""
    late_case(trust)
    version = a_draft(trust).versions.all()[0]
    run = ask_for_replay(version=version, by=trust.governance)
    LabRun.objects.update(tries=2, heard_at=timezone.now())
    run.tries = 1
    with pytest.raises(TakenOver):
        reckon(run)
    assert not LabReplay.objects.exists()


def test_a_run_that_is_interrupted_each_time_says_so(trust: Trust, lead: Client) -> None:
    version = a_draft(trust).versions.all()[0]
    run = ask_for_replay(version=version, by=trust.governance)
    LabRun.objects.update(tries=3, heard_at=timezone.now() - 2 * SILENT_AFTER)
    assert take_up() == 0
    page = words_of(lead.get(reverse("lab-run", args=[run.pk])))
    assert "It was begun 3 times and interrupted each time." in page
    assert "Try again" in page
    assert ask_for_replay(version=version, by=trust.governance) != run


def test_the_database_lets_a_run_end_once(trust: Trust) -> None:
    version = a_draft(trust).versions.all()[0]
    ask_for_replay(version=version, by=trust.governance)
    run = LabRun.objects.get()
    with pytest.raises(IntegrityError, match="replay_is_asked_for_once"), transaction.atomic():
        LabRun.objects.create(version=version, organisation=trust.organisation, by=run.by)
    runs = LabRun.objects.filter(pk=run.pk)
    with pytest.raises(IntegrityError, match="ends_with_a_replay_or_with"), transaction.atomic():
        runs.update(ended_at=timezone.now())
    runs.update(ended_at=timezone.now(), failed_because="It was stopped.")
    with pytest.raises(DatabaseError, match="has ended"), transaction.atomic():
        runs.update(failed_because="Another reason.")
    with pytest.raises(InternalError), transaction.atomic():
        runs.delete()


def test_a_replay_says_what_has_changed_since(trust: Trust, lead: Client) -> None:
    late_case(trust)
    draft = a_draft(trust)
    replay = replay_draft(version=draft.versions.all()[0], by=trust.governance)
    address = reverse("policy-replay", args=[replay.pk])
    assert "since" not in words_of(lead.get(address)).partition("Promises replayed")[0]
    flagged(trust, category="urgent")
    signed_by_two(trust, draft)
    save = a_draft(trust)
    assert save.pk
    page = words_of(lead.get(address))
    assert "DEF-URG v2 has come into force since. 1 more case has begun since" in page


# --- A first limit of its own ------------------------------------------------------------------


def test_a_first_limit_is_entered_signed_and_holds(trust: Trust, lead: Client) -> None:
    policy_id = "DEF-TAT-IP"
    start = timezone.now() - timedelta(days=5)
    old = waiting_examination(trust, performed_at=start, setting="inpatient")
    waiting_examination(trust, performed_at=start, setting="emergency")
    offered = lead.get(reverse("late-reporting")).content.decode()
    link = f"{reverse('new-draft')}?rule={policy_id}"
    assert f'href="{link}"' in offered
    assert typed_in(lead.get(link))["policy_id"] == policy_id
    assert "the first limit (DEF-TAT-IP)" in words_of(lead.get(link))
    made = lead.post(reverse("new-draft"), {"policy_id": policy_id, "because": "Agreed."})
    address = made["Location"]
    form = typed_in(lead.get(address))
    assert form["communicate_within"] == "", "no number is ours to propose"
    refused = lead.post(address, form | {"source": "Agreed in March"})
    assert refused.status_code == 422
    assert "Enter a time: national guidance says 28 days" in words_of(refused)
    sent = form | {"communicate_within": "2", "communicate_within-unit": "D"}
    saved = words_of(lead.post(address, sent | {"source": "Agreed in March"}, follow=True))
    assert "no limit of its own for in-patient examinations yet" in saved.lower()
    draft = PolicyDraft.objects.get()
    replay = replay_draft(version=draft.versions.all()[0], by=trust.governance)
    assert (replay.result["cases"], replay.result["would_be_late"]) == (1, 1)
    assert replay.cases.get().clock.examination == old
    rule = signed_by_two(trust, draft)
    assert (rule.policy_id, rule.version, rule.category) == (policy_id, 1, "reporting_inpatient")
    waits = unreported(trust, performed_at=timezone.now(), setting="inpatient")
    expect_report(waits)
    clock = waits.clocks.get(stopped_at__isnull=True)
    assert clock.rule == rule
    assert clock.due_at - clock.started_at == timedelta(days=2)
    assert "the first limit (DEF-TAT-IP)" not in words_of(lead.get(reverse("new-draft")))


# --- Pages -------------------------------------------------------------------------------------


@pytest.fixture
def lead(trust: Trust) -> Client:
    return signed_in(trust.governance)


class _Form(HTMLParser):
    """What a browser would send of the page's form, as it stands."""

    def __init__(self, page: Any) -> None:
        super().__init__()
        self.sent: dict[str, str] = {}
        self._area = self._select = ""
        self.feed(page.content.decode())

    def handle_starttag(self, tag: str, attrs: Any) -> None:
        given = dict(attrs)
        name, value = given.get("name") or "", given.get("value") or ""
        if tag == "textarea":
            self._area, self.sent[name] = name, ""
        elif tag == "select":
            self._select = name
        elif tag == "option" and "selected" in given:
            self.sent[self._select] = value
        elif tag == "input" and name and (given.get("type") != "radio" or "checked" in given):
            self.sent[name] = value

    def handle_endtag(self, tag: str) -> None:
        self._area = "" if tag == "textarea" else self._area

    def handle_data(self, data: str) -> None:
        if self._area:
            self.sent[self._area] += data.strip()


def typed_in(page: Any) -> dict[str, str]:
    return _Form(page).sent


def test_from_the_draft_to_what_is_in_force_by_pages(trust: Trust, lead: Client) -> None:
    finding = late_case(trust)
    made = lead.post(reverse("new-draft"), {"policy_id": URGENT, "because": "Sooner."})
    address = made["Location"]
    page = lead.get(address)
    assert "National guidance: 24 hours (RCR BFCR(12)11 via Cris Communicator)" in words_of(page)
    sent = typed_in(page) | {"acknowledge_within": "30"}
    refused = lead.post(address, sent)
    assert refused.status_code == 422
    assert "must not be less than the time to acknowledge" in words_of(refused)
    more = lead.post(address, sent | {"acknowledge_within": "8", "do": "add:acknowledge"})
    assert more.status_code == 200
    assert PolicyDraft.objects.get().versions.count() == 1, "a button of a ladder saves nothing"
    sent = typed_in(more) | {
        "acknowledge-7-number": "2",
        "acknowledge-7-audience": "responsible",
        "acknowledge-7-words": "responsible consultant sooner",
    }
    saved = lead.post(address, sent, follow=True)
    words = words_of(saved)
    assert "Acknowledge within DEF-URG v1 12 hours The draft 8 hours" in words
    assert "Change New When 2 hours after the clock starts Who is told the responsible" in words
    draft = PolicyDraft.objects.get()
    ladder = draft.versions.all()[0].said.of_clock("acknowledge")
    assert [rung.level for rung in ladder] == list(range(1, 9))
    assert ladder[1].audience == "responsible", "each ladder stands in the order of time"
    _replayed(lead, draft, finding)
    _signed(trust, lead, draft)


def _replayed(lead: Client, draft: PolicyDraft, finding: Any) -> None:
    waits = lead.post(reverse("replay-draft", args=[draft.pk]), follow=True)
    assert "It waits for its turn" in words_of(waits)
    assert "is not done yet" in words_of(lead.get(reverse("policy-draft", args=[draft.pk])))
    rounds.reckon()
    page = lead.get(reverse("lab-run", args=[LabRun.objects.get().pk]), follow=True)
    assert "People answer when they answered in fact." in words_of(page)
    replay = LabReplay.objects.get()
    listed = lead.get(reverse("replayed-cases", args=[replay.pk]))
    assert finding.reference in words_of(listed)
    assert "the responsible consultant: 10 hours earlier" in words_of(listed)
    seen = Viewing.objects.filter(page="replayed-cases").latest("pk")
    assert seen.patients == [finding.examination.patient_id]
    saved = lead.get(reverse("replayed-cases", args=[replay.pk]), {"as": "csv"})
    assert finding.reference.encode() in b"".join(saved.streaming_content)


def _signed(trust: Trust, lead: Client, draft: PolicyDraft) -> None:
    address = reverse("sign-draft", args=[draft.pk])
    given = {"capacity": "approver", "title": "Medical director"}
    first = lead.post(address, hidden_in(lead.get(address)) | given, follow=True)
    assert "Somebody else has to sign it" in words_of(first)
    again = lead.post(address, hidden_in(lead.get(address)) | given | {"capacity": "safety"})
    assert "You have signed it already" in words_of(again)
    other = signed_in(trust.add(Role.ADMINISTRATOR))
    given |= {"capacity": "safety", "title": "Clinical safety officer"}
    second = other.post(address, hidden_in(other.get(address)) | given, follow=True)
    assert "Signed by both: DEF-URG v2 is in force." in words_of(second)
    assert "has ended already" in words_of(other.post(address, given, follow=True))
    assert DraftSignature.objects.count() == 2


def test_a_draft_is_put_away_with_a_reason_and_stays_readable(trust: Trust, lead: Client) -> None:
    draft = a_draft(trust)
    address = reverse("put-away-draft", args=[draft.pk])
    assert lead.post(address, {"because": " "}).status_code == 422
    done = words_of(lead.post(address, {"because": "Not agreed."}, follow=True))
    assert "Put away because: Not agreed." in done
    again = words_of(lead.post(address, {"because": "Twice."}, follow=True))
    assert f"{trust.governance} has put this draft away already. Nothing more was done." in again
    with pytest.raises(ValueError, match="put this draft away already"):
        _sign(draft, trust.administrator, "safety")
    assert PolicyDraft.objects.get().withdrawn_because == "Not agreed."


def test_the_database_keeps_a_draft_as_it_was_signed(trust: Trust) -> None:
    draft = a_draft(trust)
    signed_by_two(trust, draft)
    rows = PolicyDraft.objects.filter(pk=draft.pk)
    for other in ({"rule": None}, {"withdrawn_at": timezone.now()}, {"policy_id": "DEF-CRIT"}):
        with pytest.raises(DatabaseError, match=r"has ended|Cannot update"), transaction.atomic():
            rows.update(**other)
    with pytest.raises(InternalError), transaction.atomic():
        draft.versions.update(because="Else.")
    with pytest.raises(ValueError, match="signed by both already"):
        withdraw_draft(draft=draft, by=trust.governance, because="No.")


def test_the_pages_ask_no_more_as_there_is_more(trust: Trust, lead: Client) -> None:
    draft = a_draft(trust, rungs=sooner())
    late_case(trust)
    replay = replay_draft(version=draft.versions.all()[0], by=trust.governance)
    pages = {
        name: reverse(name, args=args)
        for name, args in {
            "policy-lab": [],
            "policy-draft": [draft.pk],
            "policy-replay": [replay.pk],
            "replayed-cases": [replay.pk],
        }.items()
    }
    few = {name: queries_without_banner(lead, address) for name, address in pages.items()}
    late_case(trust), late_case(trust)
    a_draft(trust)
    second = replay_draft(version=draft.versions.all()[0], by=trust.governance)
    pages["policy-replay"] = reverse("policy-replay", args=[second.pk])
    pages["replayed-cases"] = reverse("replayed-cases", args=[second.pk])
    assert ReplayedCase.objects.filter(replay=second).count() > replay.cases.count()
    more = {name: queries_without_banner(lead, address) for name, address in pages.items()}
    assert more == few
    assert max(more.values()) <= 25
    assert Step.objects.exists()
