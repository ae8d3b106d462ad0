"""The first rows of a new installation: a trust, a site, its coordinators and an administrator."""

from dataclasses import dataclass

from django.db import transaction

from findings import newcomers
from findings.models import Organisation, Person, Role, Site, Team


@dataclass(frozen=True)
class NewTrust:
    """What has to be known before anybody can sign in."""

    ods_code: str
    name: str
    site_ods_code: str
    site_name: str
    administrator: str
    given_name: str
    family_name: str


@transaction.atomic
def set_up_trust(new: NewTrust, password: str) -> Person:
    """Make the trust, its first site, its coordination team and its first administrator.

    The coordination team holds every finding whose order names nobody, so no trust is without.
    Running it again for the same codes changes nothing but adds what is missing.
    """
    trust, _ = Organisation.objects.get_or_create(
        ods_code=new.ods_code, defaults={"name": new.name, "kind": Organisation.Kind.TRUST}
    )
    site, _ = Site.objects.get_or_create(
        ods_code=new.site_ods_code, defaults={"name": new.site_name, "organisation": trust}
    )
    Team.objects.get_or_create(
        organisation=trust, kind=Team.Kind.COORDINATION, defaults={"name": "Imaging coordination"}
    )
    administrator = Person.objects.create_user(
        new.administrator,
        password,
        given_name=new.given_name,
        family_name=new.family_name,
        organisation=trust,
        site=site,
        roles=[Role.ADMINISTRATOR],
    )
    newcomers.greet(administrator)
    return administrator
