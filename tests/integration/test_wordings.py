"""What messages say: never what was found, first what to do, and a trust's own words for them."""

import re
from collections.abc import Iterator
from datetime import date, timedelta
from typing import Any

import pytest
from django.db import transaction
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from findings.models import Audience, Category, Clock, Person, Rung, Step
from findings.states import ClockKind
from notifications import messages, own_words, watchdog
from notifications.channels.sms import parts_of
from notifications.delivery import deliver_due
from notifications.keep_words import Overtaken, keep_words
from notifications.models import Channel, DeliveryAttempt, Notification
from notifications.own_words import VARIABLES, Wordings
from notifications.wording import WORDED, Place, Wording, Written
from tests.factories import Trust, a_trust, reported
from tests.integration.telling import ago, fired
from tests.pages import fill_in, queries_without_banner, signed_in, words_of

pytestmark = pytest.mark.django_db
FIRST = Place("critical", "acknowledge", 1, "owner")
OWN = Written(
    "please ring the scan room {by} ({reference})",
    "{trust} asks {role}. It is {due}.",
    "Ring 4455, then answer at {link}",
)
ADDRESS = {"category": "critical", "clock": "acknowledge", "level": 1}


@pytest.fixture
def trust() -> Trust:
    return a_trust()


def write(notification: Notification, channel: Channel, **more: Any) -> messages.Message:
    notification.channel = channel
    return messages.write(notification, at=timezone.now(), may_be_second=True, **more)


# --- What is never said ----------------------------------------------------------------------


def every_message(of: Notification) -> Iterator[Notification]:
    """The same, told to every audience, at a step of every kind of clock and out of one."""
    for kind in (*WORDED, ClockKind.ANSWER.value):
        for audience in Audience:
            for level in (0, 1):
                clock = Clock.objects.get(pk=of.step.clock_id)
                clock.kind = kind
                step = Step.objects.get(pk=of.step_id)
                step.clock, step.audience, step.level = clock, audience, level
                of.step = step
                yield of


def test_no_message_says_anything_of_the_patient_or_of_what_was_found(trust: Trust) -> None:
    """Values that stand nowhere else, through every template, by every channel, alone and in a
    digest; and with own words that use whatever they may."""
    examination = reported(trust)
    patient = examination.patient
    examination.description = examination.accession = "CANARYEXAM"
    examination.save()
    patient.family_name, patient.given_name = "CANARYFAMILY", "CANARYGIVEN"
    patient.birth_date = date(1931, 7, 29)
    patient.save()
    fired(trust, category="cancer", examination=examination, at=ago(hours=1))
    notification = Notification.objects.filter(finding__isnull=False).earliest("pk")
    finding = notification.its_finding
    for name in ("description", "recommended_action", "primary_site", "plan"):
        setattr(finding, name, f"CANARY{name}")
    secrets = ["CANARY", "1931", "29 July", "Cancer", finding.team.name, trust.site.name]
    secrets += [patient.nhs_number, *(one.value for one in patient.identifiers.all())]
    assert all(secrets)

    whole = Written(*[" ".join(f"{{{name}}}" for name in VARIABLES)] * 3)
    said, of_own = [], 0
    for one in every_message(notification):
        place = Place("cancer", one.step.clock.kind, one.step.level, one.step.audience)
        own = Wordings.only(finding.organisation, place, whole)
        for channel in Channel:
            for wordings in (Wordings.none(), own):
                written = write(one, channel, wordings=wordings)
                said += [written.subject, written.text, written.html]
            of_own += "the responsible consultant" in written.subject
        said.append(messages.write_digest(one, at=timezone.now(), may_be_second=True).html)
    assert of_own  # own words were among them
    every = "\n".join(said)
    assert finding.reference in every
    for secret in secrets:
        assert secret.casefold() not in every.casefold(), secret


def test_forty_letters_say_how_urgent_it_is_and_what_to_do(trust: Trust) -> None:
    """In time and late; and a text message is one of two parts at the most, in plain letters."""
    fired(trust, category="critical", at=ago(minutes=1))
    notification = Notification.objects.earliest("pk")
    for left in (timedelta(minutes=40), -timedelta(hours=2, minutes=1), timedelta(days=300)):
        notification.step.clock.due_at = timezone.now() + left
        for channel in Channel:
            written = write(notification, channel)
            assert re.match(r"Critical: please answer(,| by) ", written.subject[:40])
        text = write(notification, Channel.SMS).text
        assert text[:40] == written.subject[:40]
        assert f"/findings/{notification.its_finding.reference}/" in text
        assert "You may have had this before." in text
        assert parts_of(text) == 2
        digest = messages.write_digest(*[notification] * 20, at=timezone.now(), may_be_second=False)
        assert parts_of(digest.text) <= 2
        assert "/inbox/" in digest.text


@pytest.mark.parametrize(
    ("text", "parts"),
    [
        ("a" * 160, 1),
        ("a" * 161, 2),
        ("a" * 306, 2),
        ("a" * 307, 3),
        ("€" * 80, 1),
        ("€" * 81, 2),
        ("ł" + "a" * 69, 1),
        ("ł" + "a" * 70, 2),
        ("😀" * 36, 2),
    ],
)
def test_a_text_message_is_counted_as_it_is_paid_for(text: str, parts: int) -> None:
    assert parts_of(text) == parts


# --- Words of one's own ----------------------------------------------------------------------


def kept(trust: Trust, written: Written = OWN, seen: int = 0, place: Place = FIRST) -> Any:
    return keep_words(place=place, written=written, by=trust.administrator, seen=seen)


def owner_mail() -> Notification:
    return Notification.objects.get(channel=Channel.EMAIL, step__level=1)


def test_own_words_go_out_and_what_was_sent_keeps_its_own(trust: Trust) -> None:
    """Only for their step, their category and their trust; the limit, the link and why it is sent
    stand beneath them in any case."""
    kept(trust)
    other = a_trust()
    mine, theirs, urgent = fired(trust), fired(other), fired(trust, category="urgent")
    deliver_due()
    sent = DeliveryAttempt.objects.get(
        notification__finding=mine, notification__channel=Channel.EMAIL
    )
    assert re.fullmatch(
        rf"Critical: please ring the scan room by \d\d:\d\d \w+ \({mine.reference}\)", sent.subject
    )
    assert f"{trust.organisation.name} asks the owner. It is due " in sent.body
    assert "Ring 4455, then answer at http" in sent.body
    for always in ("Due to", "You get this because you hold this finding.", "nobody reads"):
        assert always in sent.body
    for one in (theirs, urgent):
        attempts = DeliveryAttempt.objects.filter(notification__finding=one)
        assert "please answer" in attempts.first().subject
    before = sent.body
    kept(trust, OWN._replace(to_do="<script>Something else"), seen=1)
    assert "&lt;script&gt;Something else" in write(sent.notification, Channel.EMAIL).html
    sent.refresh_from_db()
    assert sent.body == before


def test_words_that_cannot_be_used_stop_nothing(trust: Trust) -> None:
    """Whatever got into the row: the shipped words go out, and the watchdog says so."""
    Wording.objects.create(
        organisation=trust.organisation,
        category_id="critical",
        clock="acknowledge",
        level=1,
        audience="owner",
        version=1,
        by=trust.administrator,
        **OWN._replace(headline="About {patient} {")._asdict(),
    )
    finding = fired(trust)
    deliver_due()
    sent = DeliveryAttempt.objects.filter(notification__finding=finding).first()
    assert sent.subject.startswith("Critical: please answer by ")
    assert "{" not in sent.body
    assert (
        "The trust's own words of 1 message cannot be used: the shipped words go out instead."
        in [str(one) for one in watchdog.look()]
    )
    page = words_of(signed_in(trust.governance).get(reverse("wordings-of", args=["critical"])))
    assert "Your own, and cannot be used" in page


def test_what_is_out_of_the_ordinary_is_said_in_the_shipped_words(trust: Trust) -> None:
    """Own words know nothing of a report that changed: they would ask the old question."""
    kept(trust)
    finding = fired(trust)
    notification = owner_mail()
    assert "ring the scan room" in write(notification, Channel.EMAIL).subject
    notification.its_finding.counts_from = finding.flagged_at + timedelta(minutes=1)
    said = write(notification, Channel.EMAIL)
    assert "please answer by" in said.subject
    assert "its report has changed" in said.text


@pytest.mark.parametrize(
    ("part", "says"),
    [
        ("Ring {patient}", "There is no {patient}. What may stand in braces: {reference},"),
        ("Ring {due.year}", "There is no {due.year}."),
        ("Ring {0}", "There is no {0}."),
        ("Ring {due", "A brace stands alone"),
        ("A new CANCER waits", "“Cancer” says what was found"),
        ("Significant unexpected: ring", "says what was found"),
        ("Of 999 000 0018", "looks like an NHS number"),
    ],
)
def test_words_that_say_too_much_are_refused_with_a_sentence(
    trust: Trust, part: str, says: str
) -> None:
    answer = fill_in(
        signed_in(trust.administrator),
        reverse("change-wording", kwargs=ADDRESS),
        {**OWN._asdict(), "to_do": part},
    )
    assert answer.status_code == 422
    assert says in words_of(answer)
    with pytest.raises(own_words.Unusable):
        kept(trust, OWN._replace(to_do=part))
    assert not Wording.objects.exists()


def test_a_telephone_number_is_none_of_a_patient(trust: Trust) -> None:
    own_words.check("Ring 020 7946 0018 or 07700 900123", ["Cancer"])


def change(client: Client, person: Person, **more: Any) -> Any:
    return fill_in(client, reverse("change-wording", kwargs=ADDRESS), {**OWN._asdict(), **more})


def test_words_are_looked_at_kept_read_again_and_taken_back(trust: Trust) -> None:
    client, page = signed_in(trust.governance), reverse("wording", kwargs=ADDRESS)
    assert "as it is shipped" in words_of(client.get(page))
    looked = change(client, trust.governance)
    assert not Wording.objects.exists()
    shown = words_of(looked)
    assert "This is what would be sent" in shown
    assert "please ring the scan room by" in shown
    mark = re.search(r'name="looked" value="(\w+)"', looked.content.decode())
    assert mark
    # Other words than those that were looked at are shown first.
    changed = change(client, trust.governance, headline="Else.", looked=mark[1], known=0)
    assert changed.status_code == 200
    assert not Wording.objects.exists()
    done = change(client, trust.governance, looked=mark[1], known=0)
    assert (done.status_code, done.url) == (302, page)
    assert "Kept as version 1." in words_of(client.get(page))
    # Somebody else was first.
    kept(trust, OWN._replace(headline="By another."), seen=1)
    late = change(client, trust.governance, headline="Mine.", known=1)
    mark = re.search(r'name="looked" value="(\w+)"', late.content.decode())
    assert mark
    late = change(client, trust.governance, headline="Mine.", looked=mark[1], known=1)
    assert late.status_code == 409
    assert f"{trust.administrator} was first" in words_of(late)
    assert "By another." in words_of(late)
    assert 'value="2"' in late.content.decode()
    # An earlier one, then the shipped ones.
    again = reverse("word-again", kwargs=ADDRESS)
    client.post(again, {"version": "1", "known": "2"})
    assert Wording.objects.get(version=3).written == OWN
    client.post(again, {"known": "2"})  # as of a page that was opened before
    assert "worded it since you opened this page" in words_of(client.get(page))
    client.post(again, {"known": "3"})
    assert Wording.objects.get(version=4).written == Written()
    assert "The shipped words hold again." in words_of(client.get(page))
    assert client.post(again, {"version": "77", "known": "4"}).status_code == 404
    assert not Wording.objects.in_force().exists()


def test_the_database_keeps_every_version(trust: Trust) -> None:
    row = kept(trust)
    with pytest.raises(Overtaken):
        kept(trust)
    for change in (
        lambda: Wording.objects.filter(pk=row.pk).update(subject="x"),
        lambda: row.delete(),
        lambda: kept(trust, OWN, seen=0, place=Place("critical", "report_by", 1, "team")),
        lambda: Wording.objects.create(
            organisation=trust.organisation,
            category_id="critical",
            clock="act",
            level=1,
            audience="owner",
            version=1,
            subject="half",
            by=trust.administrator,
        ),
    ):
        with (
            pytest.raises(Exception, match=r"wording|Cannot update or delete"),
            transaction.atomic(),
        ):
            change()


# --- The pages ------------------------------------------------------------------------------


def test_every_step_of_every_category_is_shown_by_every_channel(trust: Trust) -> None:
    client = signed_in(trust.coordinator)
    for category in Category.objects.filter(is_offered=True):
        address = reverse("wordings-of", args=[category.code])
        assert queries_without_banner(client, address) <= 25
        page = client.get(address)
        links = set(re.findall(r'href="(/wordings/[^"]+/\d+/)"', page.content.decode()))
        rungs = Rung.objects.filter(
            rule__policy_id__in=[category.local_policy_id, category.patient_policy_id],
            clock__in=WORDED,
        )
        assert len(links) == rungs.values("clock", "level").distinct().count() > 10
        for link in sorted(links)[:2]:
            shown = client.get(link)
            text = words_of(shown)
            for channel in Channel:
                assert channel.label.capitalize() in text
            assert "2 text messages" in text or "1 text message" in text
            assert 'srcdoc="' in shown.content.decode()
            assert "style-src-attr 'unsafe-inline'" in shown.headers["Content-Security-Policy"]
            assert "Word it yourselves" not in text  # a coordinator reads
    others = set(re.findall(r'href="(/wordings/others/[^"]+)"', page.content.decode()))
    assert len(others) == 13
    for link in others:
        assert client.get(link).status_code == 200
    digest = words_of(client.get("/wordings/others/digest/"))
    assert "3 findings wait for you" in digest
    assert "saved up for this morning" in digest
    assert client.get("/wordings/others/none/").status_code == 404
    assert client.get("/wordings/critical/act/99/").status_code == 404
    assert client.get("/wordings/none/").status_code == 404
