"""The case and the clock: reports, findings, who owns them, and the promises made about them."""

from typing import TYPE_CHECKING

from django.apps import AppConfig

if TYPE_CHECKING:
    from findings.arrivals import Part, SenderProfile
    from findings.models import IncomingMessage


class FindingsConfig(AppConfig):
    name = "findings"
    verbose_name = "Findings"

    def ready(self) -> None:
        from findings.intake.importing import reads

        reads(_read_again)


def _read_again(message: "IncomingMessage", profile: "SenderProfile") -> "tuple[Part, ...]":
    """Whoever never reads such a message need not load all that it takes to read one."""
    from findings.fhir.again import read_again

    return read_again(message, profile)
