"""The forms with which a person answers for a finding. Each keeps what was typed."""

from findings.forms.answers.common import LONGEST, AnswerForm
from findings.forms.answers.done import RESULT_EXPECTED_AFTER, ActForm, PatientToldForm
from findings.forms.answers.ends import (
    CloseAndTellForm,
    CloseForm,
    NoteForm,
    RateForm,
    TakeBackForm,
    WithdrawForm,
)
from findings.forms.answers.whose import (
    AcknowledgeForm,
    DeclineForm,
    HandOverForm,
    teams_that_can_hold,
)

__all__ = [
    "LONGEST",
    "RESULT_EXPECTED_AFTER",
    "AcknowledgeForm",
    "ActForm",
    "AnswerForm",
    "CloseAndTellForm",
    "CloseForm",
    "DeclineForm",
    "HandOverForm",
    "NoteForm",
    "PatientToldForm",
    "RateForm",
    "TakeBackForm",
    "WithdrawForm",
    "teams_that_can_hold",
]
