"""One thing done with many rows of the desk: those that were seen and ticked, and no others."""

from html import unescape
from typing import Any

import pytest
from django.test import Client
from django.urls import reverse

from findings.models import Event, Finding, Role
from findings.services.acknowledge import acknowledge_finding
from findings.services.close import withdraw_finding
from findings.services.desk import Seen, do_with_each
from findings.services.senders import make_sender
from findings.services.timeline import add_note
from tests.factories import Trust, flagged
from tests.integration.desk_scene import ago, held
from tests.pages import signed_in, words_of

pytestmark = pytest.mark.django_db

DESK, TOGETHER = reverse("desk"), reverse("desk-together")


@pytest.fixture
def desk(trust: Trust) -> Client:
    return signed_in(trust.coordinator)


def ticks(client: Client) -> dict[int, str]:
    """What the box of each row sends, by its key."""
    html = unescape(client.get(DESK).content.decode())
    values = [part.split('"')[0] for part in html.split('type="checkbox" value="')[1:]]
    return {int(value.split("-")[1].split(".")[0]): value for value in values}


def late(trust: Trust, count: int) -> list[Finding]:
    return [flagged(trust, at=ago(minutes=70 + n)) for n in range(count)]


def notes(finding: Finding) -> list[str]:
    return [one.data["text"] for one in finding.events.filter(kind=Event.Kind.NOTE)]


def test_a_note_goes_to_each_that_was_ticked_and_is_as_it_was_seen(
    trust: Trust, desk: Client
) -> None:
    first, changed, ended, second, not_ticked = late(trust, 5)
    boxes = ticks(desk)
    rows = [boxes[one.pk] for one in (first, changed, ended, second)]
    acknowledge_finding(finding=changed, by=trust.referrer, plan="Now.")
    withdraw_finding(finding=ended, by=trust.radiologist, because="In error.")
    shown = desk.post(TOGETHER, {"do": "note", "row": rows})
    page = words_of(shown)
    assert shown.status_code == 200
    assert "Add the note to 2 findings" in page
    assert f"{changed.reference}: It has changed since you saw it: Acknowledged" in page
    assert not notes(first), "nothing is done before it is confirmed"
    empty = desk.post(TOGETHER, {"do": "note", "row": rows, "press": "yes", "text": " "})
    assert empty.status_code == 422
    acknowledge_finding(finding=second, by=trust.colleague, plan="Mine.")
    given = {"do": "note", "row": rows, "press": "yes", "text": "In theatre."}
    said = words_of(desk.post(TOGETHER, given, follow=True))
    assert f"The note was added to 1 of 4: {first.reference}." in said
    for one in (changed, ended, second):
        assert f"Not done with {one.reference}." in said
    assert f"({trust.colleague}, " in said, "who was first"
    assert [notes(one) for one in (first, second, ended, not_ticked)] == [
        ["In theatre."],
        [],
        [],
        [],
    ]
    again = words_of(desk.post(TOGETHER, given, follow=True))
    assert notes(first) == ["In theatre."], "a second press adds no second note"
    assert "is still as you saw it, so nothing will be done" in again


def test_what_changes_after_the_last_look_is_left_alone_too(trust: Trust) -> None:
    """Between the look at what was ticked and the lock somebody else may be first."""
    first, second = late(trust, 2)
    rows = [Seen(one, one.events.order_by("-number")[0].number) for one in (first, second)]
    acknowledge_finding(finding=first, by=trust.referrer, plan="Now.")
    became = do_with_each(rows, lambda one: add_note(finding=one, by=trust.coordinator, text="Hm."))
    assert became.done == [second]
    assert [one for one, _ in became.changed] == [first]
    assert (notes(first), notes(second)) == ([], ["Hm."])


def test_several_are_given_to_one_person_and_a_refusal_undoes_no_other(
    trust: Trust, desk: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    findings = late(trust, 3)
    boxes = ticks(desk)
    given: dict[str, Any] = {
        "do": "hand-over",
        "row": [boxes[one.pk] for one in findings],
        "press": "yes",
        "because": "On leave.",
        "receiver": "person",
        "name": trust.colleague.family_name,
    }
    chosen = desk.post(TOGETHER, given)
    assert chosen.status_code == 422, "who it is must be chosen from the list"
    assert "Hand over 3 findings" in words_of(chosen)
    from findings.views import desk_together

    hand_over = desk_together.hand_over_finding

    def second_fails(*, finding: Finding, **how: Any) -> Finding:
        done = hand_over(finding=finding, **how)
        if finding.pk == findings[1].pk:
            raise ValueError("This one cannot be.")
        return done

    monkeypatch.setattr(desk_together, "hand_over_finding", second_fails)
    answer = desk.post(TOGETHER, given | {"person": trust.colleague.pk}, follow=True)
    said = words_of(answer)
    assert f"Handed over: 2 of 3: {findings[0].reference}, {findings[2].reference}." in said
    assert f"Not done with {findings[1].reference}. This one cannot be." in said
    owners = [Finding.objects.get(pk=one.pk).owner_person for one in findings]
    assert owners == [trust.colleague, trust.referrer, trust.colleague]


def test_held_items_run_again_each_with_what_became_of_it(trust: Trust, desk: Client) -> None:
    items = [held("Nodule."), held("A nodule of 3 mm."), held("No nodule at all.")]
    boxes = ticks(desk)
    make_sender(code="NONE|RXX01", site=trust.site)
    colleague = trust.add(Role.COORDINATOR)
    signed_in(colleague).post(reverse("held-item", args=[items[2].pk]), {"do": "run-again"})
    rows = [boxes[one.pk] for one in items]
    assert "Run 2 items again" in words_of(desk.post(TOGETHER, {"do": "run-again", "row": rows}))
    given = {"do": "run-again", "row": rows, "press": "yes"}
    said = words_of(desk.post(TOGETHER, given, follow=True))
    assert f"Run again, and no longer held: 2 of 3: Held item {items[0].pk}" in said
    assert f"Not done with Held item {items[2].pk}. {colleague} dealt with it" in said


def test_what_was_not_ticked_or_is_not_theirs_is_left_alone(trust: Trust, desk: Client) -> None:
    from tests.factories import a_trust

    other = a_trust()
    (theirs,) = late(other, 1)
    seen = theirs.events.order_by("-number")[0].number
    nothing = desk.post(TOGETHER, {"do": "note"}, follow=True)
    assert "Tick the rows first" in words_of(nothing)
    given = {"do": "note", "row": f"finding-{theirs.pk}.{seen}", "press": "yes", "text": "Hm."}
    answer = words_of(desk.post(TOGETHER, given))
    assert theirs.reference not in answer
    assert notes(theirs) == []
    assert desk.post(TOGETHER, given | {"do": "close"}).status_code == 404
    assert signed_in(trust.governance).post(TOGETHER, given).status_code == 403
