"""The keys with which a RIS signs its links to a report here. Their secrets are nowhere in the
database: they are derived when they are needed (services/ris_links.py)."""

import pgtrigger
from django.db import models
from django.db.models import F, Q
from django.db.models.functions import Now

from findings.models.append_only import never_deleted


class LinkKey(models.Model):
    """One key of one sender: who made it, and who ended it."""

    sender = models.ForeignKey("findings.Sender", models.PROTECT, related_name="link_keys")
    # Random; with the application's own secret key it gives the key's secret.
    salt = models.CharField(max_length=64)
    made_at = models.DateTimeField(db_default=Now())
    made_by = models.ForeignKey("findings.Person", models.PROTECT, related_name="+")
    ended_at = models.DateTimeField(null=True, blank=True)
    ended_by = models.ForeignKey(
        "findings.Person", models.PROTECT, null=True, blank=True, related_name="+"
    )

    class Meta:
        ordering = ["pk"]
        constraints = [
            models.CheckConstraint(
                name="ended_link_key_says_when_and_who",
                condition=Q(ended_at__isnull=True, ended_by__isnull=True)
                | Q(ended_at__gte=F("made_at"), ended_by__isnull=False),
            ),
        ]
        triggers = [
            never_deleted("linkkey"),
            pgtrigger.Trigger(
                name="link_key_only_ends",
                when=pgtrigger.Before,
                operation=pgtrigger.Update,
                func="IF OLD.ended_at IS NOT NULL OR (OLD.sender_id, OLD.salt, OLD.made_at,"
                " OLD.made_by_id) IS DISTINCT FROM (NEW.sender_id, NEW.salt, NEW.made_at,"
                " NEW.made_by_id) THEN RAISE EXCEPTION 'link key % only ends', OLD.id"
                " USING ERRCODE = 'check_violation'; END IF; RETURN NEW;",
            ),
        ]

    def __str__(self) -> str:
        return f"link key {self.pk}"
