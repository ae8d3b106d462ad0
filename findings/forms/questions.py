"""A question to the radiologist, and the answer to it."""

from typing import Any

from findings.form_fields import TextareaField
from findings.forms.answers import LONGEST, AnswerForm


class AskForm(AnswerForm):
    text = TextareaField(
        label="What do you want to know?",
        help_text="Everybody who can open the finding can read the question and the answer.",
        rows=4,
        max_length=LONGEST,
        missing="Write your question",
    )


class ReplyForm(AnswerForm):
    text = TextareaField(
        label="Your answer", rows=4, max_length=LONGEST, missing="Write your answer"
    )

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        asked = next((one for one in self.finding.questions.all() if one.is_open), None)
        if asked:
            self.fields["text"].help_text = f"{asked.asked_by} asks: {asked.text}"
