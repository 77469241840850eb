"""The command that takes an operator's trainings into the library."""

from __future__ import annotations

import pytest

from libs.contracts.certificates import ListLibrary
from libs.contracts.licensing import ChosenModule
from services.certificates import load, queries
from services.certificates.adapters.content_files import ContentInvalid
from services.certificates.rpc import CertificatesRpc
from tests.support.builders.certificates import Academy


def test_the_demo_trainings_are_loaded_once_and_can_be_learnt(
    academy: Academy, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("CERTIFICATES_DATABASE_URL", academy.database.url)
    assert load.main(["demo"]) == 0
    assert load.main(["demo"]) == 0
    with academy.database.open_work() as work:
        maintenance, induction = queries.list_library(work, ListLibrary()).items
    assert [(one.sku, len(one.modules)) for one in (maintenance, induction)] == [
        ("maintenance-15h", 12),
        ("induction", 3),
    ]
    maria = academy.learner()
    choice = [
        ChosenModule(code=one.code, name=one.name, minutes=one.minutes)
        for one in maintenance.modules
        if one.code in ("complaints", "fraud")
    ]
    number = academy.certify(maria, choice)
    assert academy.certificate(number, maria.principal).minutes == 180


def test_an_unknown_operator_or_wrong_content_is_told_in_one_sentence(
    academy: Academy, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("CERTIFICATES_DATABASE_URL", academy.database.url)
    assert load.main(["nobody"]) == 1

    def broken(_: object) -> list[object]:
        raise ContentInvalid("m1/test.toml: there is no question")

    monkeypatch.setattr(load, "read_trainings", broken)
    assert load.main(["demo"]) == 1
    monkeypatch.delenv("CERTIFICATES_DATABASE_URL")
    assert load.main(["demo"]) == 1
    told = capsys.readouterr().err
    assert "There is no operator" in told
    assert "there is no question" in told
    assert "CERTIFICATES_DATABASE_URL is not set." in told
    assert len(told.splitlines()) == 3


def test_strangers_may_ask_for_the_library_and_the_check_alone() -> None:
    methods = {one.name: one for one in CertificatesRpc.methods()}
    assert {name for name, one in methods.items() if one.public} == {"list_library", "check_certificate"}
    changing = {"get_module", "submit_test", "complete_module", "revoke_certificate", "request_archive"}
    changing |= {"replay_dead_letters", "discard_dead_letters"}  # every service has these
    assert {name for name, one in methods.items() if one.kind == "command"} == changing
