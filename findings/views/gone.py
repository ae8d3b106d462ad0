"""Somebody pressed a button for what is not there any more: they pressed twice, or somebody else
was first. Where they came from says so, with whoever it was; nothing is done a second time."""

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect


class Gone(Exception):
    """Raised by a view that looked for it. `to` is the page that has the rest, by name, and
    `arguments` what that takes."""

    def __init__(self, sentence: str, to: str, *arguments: object) -> None:
        self.sentence, self.to, self.arguments = sentence, to, arguments
        super().__init__(sentence)


def said(what: str, did: str, by: object = None) -> str:
    """“Boxing Day” was removed already, by Mr Ben Example. Nothing more was done."""
    return f"{what} {did} already{f', by {by}' if by else ''}. Nothing more was done."


def answer(request: HttpRequest, gone: Gone) -> HttpResponse:
    messages.warning(request, gone.sentence)
    return redirect(gone.to, *gone.arguments)
