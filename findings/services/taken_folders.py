"""What whoever takes files out of a folder has seen in it, for the page and for the watchdog."""

from datetime import datetime
from typing import Any

from findings.models import TakenFolder
from findings.services.timeline import database_now


def looked_into(
    path: str, *, problems: int, problems_since: datetime | None, left: int, goes_on: bool
) -> None:
    """What is in it now. `goes_on`: it will be looked into again, and somebody is to say so when
    it is not."""
    seen: dict[str, Any] = {"problems": problems, "problems_since": problems_since, "left": left}
    if goes_on:
        seen["looked_at"] = database_now()
    TakenFolder.objects.update_or_create(path=_kept(path), defaults=seen)


def still_taking(path: str) -> None:
    """A large file takes its time."""
    TakenFolder.objects.filter(path=_kept(path)).update(looked_at=database_now())


def give_up(path: str) -> None:
    """Nothing is taken out of it any more, and nobody is to miss it."""
    TakenFolder.objects.filter(path=_kept(path)).delete()


def _kept(path: str) -> str:
    return path[-500:]
