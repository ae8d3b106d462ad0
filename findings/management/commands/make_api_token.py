"""manage.py make_api_token: lets a system or a person call the API, until a day."""

from argparse import ArgumentParser
from collections.abc import Iterator
from datetime import timedelta
from typing import Any

from django.core.management.base import BaseCommand, CommandError
from knox.models import AuthToken

from findings.models import Person, Sender, TokenUse
from findings.services.senders import account_of, find_sender

LONGEST_DAYS = 400


class Command(BaseCommand):
    help = (
        "Makes a token for the API and prints it once; only its hash is kept. For a sender "
        "(--sender) an account is made that can do nothing but send reports."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        whose = parser.add_mutually_exclusive_group(required=True)
        whose.add_argument("--sender", metavar="CODE", help='as in "RIS|RRV03"')
        whose.add_argument("--person", metavar="NAME", help="their sign-in name")
        parser.add_argument("--days", type=int, default=90, help="until it ends (default 90)")
        parser.add_argument(
            "--list", action="store_true", help="show when theirs end and were used last; make none"
        )
        parser.add_argument(
            "--revoke", action="store_true", help="end every token of theirs; make none"
        )

    def handle(self, *, days: int, revoke: bool, **options: Any) -> None:
        person = _sender(options["sender"]) if options["sender"] else _person(options["person"])
        if options["list"]:
            for line in _tokens_of(person):
                self.stdout.write(line)
            return
        if revoke:
            ended, _ = AuthToken.objects.filter(user=person).delete()
            self.stdout.write(f"{ended} tokens of {person.username} have ended.")
            return
        if not 0 < days <= LONGEST_DAYS:
            raise CommandError(f"A token lasts from 1 to {LONGEST_DAYS} days.")
        token, text = AuthToken.objects.create(person, expiry=timedelta(days=days))
        self.stdout.write(
            f"For {person.username}, until {token.expiry:%d %B %Y}. Shown only now:\n{text}\n"
            "Send it as: Authorization: Token …"
        )


def _tokens_of(person: Person) -> Iterator[str]:
    """A line each, by the beginning of the token, which whoever has it can compare."""
    tokens = list(AuthToken.objects.filter(user=person).order_by("created"))
    used = TokenUse.objects.in_bulk([token.digest for token in tokens])
    for token in tokens:
        use = used.get(token.digest)
        ends = f"ends on {token.expiry:%d %B %Y}" if token.expiry else "never ends"
        last = f"{use.last_used_at:%d %B %Y %H:%M} UTC" if use else "never"
        yield f"{token.token_key}…: made on {token.created:%d %B %Y}, {ends}, last used: {last}"
    if not tokens:
        yield f"{person.username} has no token."


def _sender(code: str) -> Person:
    sender = find_sender(code)
    if sender is None:
        known = ", ".join(Sender.objects.order_by("code").values_list("code", flat=True))
        raise CommandError(f'No sender "{code}" is set up. Set up are: {known or "none"}.')
    return account_of(sender)


def _person(username: str) -> Person:
    person = Person.objects.active().filter(username=username).first()
    if person is None:
        raise CommandError(f'Nobody who works here signs in as "{username}".')
    return person
