"""The ways of telling somebody; one file each."""

from collections.abc import Callable

from notifications.channels.base import Sender
from notifications.channels.email import Email
from notifications.channels.in_app import InApp
from notifications.channels.sms import Sms
from notifications.channels.webhook import Webhook
from notifications.models import Channel, configured_channels

KNOWN: dict[Channel, Callable[[], Sender]] = {
    Channel.IN_APP: InApp,
    Channel.EMAIL: Email,
    Channel.SMS: Sms,
    Channel.WEBHOOK: Webhook,
}
# In this order: what cannot fail is not kept waiting by a slow mail server.
SENDERS = {channel: make for channel, make in KNOWN.items() if channel in configured_channels()}
