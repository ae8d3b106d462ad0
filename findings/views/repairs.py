"""The one thing that puts a held item right, as its page offers it: a form, and what it does."""

import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any

from django import forms
from django.db.models.functions import Substr

from findings.arrivals import ArrivingPatient, HeldReason, ReadMessage
from findings.forms.repairs import (
    AccessionForm,
    NewSenderForm,
    NumberForm,
    StatusWordForm,
    WhichPatientForm,
)
from findings.intake.importing import profile_of, read_stored, run_again
from findings.intake.oru import sender_named_in
from findings.intake.repairs import examination_number, patient_in, unknown_status_in
from findings.models import Examination, Patient, Person, Receipt, Sender
from findings.models.report import ReceiptQuerySet
from findings.presenters.held import outcome_words, visible
from findings.presenters.reading import Row, Shown, filled, patient_rows, shown
from findings.rules import can_keep_senders
from findings.services import repairs
from findings.services.hold import NotWaiting
from findings.services.identity import known_patients, survivor
from findings.services.merge import records_of
from findings.services.senders import sender_code
from findings.words import plural

# Seconds for those that wait for the same; what is left can be run again from the list.
RUN_FOR = 20.0
# Bytes in which a message has said who sent it: some carry documents, and all that wait are asked.
HEADER = 1000
# What is no whole live message: its header makes no sender.
_NO_MESSAGE = (
    HeldReason.UNREADABLE,
    HeldReason.TOO_LARGE,
    HeldReason.CUT_OFF,
    HeldReason.WRONG_SENDER,
    HeldReason.TEST_MESSAGE,
    HeldReason.UNSUPPORTED_MESSAGE,
    HeldReason.UNSUPPORTED_VERSION,
)
_NO_PATIENT = (HeldReason.MISSING_PATIENT, HeldReason.BAD_NHS_NUMBER, HeldReason.IDENTITY_CONFLICT)


@dataclass
class Way:
    """How this item can be put right."""

    title: str
    words: str
    button: str
    form: forms.Form
    # Does what the form says and runs the item again: it as it is then.
    do: Callable[[], Receipt]
    # What waits for the same.
    others: Callable[[], Iterator[Receipt]] = lambda: iter(())
    # The patient as sent, beside the records to choose from.
    sent: list[Row] = field(default_factory=list)
    candidates: list[Patient] = field(default_factory=list)
    # How the message would be read.
    preview: list[Shown] = field(default_factory=list)
    # Sent again with the press, once the page has shown a record.
    again: dict[str, str] = field(default_factory=dict)

    def press(self, by: Person) -> str:
        """Do it, and run what waits for the same: what became of it all, in words."""
        done = self.do()
        said = "It is still held: see below why." if done.is_waiting else outcome_words(done)
        if others := list(self.others()):
            filed, still, left = run_others(others, by)
            said += f" Of others that waited for the same, {filed} filed and {still} still held."
            said += f" {plural(left, 'more')} not run yet." if left else ""
        return said


def run_others(items: list[Receipt], by: Person) -> tuple[int, int, int]:
    """Each by itself: how many were filed, how many wait all the same, and for how many there was
    no time."""
    filed = still = 0
    until = time.monotonic() + RUN_FOR
    for number, item in enumerate(items):
        if time.monotonic() > until:
            return filed, still, len(items) - number
        try:
            waits = run_again(item, by).is_waiting
        except NotWaiting:  # somebody was first, or it was part of one that has just been run
            continue
        filed, still = filed + (not waits), still + waits
    return filed, still, 0


def way_for(receipt: Receipt, by: Person, data: Any = None) -> Way | None:
    """None where nothing but running it again, or setting it aside, helps."""
    if receipt.reason in _NO_MESSAGE:
        return None
    read, sender = read_stored(receipt.message)
    if sender is None:
        return _new_sender(receipt, by, data, read) if can_keep_senders(by) else None
    if receipt.reason == HeldReason.UNKNOWN_STATUS:
        return _status_word(receipt, by, data, sender) if can_keep_senders(by) else None
    if receipt.reason == HeldReason.MISSING_ACCESSION:
        return _accession(receipt, by, data)
    if receipt.reason == HeldReason.ACCESSION_CONFLICT or receipt.reason in _NO_PATIENT:
        named = patient_in(read, receipt.part)
        return _patient(receipt, by, data, named, _candidates(receipt, named, sender))
    return None


def _waiting(by: Person, receipt: Receipt) -> ReceiptQuerySet:
    return Receipt.objects.visible_to(by).waiting().exclude(pk=receipt.pk).order_by("pk")


def _also(others: Iterator[Receipt], which: str) -> str:
    count = sum(1 for _ in others)
    return f" {plural(count, 'other item')} {which} will be run again, too." if count else ""


def _new_sender(receipt: Receipt, by: Person, data: Any, read: ReadMessage) -> Way | None:
    named = sender_named_in(bytes(receipt.message.body)) if receipt.message.is_hl7 else ("", "")
    code = sender_code(*named)
    if not any(named):
        return None
    form = NewSenderForm(*named, by=by, data=data)

    def do() -> Receipt:
        typed = form.cleaned_data
        return repairs.set_up_sender_of(receipt=receipt, by=by, run=run_again, code=code, **typed)

    def others() -> Iterator[Receipt]:
        unknown = _waiting(by, receipt).filter(message__sender=None)
        for one in unknown.annotate(header=Substr("message__body", 1, HEADER)).iterator():
            header: Any = one.header
            if sender_code(*sender_named_in(bytes(header))).casefold() == code.casefold():
                yield one

    return Way(
        "Set the sender up",
        f"It calls itself {visible(form.code_words)} (MSH-3 and MSH-4)."
        f"{_also(others(), 'of it')} How it is read can be changed later.",
        "Set the sender up and run again",
        form,
        do,
        others,
        preview=shown(read),
    )


def _status_word(receipt: Receipt, by: Person, data: Any, sender: Sender) -> Way | None:
    number = examination_number(receipt.location)
    word = unknown_status_in(bytes(receipt.message.body), number, profile_of(sender))
    if not receipt.message.is_hl7 or not word:
        return None
    form = StatusWordForm(data)

    def do() -> Receipt:
        meaning = form.cleaned_data["meaning"]
        return repairs.add_status_word(
            receipt=receipt, by=by, run=run_again, sender=sender, word=word, meaning=meaning
        )

    def others() -> Iterator[Receipt]:
        same = _waiting(by, receipt).filter(reason=HeldReason.UNKNOWN_STATUS)
        return same.filter(message__sender=sender).iterator()

    return Way(
        "Say what its word for the status means",
        f"{sender.name} wrote “{visible(word[:60])}”. What you say holds for all of its messages"
        f" from now on.{_also(others(), 'with a status that is not known')}",
        "Add the word and run again",
        form,
        do,
        others,
    )


def _accession(receipt: Receipt, by: Person, data: Any) -> Way | None:
    if not receipt.message.is_hl7 or not receipt.location.endswith("-3"):
        return None
    form = AccessionForm(receipt, data)
    number = examination_number(receipt.location)

    def do() -> Receipt:
        accession = form.cleaned_data["accession"]
        return repairs.choose(
            receipt=receipt, by=by, run=run_again, number=number, accession=accession
        )

    words = "Look the examination up at the sender. The message stays as it was sent; your number"
    words += " is kept beside it, with your name."
    return Way("Enter the accession number", words, "Enter it and run again", form, do)


def _patient(
    receipt: Receipt,
    by: Person,
    data: Any,
    named: ArrivingPatient | None,
    found: list[Patient],
) -> Way | None:
    candidates = list(records_of(by).filter(pk__in=[one.pk for one in found]))
    form: forms.Form = (
        WhichPatientForm(candidates, data) if candidates else NumberForm(by=by, data=data)
    )
    if not candidates and not receipt.message.message_type.startswith("ORU"):
        return None

    def do() -> Receipt:
        chosen = form.cleaned_data["patient" if candidates else "number"]
        return repairs.choose(receipt=receipt, by=by, run=run_again, patient=chosen)

    words = "Check it at the sender first. A notice on the report will say that a person chose"
    words += " the patient; your name is kept with it."
    if elsewhere := len(found) - len(candidates):
        words += f" What was sent leads to {plural(elsewhere, 'record')} of another trust, too."
    way = Way("Say which patient it is about", words, "It is about this patient", form, do)
    way.sent = filled(patient_rows(named)) if named else []
    way.candidates = candidates
    if isinstance(form, NumberForm):
        way.button = "Look at the record"
        if form.is_valid():
            way.candidates = [form.cleaned_data["number"]]
            way.again = form.again
    return way


def _candidates(receipt: Receipt, named: ArrivingPatient | None, sender: Sender) -> list[Patient]:
    """To whom its identifiers lead; of an accession that is another patient's, only that one: under
    it nothing can be filed for anybody else."""
    if named is None:
        return []
    if receipt.reason == HeldReason.ACCESSION_CONFLICT:
        found = Examination.objects.filter(sender=sender.keeper, accession=receipt.accession)
        return [one.patient for one in found.select_related("patient")]
    kept = (survivor(patient) for patient in known_patients(named))
    return list({patient.pk: patient for patient in kept}.values())
