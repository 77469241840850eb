"""What staff may see of an account's challenges."""

from __future__ import annotations

from typing import Any

import pytest

from libs.chassis.ids import new_id
from libs.chassis.principal import Principal
from libs.contracts.errors import Forbidden, Unauthenticated
from libs.contracts.mfa import Challenges, ListChallenges
from services.mfa.rpc import MfaRpc
from tests.integration.mfa.desk import Desk


def ask(desk: Desk, principal: Principal | None, **fields: Any) -> Challenges:
    with desk.database.open_work(principal=principal) as work:
        return MfaRpc.list_challenges(MfaRpc(), work, ListChallenges(account_id=desk.account_id, **fields))


def somebody(*roles: str) -> Principal:
    return Principal(
        account_id=new_id(), session_id=new_id(), organisation_id=None, roles=frozenset(roles), assurance_level=2
    )


@pytest.mark.parametrize("role", ["clerk", "admin"])
def test_staff_see_an_account_s_challenges_newest_first(desk: Desk, role: str) -> None:
    first = desk.begin()
    desk.run(2)
    second = desk.begin()
    desk.run(2)
    assert [item.sign_in_id for item in ask(desk, somebody(role)).items] == [second, first]
    assert [item.state for item in ask(desk, somebody(role)).items] == ["pending", "unavailable"]
    assert len(ask(desk, somebody(role), page_size=1).items) == 1


@pytest.mark.parametrize("roles", [(), ("manager",), ("member",), ("finance",)])
def test_nobody_else_does(desk: Desk, roles: tuple[str, ...]) -> None:
    with pytest.raises(Forbidden):
        ask(desk, somebody(*roles))
    with pytest.raises(Unauthenticated):
        ask(desk, None)
