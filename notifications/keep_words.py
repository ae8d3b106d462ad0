"""A trust words a message of its own, takes earlier words again, or the shipped ones: always by a
new version, so that what was sent when can be read for good."""

from django.db import transaction

from findings.models import Organisation, Person
from findings.rules import check_can_word_messages
from notifications.own_words import check_all, telling_names
from notifications.wording import Place, Wording, Written

SHIPPED = Written()


class Overtaken(ValueError):
    """Somebody else worded it since the page was opened. Nothing was overwritten."""

    def __init__(self, newest: Wording) -> None:
        self.newest = newest
        super().__init__(f"{newest.by} worded it since you opened this page.")


@transaction.atomic
def keep_words(*, place: Place, written: Written, by: Person, seen: int) -> Wording | None:
    """A new version, where it says something else than the newest; None where it does not. `seen`:
    the number of the newest version that the page knew of, 0 for none.

    Raises `own_words.Unusable` for words that could not be filled or say too much."""
    organisation = Organisation.objects.select_for_update(no_key=True).get(pk=by.organisation_id)
    check_can_word_messages(by, organisation)
    check_all(written, telling_names())
    newest = Wording.objects.of(organisation.pk, place).select_related("by").first()
    if newest and newest.version != seen:
        raise Overtaken(newest)
    if written == (newest.written if newest else SHIPPED):
        return None
    return Wording.objects.create(
        organisation=organisation,
        category_id=place.category,
        clock=place.clock,
        level=place.level,
        audience=place.audience,
        version=newest.version + 1 if newest else 1,
        by=by,
        **written._asdict(),
    )
