"""Pages as a person without a browser sees them: signed in, in words, and sent back as drawn."""

import re
from html import unescape
from typing import Any
from urllib.parse import urlsplit

from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import Resolver404, resolve

from findings.models import Person
from notifications import watchdog

_HIDDEN = re.compile(r'<input type="hidden" name="(?P<name>[a-z_]+)"(?: value="(?P<value>[^"]*)")?')
_TAG = re.compile(r"<[^>]+>")
_UNSEEN = re.compile(r"<(script|style|head)\b.*?</\1>", re.DOTALL)


def signed_in(person: Person) -> Client:
    client = Client()
    client.force_login(person)
    return client


def name_of(address: str) -> str:
    """The name of the page at an address, as imaging_safety/urls.py has it; empty: none of ours."""
    try:
        return resolve(urlsplit(address).path).url_name or ""
    except Resolver404:
        return ""


def words_of(response: Any) -> str:
    """What stands on the page, with single spaces."""
    html = _UNSEEN.sub(" ", response.content.decode())
    return " ".join(unescape(_TAG.sub(" ", html)).split())


def hidden_in(response: Any) -> dict[str, str]:
    """The hidden values of the page's forms, as a browser would send them back."""
    found = _HIDDEN.finditer(response.content.decode())
    return {one["name"]: unescape(one["value"] or "") for one in found}


_TURN = re.compile(
    r'<a [^>]*href="(?P<href>[^"]*)"[^>]*rel="(?P<first>next|prev)"'
    r'|<a [^>]*rel="(?P<rel>next|prev)"[^>]*href="(?P<other>[^"]*)"'
)


def turn(response: Any, to: str = "next") -> str:
    """Where the list goes on ("next"), or what stands before ("prev"); empty at an end."""
    for found in _TURN.finditer(response.content.decode()):
        if to in (found["first"], found["rel"]):
            return unescape(found["href"] or found["other"])
    return ""


def fill_in(client: Client, address: str, typed: dict[str, str]) -> Any:
    """Open the page of a form, type, and send it."""
    page = client.get(address)
    assert page.status_code == 200, page.status_code
    return client.post(address, hidden_in(page) | typed)


def queries_without_banner(client: Client, address: str) -> int:
    """How many questions a page asks the database: the watchdog's banner is kept for a few seconds
    from now on, and whatever a process asks once has been asked."""
    watchdog.forget()
    client.get(address)
    with CaptureQueriesContext(connection) as captured:
        assert client.get(address).status_code == 200
    return len(captured)
