"""Says whom to sign in as in the demonstration, and what each of them has to look at."""

from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError

from findings.demonstration import PASSWORD, people_to_show


class Command(BaseCommand):
    help = "Print the people of the demonstration with their password."

    def handle(self, *args: Any, **options: Any) -> None:
        if not settings.DEMONSTRATION:
            raise CommandError("There are no demonstration sign-ins outside demonstration mode.")
        people = people_to_show()
        if not people:
            raise CommandError("No demonstration is loaded. Run: manage.py load_demonstration")
        self.stdout.write(f"Sign in as one of these, each with the password {PASSWORD}\n")
        for guide in people:
            self.stdout.write(f"  {guide.person.username:<20} {guide.role_words}")
            self.stdout.write(f"  {'':<20} {guide.look_at}")
