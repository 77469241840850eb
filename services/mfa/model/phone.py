"""Telephone numbers are compared in one form only: E.164."""

import phonenumbers


def in_international_form(number: str, region: str = "BG") -> str | None:
    """``0888 123 456`` and ``+359 888 123 456`` as ``+359888123456``; None for what is no telephone number."""
    try:
        parsed = phonenumbers.parse(number, region)
    except phonenumbers.NumberParseException:
        return None
    if not phonenumbers.is_possible_number(parsed):
        return None
    return phonenumbers.format_number(parsed, phonenumbers.PhoneNumberFormat.E164)
