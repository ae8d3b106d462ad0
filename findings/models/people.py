"""The people who sign in, and what each of them may be.

A person may hold several roles: a radiologist is often governance lead as well.
"""

from collections.abc import Iterable
from datetime import date
from functools import cached_property
from typing import ClassVar

import pgtrigger
from django.contrib.auth.models import AbstractBaseUser, BaseUserManager, PermissionsMixin
from django.contrib.postgres.fields import ArrayField
from django.db import models
from django.db.models import Q
from django.db.models.functions import Upper
from django.utils import timezone


class Role(models.TextChoices):
    """What a person does here. `rules` says what each may do."""

    RADIOLOGIST = "radiologist", "Radiologist"
    REFERRER = "referrer", "Referring clinician"
    COORDINATOR = "coordinator", "Coordinator"
    GOVERNANCE = "governance", "Governance lead"
    ADMINISTRATOR = "administrator", "Administrator"

    @classmethod
    def who_read_findings(cls) -> "tuple[Role, ...]":
        """All but administrators, who keep the directory and see no patient."""
        return (cls.RADIOLOGIST, cls.REFERRER, cls.COORDINATOR, cls.GOVERNANCE)


class PersonQuerySet(models.QuerySet["Person"]):
    """Questions about people."""

    def active(self) -> "PersonQuerySet":
        """People who work here now; the only ones who may be told anything."""
        return self.filter(is_active=True)

    def with_role(self, role: Role) -> "PersonQuerySet":
        return self.filter(roles__contains=[role])

    def visible_to(self, person: "Person") -> "PersonQuerySet":
        """In the directory: themselves; and for whoever keeps or oversees it, their trust's people
        and those of practices, which have no coordinator of their own."""
        if not person.has_role(Role.ADMINISTRATOR, Role.COORDINATOR, Role.GOVERNANCE):
            return self.filter(pk=person.pk)
        return self.filter(
            Q(organisation=person.organisation_id) | Q(organisation__kind="practice")
        )


class PersonManager(BaseUserManager.from_queryset(PersonQuerySet)):  # type: ignore[misc]
    """Makes people; Django's commands call it."""

    def create_user(self, username: str, password: str | None = None, **fields: object) -> "Person":
        person = self.model(username=username, **fields)
        person.set_password(password)
        person.save(using=self._db)
        return person

    def create_superuser(self, username: str, password: str, **fields: object) -> "Person":
        return self.create_user(username, password, is_staff=True, is_superuser=True, **fields)


class Person(AbstractBaseUser, PermissionsMixin):
    """Somebody with a name on the timeline: a clinician, a coordinator, or a sending system."""

    # By day, whom they stand in for: kept while a page is made that changes nothing.
    covers: dict[date, list[int]] | None = None

    username = models.CharField("sign-in name", max_length=80, unique=True)
    title = models.CharField(max_length=20, blank=True)
    given_name = models.CharField(max_length=60)
    family_name = models.CharField(max_length=60)
    job_title = models.CharField(max_length=80, blank=True)
    # The GMC or other register's number: how an order names its referrer.
    professional_code = models.CharField(max_length=20, blank=True)
    email = models.EmailField(blank=True)
    phone = models.CharField(max_length=40, blank=True)
    organisation = models.ForeignKey("findings.Organisation", models.PROTECT, related_name="people")
    # Where a radiologist reports; empty for people who work across the sites.
    site = models.ForeignKey(
        "findings.Site", models.PROTECT, null=True, blank=True, related_name="people"
    )
    roles = ArrayField(models.CharField(max_length=14, choices=Role), default=list, blank=True)
    is_active = models.BooleanField("works here", default=True)
    # When they stopped working here (UTC); set together with is_active.
    left_at = models.DateTimeField(null=True, blank=True)
    # The last local day on which they work here; the engine lets them leave when it is over.
    leaves_on = models.DateField("last day here", null=True, blank=True)
    # Why they leave or left, in the words of whoever recorded it.
    leaving_because = models.TextField(blank=True)
    is_staff = models.BooleanField(default=False)
    joined_at = models.DateTimeField(default=timezone.now)

    USERNAME_FIELD = "username"
    REQUIRED_FIELDS: ClassVar[list[str]] = ["given_name", "family_name", "organisation"]

    objects = PersonManager()

    class Meta:
        ordering = ["family_name", "given_name"]
        verbose_name_plural = "people"
        constraints = [
            models.CheckConstraint(
                name="roles_are_known", condition=Q(roles__contained_by=Role.values)
            ),
            models.CheckConstraint(
                name="left_people_are_inactive",
                condition=Q(left_at__isnull=True) | Q(is_active=False),
            ),
            models.UniqueConstraint(
                fields=["professional_code"],
                condition=~Q(professional_code=""),
                name="professional_code_is_one_person",
            ),
        ]
        indexes = [
            # As `iexact` compares: each report is asked who its people are.
            models.Index(Upper("professional_code"), name="person_by_professional_code"),
        ]
        triggers = [
            # At commit, so that whoever switches somebody off can move the findings first or last.
            pgtrigger.Trigger(
                name="nobody_leaves_an_open_finding_behind",
                when=pgtrigger.After,
                operation=pgtrigger.UpdateOf("is_active"),
                timing=pgtrigger.Deferred,
                condition=pgtrigger.Q(old__is_active=True, new__is_active=False),
                func="""
                    IF EXISTS (SELECT 1 FROM findings_person p
                        JOIN findings_finding f ON f.owner_person_id = p.id
                        WHERE p.id = NEW.id AND NOT p.is_active
                            AND f.state IN ('awaiting', 'acknowledged', 'acted_on'))
                    THEN
                        RAISE EXCEPTION 'person % still holds an open finding', NEW.id
                            USING ERRCODE = 'check_violation';
                    END IF;
                    RETURN NULL;
                """,
            ),
        ]

    def __str__(self) -> str:
        return self.full_name

    @property
    def full_name(self) -> str:
        return " ".join(part for part in (self.title, self.given_name, self.family_name) if part)

    def has_role(self, *roles: Role) -> bool:
        """Whether this person is active and holds any of the roles."""
        return self.is_active and any(role in self.roles for role in roles)

    @property
    def role_words(self) -> str:
        return ", ".join(Role(role).label for role in self.roles)

    def team_ids(self) -> list[int]:
        """Ids of the teams whose lists this person shares."""
        return list(self._kinds_of_teams)

    def is_in_team_of(self, *kinds: str) -> bool:
        """Whether one of their teams is of such a kind."""
        return bool(set(kinds) & set(self._kinds_of_teams.values()))

    @property
    def is_imaging_manager(self) -> bool:
        """Whether they are in a team that sees to it that examinations are reported."""
        return self.is_active and self.is_in_team_of("reporting")

    @cached_property
    def _kinds_of_teams(self) -> dict[int, str]:
        """Read once: nearly every page asks for the one or the other."""
        return dict(self.memberships.values_list("team_id", "team__kind"))


def names(people: Iterable[Person]) -> str:
    """Names as a sentence has them: "A, B and C"."""
    every = [str(person) for person in people]
    if len(every) < 2:
        return "".join(every)
    return f"{', '.join(every[:-1])} and {every[-1]}"
