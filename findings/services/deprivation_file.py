"""How deprived the place of each postcode is, from a file that a trust supplies: shown first, then
kept.

The file says of which nation and by which index its deciles are; nothing of that is known here. Of
the same index it adds and corrects. Another index of the same nation takes the place of all that
was kept of it, since deciles of two editions are not the same thing. With a line that is wrong
nothing changes, and the same file twice changes nothing.
"""

from collections.abc import Iterator
from dataclasses import dataclass

from django.db import transaction
from django.db.models import QuerySet

from findings.models import (
    DECILES,
    Circumstances,
    DeprivationIndex,
    Nation,
    Person,
    PostcodeDecile,
)
from findings.postcodes import is_pseudo, key_mark, mark, secrets, squeezed
from findings.services.measured_days import forget
from findings.services.shown_first import Outcome
from findings.services.table_file import Mistake, Row, read_table
from findings.services.taken_back import taken_back
from findings.services.timeline import database_now

COLUMNS = ("postcode", "decile", "nation", "index")
# A trust and its neighbours have some tens of thousands.
MOST_POSTCODES = 400_000
AT_ONCE = 5_000


@dataclass
class Loaded(Outcome[tuple[str, int]]):
    """What a file changes, or what is wrong with it. A change is a mark with its new decile."""

    nation: str = ""
    index: str = ""
    # The name of the one that it takes the place of.
    instead_of: str = ""
    lines: int = 0
    # Lines that give no decile to their postcode.
    without: int = 0
    added: int = 0
    changed: int = 0
    gone: int = 0
    # Of all patients of whom a postcode was said: who has a decile, before and after.
    patients: int = 0
    known_before: int = 0
    known_after: int = 0


def dry_run(raw: bytes, *, source: str = "", by: Person | None = None) -> Loaded:
    """What the file would change: the load itself, taken back."""
    with taken_back():
        return _load(raw, source, by)


def load(raw: bytes, *, source: str, by: Person | None = None, seen: str = "") -> Loaded:
    """Keep what the file says, where no line is wrong and the changes are those that were `seen`.
    `by`: none, where it is a command."""
    with transaction.atomic():
        loaded = _load(raw, source, by)
        if loaded.is_refused(seen):
            transaction.set_rollback(True)
    return loaded


def loaded_indices() -> list[DeprivationIndex]:
    return list(DeprivationIndex.objects.select_related("loaded_by").order_by("nation"))


def patients_known() -> tuple[int, int]:
    """Of how many patients a decile is known, and of how many a postcode was said."""
    said = Circumstances.objects.exclude(postcode_mark="")
    return _patients_with_a_decile(), _patients(said)


def _load(raw: bytes, source: str, by: Person | None) -> Loaded:
    rows, mistakes = read_table(raw, COLUMNS, most=MOST_POSTCODES)
    loaded = Loaded(mistakes=mistakes, lines=len(rows))
    deciles = _deciles(rows, loaded)
    loaded.mistakes.sort(key=lambda one: one.line)
    if loaded.mistakes or not rows:
        return loaded
    loaded.known_before = _patients_with_a_decile()
    index = _index(loaded, source)
    _keep(index, deciles, loaded)
    loaded.known_after, loaded.patients = patients_known()
    of_index = DeprivationIndex.objects.filter(pk=index.pk)
    of_index.update(marked_with=key_mark())
    if loaded.changes or loaded.gone:
        of_index.update(loaded_at=database_now(), source=source[:120], loaded_by=by)
        forget()
    return loaded


# --- Lines ----------------------------------------------------------------------------------------


def _deciles(rows: list[Row], loaded: Loaded) -> dict[str, int]:
    """By postcode; what is wrong is said in `loaded`."""
    found: dict[str, int] = {}
    for row in rows:
        postcode = squeezed(row.cells["postcode"])
        decile = _decile(row.cells["decile"])
        wrong = list(_wrong(row, postcode, decile, loaded))
        if not wrong and decile is not None and found.setdefault(postcode, decile) != decile:
            wrong.append("This postcode stands in the file with another decile, too.")
        loaded.mistakes += [Mistake(row.line, words) for words in wrong]
        loaded.without += not row.cells["decile"]
    return found


def _decile(written: str) -> int | None:
    return int(written) if written.isascii() and written.isdigit() and len(written) < 3 else None


def _wrong(row: Row, postcode: str, decile: int | None, loaded: Loaded) -> Iterator[str]:
    """The first line says of which nation and index the file is."""
    nation, index = row.cells["nation"].upper(), row.cells["index"]
    loaded.nation, loaded.index = loaded.nation or nation, loaded.index or index
    if not postcode:
        yield "This is no postcode."
    elif is_pseudo(postcode):
        yield "ZZ99 stands for no place, so it has no decile."
    if row.cells["decile"] and decile not in DECILES:
        yield "The decile must be a number from 1, most deprived, to 10; or empty."
    if nation not in Nation.values:
        yield f"The nation must be one of {', '.join(Nation.values)}."
    elif nation != loaded.nation:
        yield "Another nation than in the line above: load a file for each."
    if not index or len(index) > 120:
        yield "Name the index and its edition, in at most 120 characters."
    elif index != loaded.index:
        yield "Another index than in the line above: load a file for each."


# --- Rows -----------------------------------------------------------------------------------------


def _index(loaded: Loaded, source: str) -> DeprivationIndex:
    """Locked; of another edition than before all that was kept is gone."""
    index, is_new = DeprivationIndex.objects.select_for_update().get_or_create(
        nation=loaded.nation, defaults={"name": loaded.index, "source": source[:120]}
    )
    if not is_new and index.name != loaded.index:
        loaded.instead_of, index.name = index.name, loaded.index
        index.save(update_fields=["name"])
        loaded.gone, _ = PostcodeDecile.objects.filter(index=index).delete()
    return index


def _keep(index: DeprivationIndex, deciles: dict[str, int], loaded: Loaded) -> None:
    marks = {mark(code, key): decile for code, decile in deciles.items() for key in secrets()}
    kept = PostcodeDecile.objects.order_by().values_list("mark", "decile", "index")
    before = {one: (decile, of) for one, decile, of in kept.iterator(AT_ONCE) if one in marks}
    new = {one: decile for one, decile in marks.items() if before.get(one) != (decile, index.pk)}
    loaded.changes = list(new.items())
    PostcodeDecile.objects.bulk_create(
        (PostcodeDecile(mark=one, index=index, decile=decile) for one, decile in new.items()),
        batch_size=AT_ONCE,
        update_conflicts=True,
        unique_fields=["mark"],
        update_fields=["decile", "index"],
    )
    loaded.changed = sum(1 for one in new if one in before)
    loaded.added = len(new) - loaded.changed
    loaded.unchanged = len(marks) - len(new)


def _patients(said: QuerySet[Circumstances]) -> int:
    return said.values("patient").distinct().count()


def _patients_with_a_decile() -> int:
    there = PostcodeDecile.objects.values("mark")
    return _patients(Circumstances.objects.filter(postcode_mark__in=there))
