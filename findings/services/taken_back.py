"""What would happen: done for real, and taken back."""

from collections.abc import Iterator
from contextlib import contextmanager

from django.db import transaction


@contextmanager
def taken_back() -> Iterator[None]:
    """Whatever is done inside is undone at the end; what it refuses is refused."""
    with transaction.atomic():
        yield
        transaction.set_rollback(True)
