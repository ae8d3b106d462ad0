"""Links with which a RIS opens its report here, to be flagged: their keys, and where one leads.

A GET changes nothing, so a link may be used twice. What it opens is only what its reader may read.
"""

import secrets
from collections.abc import Mapping
from datetime import timedelta

from django.conf import settings
from django.db import transaction
from django.db.models import BinaryField, F, Func, Value
from django.utils import timezone
from django.utils.crypto import salted_hmac

from findings import ris_link
from findings.models import Examination, LinkKey, Person, Sender, SenderChange
from findings.models.examination import ExaminationQuerySet
from findings.models.folding import Squeezed
from findings.rules import check_can_keep_sender
from findings.services.timeline import database_now

# Two, so that a new one can be given to the RIS before the old one ends.
MOST = 2
# Among which reports it is looked for, by when they came: a link is followed while its report is
# being written or soon after, and a digest has no index.
LATELY, AT_ALL = timedelta(days=2), timedelta(days=90)


def running_keys(sender: Sender) -> list[LinkKey]:
    return list(sender.link_keys.filter(ended_at__isnull=True).select_related("made_by"))


def make_key(*, sender: Sender, by: Person) -> tuple[LinkKey, str]:
    """A new key and its secret, which nobody is shown again. `ValueError` where two run already."""
    with transaction.atomic():
        sender = _locked(sender, by)
        before = running_keys(sender)
        if len(before) >= MOST:
            raise ValueError("Two keys run already. End the one that is not used any more first.")
        key = LinkKey.objects.create(sender=sender, salt=secrets.token_hex(32), made_by=by)
        _record(sender, before, by)
    return key, secrets_of(key)[0]


def end_key(*, key: LinkKey, by: Person) -> None:
    """Links that were signed with it lead nowhere from now on. Ended twice is ended once."""
    with transaction.atomic():
        sender = _locked(key.sender, by)
        before = running_keys(sender)
        running = [one for one in before if one.pk == key.pk]
        if running:
            LinkKey.objects.filter(pk=key.pk).update(ended_at=database_now(), ended_by=by)
            _record(sender, before, by)


def _locked(sender: Sender, by: Person) -> Sender:
    check_can_keep_sender(by, sender)
    return Sender.objects.select_for_update(no_key=True).get(pk=sender.pk)


def _record(sender: Sender, before: list[LinkKey], by: Person) -> None:
    was, now = ([str(key.pk) for key in keys] for keys in (before, running_keys(sender)))
    SenderChange.objects.create(
        sender=sender, before={"link_keys": was}, after={"link_keys": now}, by=by
    )


def secrets_of(key: LinkKey) -> list[str]:
    """Its secret; after it those by earlier secret keys of the application, while they count."""
    ours = [settings.SECRET_KEY, *settings.SECRET_KEY_FALLBACKS]
    said = f"{key.pk}.{key.salt}"
    return [
        salted_hmac("findings.ris_link", said, secret=one, algorithm="sha256").hexdigest()
        for one in ours
    ]


def link_to(key: LinkKey, accession: str) -> str:
    """What a RIS with this key would put behind our address now."""
    return ris_link.make(secrets_of(key)[0], key.pk, accession, timezone.now()).query


def named_by(given: Mapping[str, str], person: Person) -> Examination | None:
    """The examination that a link names, if its report is here and this person may read it.

    Raises `LinkRefused` for a link that counts for nobody.
    """
    link = ris_link.read(given)
    running = LinkKey.objects.filter(ended_at__isnull=True).select_related("sender")
    key = running.filter(pk=link.key).first()
    if key is None:
        raise ris_link.NotValid
    secret = _which_signed(link, key)
    reports = Examination.objects.visible_to(person).filter(
        sender=key.sender.keeper, current_report__isnull=False
    )
    return _only_one(reports, LATELY, link, secret) or _only_one(reports, AT_ALL, link, secret)


def _which_signed(link: ris_link.Link, key: LinkKey) -> str:
    refused: ris_link.LinkRefused = ris_link.NotValid()
    for secret in secrets_of(key):
        try:
            ris_link.check(link, secret, timezone.now())
        except ris_link.NotValid:
            continue
        except ris_link.TooOld as too_old:
            refused = too_old
        else:
            return secret
    raise refused


def _only_one(
    reports: ExaminationQuerySet, within: timedelta, link: ris_link.Link, secret: str
) -> Examination | None:
    """Two accession numbers that differ only in their signs are not told apart: neither is it."""
    lately = reports.filter(current_report__received_at__gte=timezone.now() - within)
    named = lately.annotate(named=_digest(secret)).filter(named=bytes.fromhex(link.examination))
    first_two = list(named[:2])
    return first_two[0] if len(first_two) == 1 else None


class _Sha256(Func):
    """Of pieces one after the other."""

    function = "sha256"
    arg_joiner = " || "
    output_field = BinaryField()


def _digest(secret: str) -> Func:
    """HMAC-SHA256 of an accession number, by the database, since the link does not say which: the
    key as two pads (RFC 2104), as long as it is no longer than a block."""
    block = secret.encode().ljust(64, b"\0")
    inner, outer = (bytes(one ^ pad for one in block) for pad in (0x36, 0x5C))
    number = Func(
        Squeezed(F("accession")), Value("UTF8"), function="convert_to", output_field=BinaryField()
    )
    piece = {"output_field": BinaryField()}
    return _Sha256(Value(outer, **piece), _Sha256(Value(inner, **piece), number))
