"""What can be wrong with a test, in sentences."""

from flask_babel import lazy_gettext as _l

from gateway.faults import SENTENCES

SENTENCES.update(
    {
        "module_not_read": _l("Please read the module before its test."),
        "answer_missing": _l("Please answer this question."),
        "training_expired": _l("The time for this training is over. Ask your manager."),
        "no_text": _l("This module is not taught here."),
    }
)
