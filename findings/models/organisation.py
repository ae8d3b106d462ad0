"""Trusts, practices, sites and teams: where the people work."""

from collections.abc import Iterable
from typing import ClassVar

import pgtrigger
from django.conf import settings
from django.db import models
from django.db.models import Exists, OuterRef
from django.db.models.functions import Upper

from findings.models.bank_holiday import Nation


class Organisation(models.Model):
    """A trust or a GP practice, known nationally by its ODS code."""

    class Kind(models.TextChoices):
        TRUST = "trust", "NHS trust"
        PRACTICE = "practice", "GP practice"

    ods_code = models.CharField("ODS code", max_length=12, unique=True)
    name = models.CharField(max_length=120)
    kind = models.CharField(max_length=10, choices=Kind)
    # Whose bank holidays count; empty: the setting NATION.
    nation = models.CharField(max_length=3, choices=Nation, blank=True)
    # A trust's own limit, for there is no national one; what an alert code is in has another.
    held_within = models.PositiveSmallIntegerField(
        "hours a held item may wait",
        null=True,
        blank=True,
        help_text="Whoever watches is warned of one that waits longer. Empty: no limit.",
    )

    class Meta:
        ordering = ["name"]

    def __str__(self) -> str:
        return self.name


class Site(models.Model):
    """A hospital of a trust: where images are made."""

    organisation = models.ForeignKey(Organisation, models.PROTECT, related_name="sites")
    ods_code = models.CharField("ODS code", max_length=12, unique=True)
    name = models.CharField(max_length=120)
    # Only for a site in another nation than its trust.
    nation = models.CharField(max_length=3, choices=Nation, blank=True)

    class Meta:
        ordering = ["name"]

    def __str__(self) -> str:
        return self.name

    @property
    def whose_holidays(self) -> str:
        """The nation whose bank holidays count for what is found here."""
        return self.nation or self.organisation.nation or settings.NATION


class TeamQuerySet(models.QuerySet["Team"]):
    """Questions about teams."""

    def told_of_waiting(self, sites: Iterable[Site]) -> dict[int, "Team"]:
        """By the id of each site: the team that hears of an examination there that waits for its
        report. The site's own reporting team, else the one across the sites, else the
        coordinators'. A reporting team in which nobody works any more is passed over."""
        every = list(sites)
        working = Membership.objects.filter(team=OuterRef("pk"), person__is_active=True)
        teams = list(
            self.filter(
                models.Q(kind=Team.Kind.COORDINATION)
                | models.Q(Exists(working), kind=Team.Kind.REPORTING),
                organisation__in={site.organisation_id for site in every},
            ).order_by("pk")
        )
        found = ((site, [team for team in teams if team.hears_of(site)]) for site in every)
        return {site.pk: min(heard, key=_nearest_first) for site, heard in found if heard}


def _nearest_first(team: "Team") -> tuple[bool, bool]:
    return team.kind == Team.Kind.COORDINATION, team.site_id is None


class Team(models.Model):
    """The people who share a list: a specialty at a site, a practice, radiology, reporting (the
    imaging managers, who see to it that every examination is reported), coordination."""

    class Kind(models.TextChoices):
        CLINICAL = "clinical", "Clinical team"
        PRACTICE = "practice", "GP practice"
        RADIOLOGY = "radiology", "Radiology"
        REPORTING = "reporting", "Imaging reporting"
        COORDINATION = "coordination", "Imaging coordination"

    # The kinds whose members answer findings.
    CLINICAL: ClassVar = (Kind.CLINICAL, Kind.PRACTICE)
    # Those that can hold a finding.
    HOLDERS: ClassVar = (*CLINICAL, Kind.COORDINATION)
    # Those that hear of examinations without a report.
    WAITING: ClassVar = (Kind.REPORTING, Kind.COORDINATION)

    organisation = models.ForeignKey(Organisation, models.PROTECT, related_name="teams")
    # Empty for a team that works across the sites.
    site = models.ForeignKey(Site, models.PROTECT, null=True, blank=True, related_name="teams")
    name = models.CharField(max_length=120)
    kind = models.CharField(max_length=14, choices=Kind)
    specialty = models.CharField(max_length=60, blank=True)
    # As the RIS writes it in the requesting location, for matching orders to teams.
    location_code = models.CharField(max_length=40, blank=True)
    members: models.ManyToManyField = models.ManyToManyField(
        "findings.Person", through="findings.Membership", related_name="teams"
    )

    objects = TeamQuerySet.as_manager()

    class Meta:
        ordering = ["name"]
        constraints = [
            models.UniqueConstraint(fields=["organisation", "name"], name="team_name_is_its_own"),
        ]
        indexes = [
            # As `iexact` compares: each report is asked of it.
            models.Index(Upper("location_code"), name="team_at_location"),
        ]
        triggers = [
            # `findings/models/routing.py`: what no rule catches goes to the coordinators.
            pgtrigger.Trigger(
                name="coordination_team_brings_the_last_routing_rule",
                when=pgtrigger.After,
                operation=pgtrigger.Insert | pgtrigger.Update,
                condition=pgtrigger.Q(new__kind="coordination"),
                func="""
                    INSERT INTO findings_routingrule
                        (organisation_id, position, specialty, team_id, is_last)
                    VALUES (NEW.organisation_id, 0, '', NEW.id, true) ON CONFLICT DO NOTHING;
                    RETURN NULL;
                """,
            ),
        ]

    def __str__(self) -> str:
        return self.name

    def hears_of(self, site: Site) -> bool:
        """Whether its organisation and site are those of this site."""
        return self.organisation_id == site.organisation_id and self.site_id in (None, site.pk)


class Membership(models.Model):
    """A person's place in a team. Duties are where the escalation ladder climbs to."""

    class Duty(models.TextChoices):
        MEMBER = "member", "Member"
        RESPONSIBLE = "responsible", "Responsible consultant"
        DIRECTOR = "director", "Clinical director"

    person = models.ForeignKey("findings.Person", models.PROTECT, related_name="memberships")
    team = models.ForeignKey(Team, models.PROTECT, related_name="memberships")
    duty = models.CharField(max_length=12, choices=Duty, default=Duty.MEMBER)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["person", "team"], name="one_place_in_a_team"),
        ]
        triggers = [
            # At commit, so that the findings may move first or last (leavers.py).
            pgtrigger.Trigger(
                name="nobody_leaves_a_team_with_its_finding",
                when=pgtrigger.After,
                operation=pgtrigger.Delete | pgtrigger.UpdateOf("person_id", "team_id"),
                timing=pgtrigger.Deferred,
                func="""
                    IF EXISTS (SELECT 1 FROM findings_finding f
                        WHERE f.owner_person_id = OLD.person_id AND f.team_id = OLD.team_id
                            AND f.state IN ('awaiting', 'acknowledged', 'acted_on'))
                        AND NOT EXISTS (SELECT 1 FROM findings_membership m
                        WHERE m.person_id = OLD.person_id AND m.team_id = OLD.team_id)
                    THEN
                        RAISE EXCEPTION 'person % still holds an open finding of team %',
                            OLD.person_id, OLD.team_id USING ERRCODE = 'check_violation';
                    END IF;
                    RETURN NULL;
                """,
            ),
        ]

    def __str__(self) -> str:
        return f"{self.person}, {self.get_duty_display().lower()}, {self.team}"
