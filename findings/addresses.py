"""What stands for a row in an address: nothing else gets as far as the database."""

import re

from django.urls import register_converter


class ReferenceConverter:
    """A finding's reference, as typed: letters may be small."""

    regex = r"[Ff]-[0-9A-Za-z]{10}"

    def to_python(self, value: str) -> str:
        return value.upper()

    def to_url(self, value: str) -> str:
        if not re.fullmatch(self.regex, value):
            raise ValueError(f"{value!r} is not a reference.")
        return value


register_converter(ReferenceConverter, "reference")
