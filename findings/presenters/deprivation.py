"""Deciles of deprivation as they are shown: what is loaded, and what a file changes."""

from collections.abc import Iterator

from findings import words
from findings.models import DeprivationIndex, Nation
from findings.postcodes import key_mark
from findings.services.deprivation_file import Loaded

MARKED_OTHERWISE = (
    "Its postcodes were marked with a secret that is no longer in use: patients whose postcode is"
    " said from now on have no decile. Load the file again."
)


def said_of(loaded: Loaded) -> list[str]:
    """What a file changes, a sentence each."""
    if not loaded.lines:
        return ["There are no lines in it."]
    said = [
        f"{loaded.index}, {Nation(loaded.nation).label}: {words.plural(loaded.lines, 'line')},"
        f" {loaded.without} without a decile.",
        f"Added: {loaded.added}. Changed: {loaded.changed}. Unchanged: {loaded.unchanged}.",
    ]
    if loaded.instead_of:
        said.append(f"It takes the place of {loaded.instead_of}: {loaded.gone} gone.")
    said.append(
        f"Of {words.plural(loaded.patients, 'patient')} with a postcode {loaded.known_after} have"
        f" a decile with it; {loaded.known_before} have one without it."
    )
    return said


def index_rows(indices: list[DeprivationIndex]) -> Iterator[list[str]]:
    for index in indices:
        by = index.loaded_by
        note = "" if index.marked_with == key_mark() else MARKED_OTHERWISE
        who = by.full_name if by else f"by the command, from {index.source}"
        yield [index.name, index.get_nation_display(), words.when(index.loaded_at), who, note]
