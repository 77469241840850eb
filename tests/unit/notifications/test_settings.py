"""Where mails are handed over, read from the environment."""

from __future__ import annotations

from pathlib import Path

import environ
import pytest

from services.notifications.settings import NotificationsSettings, SmtpAddress


@pytest.mark.parametrize(
    ("url", "address"),
    [
        ("smtp://127.0.0.1:1025", SmtpAddress(host="127.0.0.1", port=1025, tls="none", user=None)),
        ("smtp://mail.example", SmtpAddress(host="mail.example", port=25, tls="none", user=None)),
        (
            "smtp://me%40x@mail.example?tls=starttls",
            SmtpAddress(host="mail.example", port=587, tls="starttls", user="me@x"),
        ),
        ("smtps://portal@mail.example", SmtpAddress(host="mail.example", port=465, tls="tls", user="portal")),
    ],
)
def test_the_address_of_the_mail_server_is_read(url: str, address: SmtpAddress) -> None:
    assert SmtpAddress.read(url) == address


@pytest.mark.parametrize(
    ("url", "why"),
    [
        ("http://mail.example", "SMTP_URL is smtp://"),
        ("smtp://", "SMTP_URL is smtp://"),
        ("smtp://mail.example?tls=maybe", "tls is one of"),
        ("smtp://me:secret@mail.example", "SMTP_PASSWORD"),
    ],
)
def test_a_wrong_address_is_refused_in_words(url: str, why: str) -> None:
    with pytest.raises(ValueError, match=why):
        SmtpAddress.read(url)


def test_a_password_may_stand_in_a_file_and_never_shows(tmp_path: Path) -> None:
    (tmp_path / "password").write_text("hush-hush\n")

    settings = environ.to_config(
        NotificationsSettings,
        {"SMTP_PASSWORD": str(tmp_path / "password"), "NOTIFICATIONS_PRIVATE_KEY": "-----BEGIN hush-hush"},
    )

    assert settings.smtp_password == "hush-hush"
    assert "hush-hush" not in repr(settings)


def test_without_a_key_sealed_secrets_stay_sealed_in_words() -> None:
    with pytest.raises(ValueError, match="NOTIFICATIONS_PRIVATE_KEY is not set"):
        _ = environ.to_config(NotificationsSettings, {}).private_key
