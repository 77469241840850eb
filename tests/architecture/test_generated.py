"""What is made from the code is made anew whenever the code changes: pages and catalogues of texts."""

from __future__ import annotations

from pathlib import Path

import pytest

from deploy.local import translations
from deploy.local.pages import PAGES, stale
from tests.architecture.repository import ROOT

CODE = 'from flask_babel import gettext as _\n\ntitle = _("Order licences")\nleft = _("%(count)s left", count=1)\n'


def test_the_generated_pages_are_fresh() -> None:
    assert [str(path.relative_to(ROOT)) for path in stale(PAGES)] == []


def test_a_stale_or_missing_page_is_found(tmp_path: Path) -> None:
    fresh, old, missing = tmp_path / "fresh.md", tmp_path / "old.md", tmp_path / "missing.md"
    fresh.write_text("text")
    old.write_text("old text")
    assert stale({path: lambda: "text" for path in (fresh, old, missing)}) == [old, missing]


@pytest.mark.parametrize("language", translations.LANGUAGES)
def test_every_text_of_the_portal_is_translated(language: str) -> None:
    assert translations.faults(language) == []


@pytest.fixture
def gateway(tmp_path: Path) -> Path:
    """A gateway of one file with two texts and an empty catalogue."""
    (tmp_path / "views.py").write_text(CODE)
    translations.update("bg", tmp_path)
    return tmp_path


def _translate(gateway: Path, text: str, translation: str) -> None:
    path = translations.catalogue_path("bg", gateway)
    entry = f'msgid "{text}"\nmsgstr "'
    assert entry in path.read_text()
    path.write_text(path.read_text().replace(f'{entry}"', f'{entry}{translation}"'))


def test_an_untranslated_text_is_found(gateway: Path) -> None:
    assert translations.faults("bg", gateway) == ["untranslated: Order licences", "untranslated: %(count)s left"]


def test_a_translation_with_another_placeholder_is_found(gateway: Path) -> None:
    _translate(gateway, "Order licences", "Поръчка на лицензи")
    _translate(gateway, "%(count)s left", "остават %(number)s")
    assert [fault.rpartition(": ")[2] for fault in translations.faults("bg", gateway)] == ["%(count)s left"]


def test_a_translation_that_lost_what_a_script_fills_in_is_found(gateway: Path) -> None:
    (gateway / "views.py").write_text(CODE.replace("%(count)s left", "{n} left"))
    translations.update("bg", gateway)
    _translate(gateway, "Order licences", "Поръчка на лицензи")
    _translate(gateway, "{n} left", "остават {m}")
    assert translations.faults("bg", gateway) == ["other {places}: {n} left"]
    path = translations.catalogue_path("bg", gateway)
    path.write_text(path.read_text().replace("{m}", "{n}"))
    assert translations.faults("bg", gateway) == []


def test_a_guessed_translation_is_found(gateway: Path) -> None:
    _translate(gateway, "Order licences", "Поръчка на лицензи")
    _translate(gateway, "%(count)s left", "остават %(count)s")
    path = translations.catalogue_path("bg", gateway)
    path.write_text(path.read_text().replace('msgid "Order licences"', '#, fuzzy\nmsgid "Order licences"'))
    assert translations.faults("bg", gateway) == ["untranslated: Order licences"]


def test_one_english_word_with_two_meanings_has_two_translations(gateway: Path) -> None:
    (gateway / "views.py").write_text('button, heading = pgettext("button", "Order"), _("Order")\n')
    translations.update("bg", gateway)
    assert translations.faults("bg", gateway) == ["untranslated: Order", "untranslated: Order"]


def test_new_and_vanished_texts_are_found_and_an_update_keeps_translations(gateway: Path) -> None:
    _translate(gateway, "Order licences", "Поръчка на лицензи")
    _translate(gateway, "%(count)s left", "остават %(count)s")
    assert translations.faults("bg", gateway) == []
    (gateway / "views.py").write_text(CODE.replace("%(count)s left", "None left"))
    assert translations.faults("bg", gateway) == ["missing: None left", "not used: %(count)s left"]
    translations.update("bg", gateway)
    assert translations.faults("bg", gateway) == ["untranslated: None left"]


def test_a_catalogue_is_compiled_when_it_changed(gateway: Path) -> None:
    translations.compile_catalogues(gateway)
    compiled = translations.catalogue_path("bg", gateway).with_suffix(".mo")
    first = compiled.stat().st_mtime_ns
    translations.compile_catalogues(gateway)
    assert compiled.stat().st_mtime_ns == first
