"""What every form field in NHS.UK design has in common."""

from typing import Any

from django.utils.functional import Promise


class NhsField:
    """What every field here adds: its template, its size, and its words for an empty answer."""

    nhs_template = ""
    verb = "Enter"

    def __init__(
        self,
        *args: Any,
        missing: str = "",
        width: int | None = None,
        classes: str = "",
        autocomplete: str = "",
        hide_label: bool = False,
        legend_size: str = "m",
        **kwargs: Any,
    ) -> None:
        # 2, 3, 4, 5, 10, 20 or 30 characters; None: the whole width.
        self.width = width
        self.classes = classes
        self.autocomplete = autocomplete
        self.hide_label = hide_label
        # Of a group of inputs: "s", "m", "l".
        self.legend_size = legend_size
        missing = missing or self._ask(kwargs.get("label"))
        kwargs["error_messages"] = {"required": missing} | (kwargs.get("error_messages") or {})
        super().__init__(*args, **{"template_name": self.nhs_template, **kwargs})

    def _ask(self, label: str | Promise | None) -> str:
        """ "Enter your plan" from "Your plan"; "NHS number" keeps its capitals."""
        words = str(label or "an answer")
        if words[1:2].islower():
            words = words[0].lower() + words[1:]
        return f"{self.verb} {words}"
