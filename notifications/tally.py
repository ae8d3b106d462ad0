"""Counts that grow while something runs, kept in rows, so that every process can tell them."""

from collections.abc import Mapping

from django.db.models import F

from notifications.models import Tally


def add(counts: Mapping[str, int]) -> None:
    """So many more of each, since the last time. In the order of their names, so that two who add
    at once do not wait for each other."""
    for name, count in sorted(counts.items()):
        if count and not Tally.objects.filter(name=name).update(count=F("count") + count):
            Tally.objects.bulk_create(
                [Tally(name=name, count=count)],
                update_conflicts=True,
                update_fields=["count"],
                unique_fields=["name"],
            )


def counts(beginning: str) -> dict[str, int]:
    """Those whose name begins so, by the rest of it."""
    rows = Tally.objects.filter(name__startswith=beginning).values_list("name", "count")
    return {name.removeprefix(beginning): count for name, count in rows}
