"""Views of lists that people keep under a name: their own only."""

from django.db import IntegrityError, transaction
from django.db.models.functions import Now

from findings.models import Person, SavedView
from findings.rules import NotAllowed

# More would be a list of their own above the list.
MOST_OF_A_LIST = 12


def views_of(person: Person, path: str) -> list[SavedView]:
    return list(SavedView.objects.kept().filter(person=person, path=path))


def keep_view(*, by: Person, path: str, query: str, name: str) -> SavedView:
    with transaction.atomic():
        _check_room(by, path)
        return _save(SavedView(person=by, path=path, query=query, name=name))


def rename_view(view: SavedView, *, name: str) -> SavedView:
    view.name = name
    return _save(view)


def remove_view(view: SavedView) -> None:
    """It can be put back."""
    SavedView.objects.kept().filter(pk=view.pk).update(removed_at=Now())


def put_view_back(view: SavedView) -> SavedView:
    with transaction.atomic():
        _check_room(view.person, view.path)
        view.removed_at = None
        return _save(view)


def _check_room(person: Person, path: str) -> None:
    # Two of their own pages at once: the second waits.
    Person.objects.select_for_update(no_key=True).get(pk=person.pk)
    if len(views_of(person, path)) >= MOST_OF_A_LIST:
        raise NotAllowed(
            f"You keep {MOST_OF_A_LIST} views of this list, which is as many as there may be."
            " Remove one first."
        )


def _save(view: SavedView) -> SavedView:
    try:
        with transaction.atomic():
            view.save()
    except IntegrityError:
        raise NotAllowed(f"You keep a view of this list as “{view.name}” already.") from None
    return view
