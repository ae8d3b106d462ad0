"""The one question that findings asks about telling people, answered by notifications.

The page on which a finding is flagged shows who will be told and whether they can be reached.
Notifications knows that, and imports findings; so findings declares the question here and
notifications registers the answer when it starts. See docs/adr/0002.
"""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

from findings.models import Team
from findings.timetable import PlannedStep

if TYPE_CHECKING:
    from findings.models import (
        Examination,
        Finding,
        Improvement,
        Organisation,
        Person,
        Post,
        RotaEntry,
        Site,
    )


@dataclass(frozen=True)
class Subject:
    """The finding that the question is about, saved or about to be; an examination that waits for
    its report, or for somebody who confirms what is proposed in it, which nobody owns; or an
    improvement, which has an owner and no team."""

    owner_person: "Person | None"
    owner_team: "Team | None"
    team: Team
    # Of an examination whoever reported it. None where nobody has, and where the question is about
    # a team.
    flagged_by: "Person | None"
    # Whose coordinators and governance leads watch it: the trust that made the images.
    organisation: "Organisation"
    # None while it is about to be saved.
    finding_id: int | None = None
    # Who does what is told of; nobody needs to hear of what they did themselves.
    done_by: "Person | None" = None
    # Where the images were made: of an examination, and of a finding where somebody has it at hand.
    site: "Site | None" = None

    def __hash__(self) -> int:
        """Of a few parts, which tell nearly all subjects apart: that of each person and team is
        made anew whenever somebody asks, and firing asks for every step."""
        owner = self.owner_person.pk if self.owner_person else None
        return hash((self.finding_id, owner, self.team.pk))

    @classmethod
    def of(cls, finding: "Finding", *, done_by: "Person | None" = None) -> "Subject":
        return cls(
            finding.owner_person,
            finding.owner_team,
            finding.team,
            finding.flagged_by,
            finding.organisation,
            finding.pk,
            done_by,
        )

    @classmethod
    def waiting(cls, examination: "Examination", team: "Team") -> "Subject":
        """An examination without a report, which nobody holds: `team` hears of it."""
        report, site = examination.current_report, examination.site
        reporter = report.reported_by if report else None
        return cls(None, None, team, reporter, site.organisation, site=site)

    @classmethod
    def improving(cls, improvement: "Improvement") -> "Subject":
        organisation = improvement.organisation
        return cls(improvement.owner, None, no_team(organisation), None, organisation)


# What has to be known of an examination to ask about it.
READ_BEFORE = ("site__organisation", "current_report__reported_by")


def waiting(examinations: "Iterable[Examination]") -> dict[int, Subject]:
    """By id: each with the team that hears of it, in one query. What READ_BEFORE names is read
    already."""
    every = list(examinations)
    teams = Team.objects.told_of_waiting({one.site for one in every})
    return {one.pk: Subject.waiting(one, teams.get(one.site_id) or nobody(one)) for one in every}


def nobody(examination: "Examination") -> Team:
    """A trust without coordinators: no member, so that the ladder climbs on and the queue says
    so. Never saved."""
    return no_team(examination.site.organisation)


def no_team(organisation: "Organisation") -> Team:
    """Of an improvement, too: nobody but its owner and the governance leads hears of it."""
    kind = Team.Kind.REPORTING
    return Team(pk=0, organisation=organisation, kind=kind, name=kind.label)


@dataclass(frozen=True)
class Recipient:
    """Somebody who would be told, by which routes, or why they cannot be."""

    person: "Person"
    # Words: "by e-mail".
    routes: tuple[str, ...]
    # Why not, in a sentence for a person; empty when they can be reached.
    unreachable_because: str = ""
    # They hear of it once they sign in and look, and this sentence says why not before.
    only_here_because: str = ""


class MayBeUnreachable(Protocol):
    """Whoever has a sentence about why they cannot be reached."""

    @property
    def unreachable_because(self) -> str: ...


def sentences(nobody_because: str, people: Iterable[MayBeUnreachable]) -> list[str]:
    """Why whoever is not told is not."""
    every = [nobody_because, *(one.unreachable_because for one in people)]
    return [sentence for sentence in every if sentence]


@dataclass(frozen=True)
class StepPreview:
    """One step and everybody whom it would tell."""

    step: PlannedStep
    recipients: tuple[Recipient, ...]
    # Why those who should be told are not there: "Ward 7 has no responsible consultant." Beside
    # recipients it says why they are told instead of whoever should be on a rota.
    nobody_because: str = ""

    @property
    def reaches_somebody(self) -> bool:
        return any(not recipient.unreachable_because for recipient in self.recipients)

    @property
    def reasons(self) -> list[str]:
        """Why whoever is not told is not, in sentences."""
        return sentences(self.nobody_because, self.recipients)

    @property
    def names(self) -> tuple[str, ...]:
        """Dr Ada Example (in this application, by e-mail): whoever can be reached."""
        return tuple(
            f"{one.person} ({', '.join(one.routes)})"
            for one in self.recipients
            if not one.unreachable_because
        )


def told(shown: StepPreview) -> "tuple[Person, ...]":
    """Whom the step reaches."""
    return tuple(one.person for one in shown.recipients if not one.unreachable_because)


# One finding with the steps that are asked about.
Ask = tuple[Subject, Sequence[PlannedStep]]


class Look(Protocol):
    """Who would be told, as it was when somebody looked."""

    @property
    def answers(self) -> list[list[StepPreview]]: ...

    def again(self, asks: Sequence[Ask]) -> list[list[StepPreview]]:
        """The same look, without reading anything anew: about subjects whose parts were among those
        it was taken for, at moments between theirs."""

    def without(self, row: "Person | Post | RotaEntry") -> "Look":
        """The same look, as if somebody had left, a post had been given up or a shift taken off."""


Answer = Callable[[Sequence[Ask]], Look]

_answer: Answer | None = None


def answer_with(function: Answer) -> None:
    """Called once, when notifications is ready."""
    global _answer
    _answer = function


def look(asks: Sequence[Ask]) -> Look:
    """Who would be told at each step at its own moment, by which routes, and who cannot be
    reached and why. Any number of findings cost the same few queries."""
    if _answer is None:
        raise RuntimeError("notifications is not installed: nobody can be told anything.")
    return _answer(asks)


def previews(asks: Sequence[Ask]) -> list[list[StepPreview]]:
    """As `look`, for whoever looks once."""
    return look(asks).answers


def preview(subject: Subject, steps: Sequence[PlannedStep]) -> list[StepPreview]:
    """As `previews`, for one finding."""
    return previews([(subject, steps)])[0]
