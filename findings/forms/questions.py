"""A question to the radiologist, and the answer to it."""

from typing import Any

from django import forms

from findings.form_fields import RadiosField, TextareaField
from findings.forms.answers import LONGEST, AnswerForm
from findings.models import Question


class AskForm(AnswerForm):
    text = TextareaField(
        label="What do you want to know?",
        help_text="Everybody who can open the finding can read the question and the answer.",
        rows=4,
        max_length=LONGEST,
        missing="Write your question",
    )


class ReplyForm(AnswerForm):
    """One question waits, and is answered; or several do, and it is said which."""

    from_link = ("question",)
    question = RadiosField(
        label="Which question do you answer?",
        choices=[],
        missing="Select which question you answer",
        error_messages={
            "invalid_choice": "Somebody else has answered that question. Select another"
        },
    )
    text = TextareaField(
        label="Your answer", rows=4, max_length=LONGEST, missing="Write your answer"
    )

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.waiting = {str(one.pk): one for one in self.finding.questions.all() if one.is_open}
        field: Any = self.fields["question"]
        field.choices = [
            (key, f"{one.asked_by} asks: {one.text}") for key, one in self.waiting.items()
        ]
        # Not where the page was of another one, which has been answered meanwhile.
        if (
            len(self.waiting) == 1
            and self.data.get("question", field.choices[0][0]) in self.waiting
        ):
            field.widget = forms.HiddenInput()
            (self.initial["question"], self.fields["text"].help_text) = field.choices[0]

    @property
    def chosen(self) -> Question:
        return self.waiting[self.cleaned_data["question"]]
