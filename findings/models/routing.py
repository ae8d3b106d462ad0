"""Where a finding goes whose order leads to nobody: rules in order, and a last one for everything.

The database makes the last rule together with the coordination team and never lets it go, so that
every combination of category, specialty and site leads to a team.
"""

import pgtrigger
from django.db import models
from django.db.models import F, Q
from django.db.models.functions import Now

from findings.models.append_only import append_only
from findings.models.organisation import Organisation, Site, Team
from findings.models.people import Person, Role
from findings.models.policy import Category


class RoutingRuleQuerySet(models.QuerySet["RoutingRule"]):
    """Questions about rules; `visible_to` is the only door for pages."""

    def visible_to(self, person: Person) -> "RoutingRuleQuerySet":
        if not person.has_role(Role.COORDINATOR, Role.ADMINISTRATOR):
            return self.none()
        return self.filter(organisation=person.organisation_id)

    def in_order(self) -> "RoutingRuleQuerySet":
        """As they are asked; the last rule last."""
        rules = self.select_related("category", "site", "team")
        return rules.order_by("is_last", "position", "pk")


class RoutingRule(models.Model):
    """What leads to a team. Empty: any."""

    organisation = models.ForeignKey(Organisation, models.PROTECT, related_name="routing_rules")
    position = models.PositiveSmallIntegerField(default=0)
    category = models.ForeignKey(Category, models.PROTECT, null=True, blank=True, related_name="+")
    # Part of the requester's job or of the requesting location, as they are written.
    specialty = models.CharField(max_length=60, blank=True)
    site = models.ForeignKey(Site, models.PROTECT, null=True, blank=True, related_name="+")
    team = models.ForeignKey(Team, models.PROTECT, related_name="routing_rules")
    is_last = models.BooleanField(default=False)

    objects = RoutingRuleQuerySet.as_manager()

    class Meta:
        constraints = [
            models.CheckConstraint(
                name="last_routing_rule_is_for_everything",
                condition=Q(is_last=False)
                | Q(category__isnull=True, site__isnull=True, specialty=""),
            ),
            models.CheckConstraint(
                name="routing_rule_says_for_what",
                condition=Q(is_last=True)
                | Q(category__isnull=False)
                | Q(site__isnull=False)
                | ~Q(specialty=""),
            ),
            models.UniqueConstraint(
                fields=["organisation", "category", "specialty", "site"],
                nulls_distinct=False,
                name="routing_rule_is_there_once",
            ),
        ]
        triggers = [
            pgtrigger.Trigger(
                name="last_routing_rule_is_never_deleted",
                when=pgtrigger.Before,
                operation=pgtrigger.Delete,
                condition=pgtrigger.Q(old__is_last=True),
                func="RAISE EXCEPTION 'the last routing rule cannot be deleted'"
                " USING ERRCODE = 'check_violation';",
            ),
            pgtrigger.ReadOnly(
                name="last_routing_rule_stays_the_last", fields=["organisation", "is_last"]
            ),
            pgtrigger.Trigger(
                name="routing_rules_end_with_a_last_one",
                when=pgtrigger.After,
                operation=pgtrigger.Insert,
                func="""
                    IF NOT EXISTS (SELECT 1 FROM findings_routingrule
                        WHERE organisation_id = NEW.organisation_id AND is_last)
                    THEN
                        RAISE EXCEPTION 'organisation % has no last routing rule',
                            NEW.organisation_id USING ERRCODE = 'check_violation';
                    END IF;
                    RETURN NULL;
                """,
            ),
        ]

    def __str__(self) -> str:
        return f"{self.condition}: {self.team}"

    @property
    def condition(self) -> str:
        """Urgent, specialty “respiratory”, at Royal Infirmary; or everything else."""
        if self.is_last:
            return "Everything else"
        parts = (
            str(self.category) if self.category else "",
            f"specialty “{self.specialty}”" if self.specialty else "",
            f"at {self.site}" if self.site else "",
        )
        said = ", ".join(part for part in parts if part)
        return said[:1].upper() + said[1:]


class RoutingChange(models.Model):
    """Who changed the rules, when, and what stood there before and after."""

    organisation = models.ForeignKey(Organisation, models.PROTECT, related_name="+")
    before = models.TextField(blank=True)
    after = models.TextField(blank=True)
    by = models.ForeignKey(Person, models.PROTECT, related_name="+")
    at = models.DateTimeField(db_default=Now())

    class Meta:
        ordering = ["-at", "-pk"]
        constraints = [
            models.CheckConstraint(
                name="routing_change_says_what_was_and_what_is", condition=~Q(before=F("after"))
            ),
        ]
        triggers = [append_only("routingchange")]

    def __str__(self) -> str:
        return self.after or self.before
