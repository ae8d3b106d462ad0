"""The ways of telling somebody; one file each."""

from collections.abc import Callable

from notifications.channels.base import Sender
from notifications.channels.email import Email
from notifications.channels.in_app import InApp
from notifications.models import Channel

# In this order: what cannot fail is not kept waiting by a slow mail server.
SENDERS: dict[Channel, Callable[[], Sender]] = {Channel.IN_APP: InApp, Channel.EMAIL: Email}
