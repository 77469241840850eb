"""The forms of signing in."""

from typing import Any

from flask_babel import lazy_gettext as _l
from wtforms import PasswordField, StringField, ValidationError

from gateway.portal.journey import Form, at_most, required, required_as_typed

SHORTEST_PASSWORD = 12
"""What identity demands, said before it has to refuse; a test keeps the two equal."""


class SignInForm(Form):
    """Name and password as issued or chosen."""

    login = StringField(
        _l("User name"), [required(), at_most(254)], filters=[lambda text: text.strip() if text else text]
    )
    password = PasswordField(_l("Password"), [required_as_typed(), at_most(1024)])


class NewPasswordForm(Form):
    """A new password, twice against typing errors."""

    new_password = PasswordField(_l("New password"), [required_as_typed(), at_most(1024)])
    repeated = PasswordField(_l("New password once more"), [required_as_typed(), at_most(1024)])

    def validate_repeated(self, field: Any) -> None:
        """Both must be the same."""
        if field.data != self.new_password.data:
            raise ValidationError(_l("The two passwords differ. Enter them again."))
