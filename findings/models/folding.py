"""Text as people type it: names without accents, numbers without spaces and hyphens.

PostgreSQL does the folding, so that what is stored and what is searched for are folded alike.
"""

from django.db.models import CharField, Func, TextField


class Folded(Func):
    """Small letters, no accents, no apostrophes, other marks as spaces: "ne obrien"."""

    function = "findings_folded"
    arity = 1
    output_field = TextField()


class AsCompared(Func):
    """Letters of the alphabet as capitals and nothing else changed: as hospital numbers are told
    apart. What is stored may be as it was sent before that was so."""

    function = "UPPER"
    template = '%(function)s(%(expressions)s COLLATE "C")'
    arity = 1
    output_field = CharField()


class Squeezed(Func):
    """Capital letters and digits only, wide ones as narrow ones: "ACC20260017"."""

    function = "findings_squeezed"
    arity = 1
    output_field = CharField()
