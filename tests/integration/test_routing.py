"""An order that leads to nobody: which team holds what is found, and that there always is one."""

from typing import Any

import pytest
from django.db import Error, transaction
from django.urls import reverse

from findings.arrivals import ArrivingPerson
from findings.models import (
    Category,
    Examination,
    Organisation,
    RoutingChange,
    RoutingRule,
    Team,
)
from findings.reach import Subject
from findings.rules import NotAllowed
from findings.services.flag import owner_from_order, ownership
from findings.services.routing import (
    Asked,
    Routing,
    add_rule,
    change_rule,
    combinations,
    effects,
    remove_rule,
)
from notifications.audience import reach
from notifications.models import Route
from tests.factories import SiteFactory, TeamFactory, Trust, a_trust, flagged, reported
from tests.pages import fill_in, hidden_in, queries_without_banner, signed_in, words_of

pytestmark = pytest.mark.django_db
NOBODY = {"requester": ArrivingPerson(), "requesting_location": "RESP CLINIC 4"}


@pytest.fixture
def lost(trust: Trust) -> Examination:
    """Nobody knows who asked for it."""
    return reported(trust, **NOBODY)


@pytest.fixture
def critical() -> Category:
    return Category.objects.get(code="critical")


def last(trust: Trust) -> RoutingRule:
    return RoutingRule.objects.get(organisation=trust.organisation, is_last=True)


def rule(trust: Trust, **given: Any) -> RoutingRule:
    given = {"team": trust.team, **given}
    return add_rule(organisation=trust.organisation, by=trust.coordinator, **given)


# --- Where a finding goes ------------------------------------------------------------------------


def test_without_a_rule_the_coordinators_hold_it(trust: Trust, lost: Examination) -> None:
    held = owner_from_order(lost)
    assert held.team == trust.coordination
    assert held.because == (
        "The order names nobody and no team that we know, so the coordinators hold it."
    )


@pytest.mark.parametrize("by", ["category", "specialty", "site"])
def test_the_first_rule_that_matches_decides(
    trust: Trust, lost: Examination, critical: Category, by: str
) -> None:
    other = Category.objects.get(code="urgent")
    misses, hits = {
        "category": ({"category": other}, {"category": critical}),
        "specialty": ({"specialty": "renal"}, {"specialty": "resp"}),
        "site": (
            {"site": SiteFactory(organisation=trust.organisation)},
            {"site": trust.site},
        ),
    }[by]
    rule(trust, team=trust.coordination, **misses)
    rule(trust, **hits)
    finding = flagged(trust, examination=lost)
    assert finding.owner == trust.team
    said = finding.events.get(kind="flagged").data["why_this_owner"]
    assert "by the routing rule" in said
    assert str(trust.team) in said


def test_an_order_that_leads_to_somebody_asks_no_rule(trust: Trust) -> None:
    rule(trust, team=trust.coordination, site=trust.site)
    assert flagged(trust).owner == trust.referrer


def test_a_team_where_nobody_can_be_told_is_passed_over(trust: Trust, lost: Examination) -> None:
    empty = TeamFactory(organisation=trust.organisation)
    rule(trust, team=empty, site=trust.site)
    rule(trust, specialty="resp")
    held = owner_from_order(lost)
    assert held.team == trust.team
    assert f"nobody of {empty} can be told" in held.because
    Route.objects.all().delete()
    held = owner_from_order(lost)
    assert held.team == trust.coordination
    assert f"nobody of {empty} or {trust.team} or {trust.coordination} can be told" in held.because


def test_every_combination_ends_at_a_person_or_with_the_coordinators(
    trust: Trust, critical: Category
) -> None:
    """Whatever the rules are, whoever can be told."""
    site = SiteFactory(organisation=trust.organisation)
    empty = TeamFactory(organisation=trust.organisation)
    rule(trust, team=empty, category=critical)
    rule(trust, team=empty, specialty="renal", site=site)
    rule(trust, specialty="resp")
    rule(trust, team=empty, specialty="resp", site=trust.site, position=1)
    change_rule(rule=last(trust), by=trust.coordinator, team=empty)
    for unreachable in (False, True):
        if unreachable:
            Route.objects.exclude(person=trust.coordinator).delete()
        routing = Routing(trust.organisation)
        for category in Category.objects.all():
            for specialty in ("renal", "resp", "RESP clinic, ward 2", ""):
                for where in (trust.site, site):
                    held = _held(trust, routing, Asked(category, specialty, where))
                    assert held is not empty
                    subject = Subject(None, held, held, None, trust.organisation)
                    found = reach(subject, "owner")
                    assert found.told or held == trust.coordination
    assert len(combinations(trust.organisation)) == Category.objects.count() * 3 * 2


def _held(trust: Trust, routing: Routing, asked: Asked) -> Team:
    decides, _ = routing.passed_over(asked)
    return decides.team if decides else trust.coordination


def test_the_page_before_a_flag_shows_who_holds_it_by_category(
    trust: Trust, lost: Examination, critical: Category
) -> None:
    rule(trust, category=critical)
    page = words_of(signed_in(trust.radiologist).get(reverse("flag", args=[lost.public_id])))
    assert f"by the routing rule “{critical}” {trust.team} holds it." in page
    assert "so the coordinators hold it." in page, "for every other category"
    assert ownership(lost, None, critical).team == trust.team


# --- Keeping the rules ---------------------------------------------------------------------------


def test_rules_are_asked_in_their_order_and_can_be_moved(trust: Trust) -> None:
    first = rule(trust, specialty="a")
    second = rule(trust, specialty="b")
    third = rule(trust, specialty="c", position=1)

    def order() -> list[str]:
        return [one.specialty for one in Routing(trust.organisation).rules]

    assert order() == ["c", "a", "b", ""]
    change_rule(rule=second, by=trust.coordinator, team=trust.team, specialty="b", position=2)
    assert order() == ["c", "b", "a", ""]
    remove_rule(rule=RoutingRule.objects.get(pk=third.pk), by=trust.coordinator)
    assert order() == ["b", "a", ""]
    assert RoutingRule.objects.get(pk=first.pk).position == 2


def test_every_change_of_the_rules_is_remembered(trust: Trust) -> None:
    made = rule(trust, specialty="resp")
    change_rule(rule=made, by=trust.administrator, team=trust.coordination, specialty="resp")
    remove_rule(rule=made, by=trust.coordinator)
    rows = RoutingChange.objects.order_by("pk").values_list("before", "after", "by")
    words = "Specialty “resp”"
    assert list(rows) == [
        ("", f"{words}: {trust.team} (number 1)", trust.coordinator.pk),
        (f"{words}: {trust.team}", f"{words}: {trust.coordination} (number 1)",
         trust.administrator.pk),
        (f"{words}: {trust.coordination}", "", trust.coordinator.pk),
    ]  # fmt: skip


def test_a_rule_for_nothing_and_a_second_for_the_same_are_refused(trust: Trust) -> None:
    with pytest.raises(ValueError, match="Say for which"):
        rule(trust)
    rule(trust, specialty="resp")
    with pytest.raises(ValueError, match="exactly this already"):
        rule(trust, specialty="resp ", team=trust.coordination)
    with pytest.raises(ValueError, match="cannot be removed"):
        remove_rule(rule=last(trust), by=trust.coordinator)


def test_only_coordinators_and_administrators_of_the_trust_keep_the_rules(trust: Trust) -> None:
    made = rule(trust, specialty="resp")
    for by in (trust.referrer, trust.governance, a_trust().coordinator):
        for change in (
            lambda by=by: add_rule(organisation=trust.organisation, by=by, team=trust.team),
            lambda by=by: change_rule(rule=made, by=by, team=trust.team),
            lambda by=by: remove_rule(rule=made, by=by),
        ):
            with pytest.raises(NotAllowed):
                change()


def test_what_a_change_would_send_elsewhere_is_shown_and_nothing_is_changed(
    trust: Trust, critical: Category
) -> None:
    found = effects(trust.organisation, lambda: rule(trust, category=critical))
    assert [(one.after.category, one.before.team, one.after.team) for one in found] == [
        (str(critical), str(trust.coordination), str(trust.team))
    ]
    assert not RoutingRule.objects.filter(is_last=False).exists()
    assert not RoutingChange.objects.exists()


# --- The pages -----------------------------------------------------------------------------------


def test_a_rule_is_added_after_its_effects_were_shown(trust: Trust, critical: Category) -> None:
    client = signed_in(trust.coordinator)
    address = reverse("add-routing-rule")
    typed = {"team": str(trust.team.pk), "category": critical.pk, "position": "0"}
    shown = client.post(address, typed)
    assert "1 combination would go elsewhere" in words_of(shown)
    assert str(trust.coordination) in words_of(shown)
    assert not RoutingRule.objects.filter(is_last=False).exists()
    done = client.post(address, typed | hidden_in(shown))
    page = words_of(client.get(done.url))
    assert f"{critical}" in page
    assert str(trust.team) in page
    made = RoutingRule.objects.get(is_last=False)
    remove = reverse("remove-routing-rule", args=[made.pk])
    assert "1 combination would go elsewhere" in words_of(client.get(remove))
    fill_in(client, remove, {})
    assert not RoutingRule.objects.filter(is_last=False).exists()


def test_what_changed_since_the_effects_were_shown_is_shown_again(
    trust: Trust, critical: Category
) -> None:
    client = signed_in(trust.coordinator)
    address = reverse("add-routing-rule")
    typed = {"team": str(trust.team.pk), "category": critical.pk, "position": "0"}
    shown = client.post(address, typed)
    change_rule(rule=last(trust), by=trust.coordinator, team=trust.team)
    again = client.post(address, typed | hidden_in(shown))
    assert again.status_code == 409
    assert not RoutingRule.objects.filter(is_last=False).exists()


def test_the_last_rule_can_change_its_team_and_cannot_be_removed(trust: Trust) -> None:
    client = signed_in(trust.administrator)
    address = reverse("change-routing-rule", args=[last(trust).pk])
    typed = {"team": str(trust.team.pk)}
    shown = client.post(address, typed)
    client.post(address, typed | hidden_in(shown))
    assert last(trust).team == trust.team
    remove = client.get(reverse("remove-routing-rule", args=[last(trust).pk]))
    assert remove.status_code == 404


def test_the_list_asks_as_much_for_ten_rules(trust: Trust) -> None:
    client = signed_in(trust.coordinator)
    rule(trust, specialty="a")
    few = queries_without_banner(client, reverse("routing"))
    for name in "bcdefghi":
        rule(trust, specialty=name, team=TeamFactory(organisation=trust.organisation))
    assert queries_without_banner(client, reverse("routing")) == few <= 20
    address = reverse("remove-routing-rule", args=[rule(trust, specialty="z").pk])
    assert queries_without_banner(client, address) <= 25


# --- What the database refuses -------------------------------------------------------------------


def refused(change: Any, message: str) -> None:
    with pytest.raises(Error, match=message), transaction.atomic():
        change()


def test_the_database_lets_no_trust_be_without_its_last_rule(trust: Trust) -> None:
    rows = RoutingRule.objects.filter(organisation=trust.organisation, is_last=True)
    refused(lambda: rows.delete(), "cannot be deleted")
    refused(lambda: rows.update(is_last=False), "Cannot update")
    refused(lambda: rows.update(specialty="x"), "last_routing_rule_is_for_everything")
    bare = Organisation.objects.create(ods_code="BARE", name="Bare", kind="trust")
    new = RoutingRule(organisation=bare, specialty="x", team=trust.team)
    refused(new.save, "has no last routing rule")
    TeamFactory(organisation=bare, kind=Team.Kind.COORDINATION)
    TeamFactory(organisation=bare, kind=Team.Kind.COORDINATION)
    assert RoutingRule.objects.get(organisation=bare).is_last
    RoutingRule(organisation=bare, specialty="x", team=trust.team).save()
