"""Going on after one of many has failed: nothing that is wrong with one may stop another."""

import logging

from django.db import connection


def pass_over(
    log: logging.Logger, words: str, error: Exception, *, level: int = logging.ERROR, **which: int
) -> None:
    """Called while `error` is handled. Logs it by its type, since its text may quote a row; raises
    it again where the connection is gone, since nothing more can be done with that."""
    if not connection.in_atomic_block and not connection.is_usable():
        raise error
    log.log(level, words, extra={**which, "error": type(error).__name__})
