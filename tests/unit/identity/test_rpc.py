"""What can be asked of identity, and by whom."""

from __future__ import annotations

import pytest

from libs.contracts.base import fields_of
from services.identity.rpc import IdentityRpc

SIGN_IN = {
    "begin_sign_in",
    "change_issued_password",
    "get_sign_in",
    "complete_sign_in",
    "cancel_sign_in",
    "authenticate",
}


@pytest.mark.story("MON-06", "MON-13", "MON-43")
def test_without_a_session_one_can_sign_in_and_nothing_else() -> None:
    assert {method.name for method in IdentityRpc.methods() if method.public} == SIGN_IN


def test_what_holds_a_password_is_never_remembered() -> None:
    with_password = [
        method for method in IdentityRpc.methods() if any("password" in name for name in fields_of(method.request))
    ]
    assert {method.name for method in with_password} == {"begin_sign_in", "change_issued_password", "change_password"}
    assert not any(method.remember for method in with_password)


def test_no_answer_but_a_principal_holds_a_secret() -> None:
    secret = ("token", "password", "digest", "sealed")
    telling = {
        method.name
        for method in IdentityRpc.methods()
        for name in fields_of(method.answer)
        if any(word in name for word in secret) and name != "next_page_token"
    }
    assert telling == {"authenticate"}
    assert not next(method for method in IdentityRpc.methods() if method.name == "authenticate").remember
