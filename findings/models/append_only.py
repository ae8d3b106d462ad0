"""Rows that are written once. The triggers also refuse raw SQL and bulk updates."""

import pgtrigger
from django.db import models
from django.db.models import F, Q


def append_only(table: str) -> pgtrigger.Protect:
    """A trigger that refuses UPDATE and DELETE on the table. `table` makes its name unique."""
    return pgtrigger.Protect(
        name=f"{table}_is_append_only", operation=pgtrigger.Update | pgtrigger.Delete
    )


def never_deleted(table: str) -> pgtrigger.Protect:
    """A trigger that refuses DELETE: the row is part of the patient's record."""
    return pgtrigger.Protect(name=f"{table}_is_never_deleted", operation=pgtrigger.Delete)


def undone_with_a_reason(name: str, since: str) -> models.CheckConstraint:
    """Of a row with `undone_at`, `undone_by` and `undone_because`: all empty, or when and why.
    `since` is the field with the moment of what was undone."""
    return models.CheckConstraint(
        name=name,
        condition=Q(undone_at__isnull=True, undone_by__isnull=True, undone_because="")
        | (Q(undone_at__gte=F(since)) & ~Q(undone_because="")),
    )


def settled_once(name: str, since: str, refusal: str) -> pgtrigger.Trigger:
    """A row stays as it is once its moment `since` is there. `refusal` names it by its key:
    "offer % has ended"."""
    return pgtrigger.Trigger(
        name=name,
        when=pgtrigger.Before,
        operation=pgtrigger.Update,
        condition=pgtrigger.Q(**{f"old__{since}__isnull": False}),
        func=f"RAISE EXCEPTION '{refusal}', OLD.id USING ERRCODE = 'check_violation';",
    )


def undone_once(name: str, row: str) -> pgtrigger.Trigger:
    """What was undone stays as it is. `row` is what the refusal calls it: "merge %"."""
    return settled_once(name, "undone_at", f"{row} was undone")


# Every table that the application's own database role may add to and never change.
# `manage.py restrict_role` and the structure tests read this list.
APPEND_ONLY = [
    "findings_incomingmessage",
    "findings_patientupdate",
    "findings_senderchange",
    "findings_toldapart",
    "findings_report",
    "findings_document",
    "findings_reportidentifier",
    "findings_repair",
    "findings_event",
    "findings_action",
    "findings_phonecall",
    "findings_rating",
    "findings_categorychange",
    "findings_viewing",
    "findings_rule",
    "findings_rung",
    "findings_signature",
    "findings_draftversion",
    "findings_draftsignature",
    "findings_labreplay",
    "findings_replayedcase",
    "findings_recommendationstanding",
    "findings_progressreport",
    "findings_bankholidaychange",
    "findings_rotachange",
    "findings_directorychange",
    "findings_routingchange",
    "findings_reviewbreach",
    "findings_reviewnote",
    "findings_reviewchange",
    "findings_learningrule",
    "findings_improvementchange",
    "findings_readreceipt",
    "notifications_deliveryattempt",
    "notifications_deliveryresult",
    "notifications_routechange",
    "notifications_deliveryreceipt",
    "notifications_wording",
]
