"""How useful a flag was: said by whoever answered for it, shown to whoever flagged it."""

import pytest
from django.urls import reverse

from findings.models import Action, Finding, Rating, Role
from findings.rules import NotAllowed
from findings.services.act import record_action
from findings.services.rate import rate_finding
from findings.states import State
from tests.factories import Trust, a_trust, acknowledged, flagged
from tests.pages import fill_in, hidden_in, signed_in, words_of

pytestmark = pytest.mark.django_db

CLOSING = {"outcome": "nothing", "note": "", "how": "telephone", "said": ""}


@pytest.fixture
def trust() -> Trust:
    return a_trust()


def acted_on(trust: Trust) -> Finding:
    finding = acknowledged(trust, flagged(trust))
    text, on = "CT of the chest requested.", finding.flagged_at.date().replace(year=2099)
    kind = Action.Kind.IMAGING
    record_action(finding=finding, by=trust.referrer, kind=kind, text=text, result_expected_on=on)
    finding.refresh_from_db()
    return finding


def of(name: str, finding: Finding) -> str:
    return reverse(name, args=[finding.reference])


def test_it_is_asked_when_closing_and_may_be_left_out(trust: Trust) -> None:
    client = signed_in(trust.referrer)
    told = {f"told_at-{part}": "" for part in ("day", "month", "year", "time")}
    told |= {"how": "not_told", "said": "They know it."}
    silent, rated = acted_on(trust), acted_on(trust)
    fill_in(client, of("close", silent), CLOSING | told)
    words = fill_in(client, of("close", rated), CLOSING | told | {"useful_note": "Say the size."})
    assert words.status_code == 422
    assert "Select whether the flag was useful" in words_of(words)
    given = {"useful": "category", "useful_note": "Say the size."}
    fill_in(client, of("close", rated), CLOSING | told | given)
    for finding in (silent, rated):
        finding.refresh_from_db()
        assert finding.state == State.CLOSED
    rating = Rating.objects.get()
    assert (rating.finding, rating.rated_by) == (rated, trust.referrer)
    said = f"In the wrong category, says {trust.referrer}. Say the size."
    for page in (reverse("my-flags"), of("finding", rated)):
        assert said in words_of(signed_in(trust.radiologist).get(page))
    assert "says" not in words_of(signed_in(trust.radiologist).get(of("finding", silent)))


def test_it_may_be_said_afterwards_and_the_last_word_counts(trust: Trust) -> None:
    finding, client = acted_on(trust), signed_in(trust.referrer)
    assert "Was this flag useful?" in words_of(client.get(of("finding", finding)))
    assert fill_in(client, of("rate", finding), {}).status_code == 422
    for useful in ("no", "yes"):
        assert fill_in(client, of("rate", finding), {"useful": useful}).status_code == 302
    rate_finding(finding=finding, by=trust.colleague, useful=Rating.Useful.NO)
    standing = Rating.objects.standing().order_by("pk")
    assert [(one.rated_by, one.useful) for one in standing] == [
        (trust.referrer, "yes"),
        (trust.colleague, "no"),
    ]
    shown = words_of(signed_in(trust.radiologist).get(reverse("my-flags")))
    assert f"Useful, says {trust.referrer}." in shown
    assert f"Not useful, says {trust.colleague}." in shown
    assert shown.count("says Dr") == 2
    assert f"{trust.referrer} plans: " in shown
    assert "Further imaging requested: CT of the chest requested." in shown
    finding.refresh_from_db()
    assert finding.state == State.ACTED_ON
    assert finding.clocks.running().exists()


@pytest.mark.parametrize("page", ["finding", "my-findings"])
def test_it_is_one_press_once_something_was_done_and_not_asked_again(
    trust: Trust, page: str
) -> None:
    finding, client = acted_on(trust), signed_in(trust.referrer)
    address = of("finding", finding) if page == "finding" else reverse("my-findings")
    question = "Was this flag useful?"
    assert words_of(client.get(address)).count(question) == 1
    for person in (trust.radiologist, trust.coordinator):
        assert question not in words_of(signed_in(person).get(of("finding", finding)))
    sent = hidden_in(client.get(address)) | {"useful": "yes"}
    assert client.post(of("rate", finding), sent).url == of("finding", finding)
    assert Rating.objects.get().useful == Rating.Useful.YES
    assert "Say more" not in words_of(client.get(address))


def test_nobody_else_rates_and_not_before_something_was_done(trust: Trust) -> None:
    finding = acted_on(trust)
    useful = Rating.Useful.YES
    for person in (trust.radiologist, trust.coordinator, trust.add(Role.REFERRER)):
        with pytest.raises(NotAllowed):
            rate_finding(finding=finding, by=person, useful=useful)
    with pytest.raises(NotAllowed, match="once something was done"):
        rate_finding(finding=flagged(trust), by=trust.referrer, useful=useful)
    assert not Rating.objects.exists()
