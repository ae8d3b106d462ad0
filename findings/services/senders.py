"""The systems that send us reports, and our own form, which is one too."""

import secrets

from django.utils import timezone

from findings.models import Person, Sender, Site
from findings.prepared import Prepared

_LETTERS = "23456789ABCDEFGHJKMNPQRSTVWXYZ"


def sender_code(application: str, facility: str) -> str:
    """ "RIS|RRV03": MSH-3 and MSH-4, as a sender is looked up by."""
    return f"{application.strip()}|{facility.strip()}"


def _in_words(code: str) -> str:
    """ "RIS at RRV03"; a message may name no facility."""
    return " at ".join(part for part in code.split("|") if part)


# Where the row of a sender and that of its site stand: each change puts them in another place.
PLACE = Prepared(
    "place_of_sender",
    """
    SELECT s.id, s.xmin::text, s.ctid::text, t.id, t.xmin::text, t.ctid::text
    FROM findings_sender s JOIN findings_site t ON t.id = s.site_id WHERE s.code = %(code)s
    """,
    code="text",
)
_read: dict[str, tuple[object, Sender]] = {}


def sender_now(code: str) -> Sender | None:
    """As `find_sender`, for whoever asks with each message; the sender is not to be changed. It is
    read again only when it has changed: to ask for its place takes a tenth of the time."""
    place = PLACE.row(code=code)
    if place is None:
        return find_sender(code)
    known = _read.get(code)
    if known is None or known[0] != place:
        found = find_sender(code)
        if found is None:
            return None
        known = _read[code] = (place, found)
    return known[1]


def find_sender(code: str) -> Sender | None:
    """The sender with this code, written alike or else in another case."""
    senders = Sender.objects.select_related("site")
    return (
        senders.filter(code=code).first()
        or senders.filter(code__iexact=code).order_by("pk").first()
    )


def make_sender(*, code: str, site: Site, name: str = "") -> Sender:
    """Set a sender up at the site where its images are made; the same again is the same."""
    return made_or_found(code=code, site=site, name=name)[0]


def made_or_found(*, code: str, site: Site, name: str = "") -> tuple[Sender, bool]:
    """The sender, and whether it is new."""
    return Sender.objects.get_or_create(
        code=code,
        defaults={
            "name": (name or _in_words(code))[:120],
            "organisation_id": site.organisation_id,
            "site": site,
        },
    )


def typed_sender(site: Site) -> Sender:
    """Our own form at a site. Its accessions are its own, like any other sender's."""
    return make_sender(code=f"typed|{site.ods_code}", site=site, name=f"Typed at {site.name}")


def new_accession() -> str:
    """For a report that was typed without one: today and six letters, as T261125-4QX7BD."""
    letters = "".join(secrets.choice(_LETTERS) for _ in range(6))
    return f"T{timezone.localdate():%y%m%d}-{letters}"


def account_of(sender: Sender) -> Person:
    """The account with which it calls the API, made when it has none. It has no role and no
    password, so it can do nothing else."""
    if sender.account is None:
        sender.account = Person.objects.create_user(
            f"sender-{sender.pk}",
            given_name="System",
            family_name=sender.name[:60],
            organisation=sender.organisation,
        )
        sender.save(update_fields=["account"])
    return sender.account
