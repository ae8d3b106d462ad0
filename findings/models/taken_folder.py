"""A folder from which `manage.py take_files` takes what is dropped into it."""

from django.db import models


class TakenFolder(models.Model):
    """What was found in it when somebody looked last. No file is named: a name may name a
    patient."""

    path = models.CharField(max_length=500, unique=True)
    # When it was looked through last by what is to keep looking; empty: by hand, or by a timetable
    # of the trust's own, and nobody misses it.
    looked_at = models.DateTimeField(null=True, blank=True)
    # Files in problem/ beneath it, and since when the first of them waits there.
    problems = models.PositiveIntegerField(default=0)
    problems_since = models.DateTimeField(null=True, blank=True)
    # What has lain in it for long and is never taken, because of what it is or is called.
    left = models.PositiveIntegerField(default=0)

    class Meta:
        ordering = ["path"]

    def __str__(self) -> str:
        return self.path
