"""In this application: the message is delivered when it can be seen in the inbox."""

from notifications.channels.base import Outgoing


class InApp:
    """Nothing leaves the house: once the row says sent, its recipient sees it."""

    def open(self) -> None: ...

    def send(self, outgoing: Outgoing) -> None: ...

    def close(self) -> None: ...
