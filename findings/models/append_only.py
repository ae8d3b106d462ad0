"""Rows that are written once. The triggers also refuse raw SQL and bulk updates."""

import pgtrigger


def append_only(table: str) -> pgtrigger.Protect:
    """A trigger that refuses UPDATE and DELETE on the table. `table` makes its name unique."""
    return pgtrigger.Protect(
        name=f"{table}_is_append_only", operation=pgtrigger.Update | pgtrigger.Delete
    )


def never_deleted(table: str) -> pgtrigger.Protect:
    """A trigger that refuses DELETE: the row is part of the patient's record."""
    return pgtrigger.Protect(name=f"{table}_is_never_deleted", operation=pgtrigger.Delete)


# Every table that the application's own database role may add to and never change.
# `manage.py restrict_role` and the structure tests read this list.
APPEND_ONLY = [
    "findings_incomingmessage",
    "findings_report",
    "findings_event",
    "findings_action",
    "findings_phonecall",
    "findings_categorychange",
    "findings_viewing",
    "findings_rule",
    "findings_rung",
    "findings_signature",
    "findings_bankholidaychange",
    "findings_rotachange",
    "findings_routingchange",
    "notifications_deliveryattempt",
    "notifications_deliveryresult",
    "notifications_routechange",
    "notifications_deliveryreceipt",
]
