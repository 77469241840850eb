"""The forms of one's own account."""

from typing import Any

from flask_babel import lazy_gettext as _l
from wtforms import PasswordField, RadioField, SelectChoice, ValidationError

from gateway.i18n import LANGUAGES
from gateway.portal.journey import Form, at_most, required_as_typed


class ChangePasswordForm(Form):
    """The present password, and the new one twice."""

    current_password = PasswordField(_l("Present password"), [required_as_typed(), at_most(1024)])
    new_password = PasswordField(_l("New password"), [required_as_typed(), at_most(1024)])
    repeated = PasswordField(_l("New password once more"), [required_as_typed(), at_most(1024)])

    def validate_repeated(self, field: Any) -> None:
        """Both must be the same."""
        if field.data != self.new_password.data:
            raise ValidationError(_l("The two passwords differ. Enter them again."))


class LanguageForm(Form):
    """The language of mails and pages."""

    language = RadioField(
        _l("Language"), choices=[SelectChoice(value=code, label=name) for code, name in LANGUAGES.items()]
    )
