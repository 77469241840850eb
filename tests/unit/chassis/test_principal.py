"""Who asks is proved by a signature and ends after a minute."""

from datetime import UTC, datetime, timedelta

import pytest

from libs.chassis.clock import ManualClock
from libs.chassis.crypto import generate_sealing_keys, seal, unseal
from libs.chassis.ids import new_id
from libs.chassis.principal import Principal, PrincipalSigner, PrincipalVerifier, generate_key_pair
from libs.contracts.errors import Forbidden, NotFound, Unauthenticated

PRIVATE, PUBLIC = generate_key_pair()
BROKER = new_id()


def a_principal(*roles: str) -> Principal:
    return Principal(
        account_id=new_id(), session_id=new_id(), organisation_id=BROKER, roles=frozenset(roles or ("member",))
    )


@pytest.fixture
def clock() -> ManualClock:
    return ManualClock(datetime(2026, 11, 21, 12, 0, tzinfo=UTC))


def test_a_signed_principal_is_verified_offline(clock: ManualClock) -> None:
    principal = a_principal("manager")
    token, expires_at = PrincipalSigner(PRIVATE, clock).sign(principal)
    assert PrincipalVerifier(PUBLIC, clock).verify(token) == principal
    assert expires_at == clock.now() + timedelta(seconds=60)


def test_a_principal_ends_after_a_minute(clock: ManualClock) -> None:
    token, _ = PrincipalSigner(PRIVATE, clock).sign(a_principal())
    clock.advance(timedelta(seconds=66))
    with pytest.raises(Unauthenticated):
        PrincipalVerifier(PUBLIC, clock).verify(token)


def test_a_principal_of_another_signer_is_refused(clock: ManualClock) -> None:
    other_private, _ = generate_key_pair()
    token, _ = PrincipalSigner(other_private, clock).sign(a_principal())
    with pytest.raises(Unauthenticated):
        PrincipalVerifier(PUBLIC, clock).verify(token)


def test_a_changed_or_unsigned_principal_is_refused(clock: ManualClock) -> None:
    token, _ = PrincipalSigner(PRIVATE, clock).sign(a_principal())
    header, claims, signature = token.split(".")
    unsigned = "eyJhbGciOiJub25lIn0"
    for forged in (
        f"{header}.{claims[:-2]}AA.{signature}",
        f"{unsigned}.{claims}.",
        "",
        "a.b.c",
        f"{header}.{claims}.",
    ):
        with pytest.raises(Unauthenticated):
            PrincipalVerifier(PUBLIC, clock).verify(forged)


def test_a_foreign_organisation_is_not_found_rather_than_forbidden() -> None:
    with pytest.raises(NotFound):
        a_principal("manager").require_manager_of(new_id())
    with pytest.raises(NotFound):
        a_principal("member").require_member_of(new_id())


def test_a_member_is_no_manager() -> None:
    with pytest.raises(Forbidden):
        a_principal("member").require_manager_of(BROKER)
    a_principal("manager").require_manager_of(BROKER)


def test_staff_pass_only_where_they_are_named() -> None:
    finance = Principal(account_id=new_id(), session_id=new_id(), roles=frozenset({"finance"}))
    finance.require_member_of(BROKER, or_staff=("finance", "clerk"))
    for demand in (finance.require_member_of, finance.require_manager_of):
        with pytest.raises(Forbidden):
            demand(BROKER)
    assert finance.is_staff


def test_a_sealed_secret_opens_for_its_reader_alone() -> None:
    private, public = generate_sealing_keys()
    sealed = seal("тайна-парола", public)
    assert "тайна" not in sealed
    assert unseal(sealed, private) == "тайна-парола"
    with pytest.raises(ValueError, match="cannot be opened"):
        unseal(sealed, generate_sealing_keys()[0])
    with pytest.raises(ValueError, match="cannot be opened"):
        unseal(sealed[:-4] + "AAAA", private)
