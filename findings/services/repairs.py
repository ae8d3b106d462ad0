"""What a person on the desk can put right of a held item: its settings or its choice are kept, and
its message is run again, or nothing of it happens.

`run` reads the stored message again and files it; the rooms above bring it.
"""

from collections.abc import Callable

from django.db import transaction

from findings.models import Patient, Person, Receipt, Repair, Sender, Site
from findings.rules import check_can_deal_with_held
from findings.services.hold import NotWaiting, check_same_reason
from findings.services.sender_settings import change_sender, set_up_sender
from findings.services.senders import find_sender

Run = Callable[[Receipt, Person, Repair | None], Receipt]


def choose(
    *,
    receipt: Receipt,
    by: Person,
    run: Run,
    number: int = 1,
    accession: str = "",
    patient: Patient | None = None,
) -> Receipt:
    """The accession number of its n-th examination (OBR), or the record of its patient."""
    repair = Repair(
        receipt=receipt,
        examination_number=number,
        accession=accession,
        patient=patient,
        reason=receipt.reason,
        by=by,
    )
    return run(receipt, by, repair)


def set_up_sender_of(
    *, receipt: Receipt, by: Person, run: Run, code: str, site: Site, name: str, authority: str
) -> Receipt:
    """Make the sender that it names, and run it again."""
    with transaction.atomic():
        _check(receipt, by)
        settings = {"name": name, "number_authority": authority}
        if find_sender(code) or not set_up_sender(code=code, site=site, by=by, **settings):
            raise NotWaiting("Somebody has set this sender up meanwhile: run the item again.")
        return run(receipt, by, None)


def add_status_word(
    *, receipt: Receipt, by: Person, run: Run, sender: Sender, word: str, meaning: str
) -> Receipt:
    """Say what its sender means by this word, from now on, and run it again."""
    with transaction.atomic():
        _check(receipt, by)
        words = Sender.objects.select_for_update(no_key=True).get(pk=sender.pk).status_words
        change_sender(sender=sender, by=by, status_words=words | {word: meaning})
        return run(receipt, by, None)


def _check(receipt: Receipt, by: Person) -> None:
    """As it was seen. It is not locked, for its turns come first; running it again looks again."""
    check_can_deal_with_held(by, receipt)
    check_same_reason(Receipt.objects.get(pk=receipt.pk), receipt.reason)
