"""Where the broker's programs come from."""

from __future__ import annotations

from pathlib import Path

import pytest

from deploy.local import rabbitmq_packages
from deploy.local.errors import CannotStart
from deploy.local.machine import quiet

DEBIANS_ERL = (
    '#!/bin/sh\nif [ -z "$ERL_ROOTDIR" ]\nthen\n    ROOTDIR=/usr/lib/erlang\nelse\n    ROOTDIR="/usr/lib/erlang"\nfi\n'
)


@pytest.fixture(autouse=True)
def nothing_installed(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """A machine without the package."""
    monkeypatch.setattr(rabbitmq_packages, "INSTALLED", tmp_path / "nowhere")


def test_an_installed_broker_is_taken(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    for version in ("3.9.1", "3.10.8"):
        (tmp_path / f"rabbitmq_server-{version}" / "sbin").mkdir(parents=True)
    monkeypatch.setattr(rabbitmq_packages, "INSTALLED", tmp_path)
    monkeypatch.setattr(rabbitmq_packages.shutil, "which", lambda name: f"/usr/bin/{name}")
    programs = rabbitmq_packages.find(quiet, tmp_path / "cache")
    assert programs.sbin.parent.name == "rabbitmq_server-3.10.8"
    assert programs.erlang_bin is None


def test_elsewhere_than_on_debian_one_sentence_says_what_to_do(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(rabbitmq_packages.shutil, "which", lambda _: None)
    with pytest.raises(
        CannotStart, match=r"not a Debian or Ubuntu machine: .* set AMQP_URL to a broker of your own\.$"
    ):
        rabbitmq_packages.find(quiet, tmp_path / "cache")


def test_an_unpacked_broker_needs_no_second_fetch(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(rabbitmq_packages.shutil, "which", lambda _: None)
    cache = tmp_path / "cache"
    sbin = cache / "root/usr/lib/rabbitmq/lib/rabbitmq_server-3.10.8/sbin"
    sbin.mkdir(parents=True)
    (cache / "complete").touch()
    programs = rabbitmq_packages.find(quiet, cache)
    assert programs.sbin == sbin
    assert programs.path.startswith(str(cache / "root/usr/lib/erlang/bin"))


def test_a_damaged_cache_is_told(tmp_path: Path) -> None:
    (tmp_path / "cache").mkdir()
    (tmp_path / "cache" / "complete").touch()
    with pytest.raises(CannotStart, match="damaged: run `make clean`"):
        rabbitmq_packages.find(quiet, tmp_path / "cache")


def test_erlang_s_scripts_learn_their_new_place(tmp_path: Path) -> None:
    script = tmp_path / "usr/lib/erlang/bin/erl"
    script.parent.mkdir(parents=True)
    script.write_text(DEBIANS_ERL)
    rabbitmq_packages._move_erlang(tmp_path)
    assert script.read_text().count(f'ROOTDIR="{tmp_path}/usr/lib/erlang"') == 2
