"""Numbers that a page of ours sent back; somebody may have typed anything in their place."""


def number_in(text: str) -> int | None:
    """None where it is not plain digits, or more of them than any number of ours has."""
    return int(text) if text.isascii() and text.isdigit() and len(text) < 10 else None
