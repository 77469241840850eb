"""The portal's texts: collected from code and pages, kept in one catalogue for each language, compiled for the program.

python -m deploy.local.translations
"""

from __future__ import annotations

import re
import sys
from pathlib import Path

from babel.messages.catalog import Catalog, Message
from babel.messages.extract import extract_from_dir
from babel.messages.mofile import write_mo
from babel.messages.pofile import read_po, write_po

from deploy.local.machine import ROOT

GATEWAY = ROOT / "gateway"
PLACE = re.compile(r"\{\w+\}")
LANGUAGES = ("bg",)
METHODS = [("**.py", "python"), ("**/templates/**.html", "jinja2"), ("**/templates/**.txt", "jinja2")]
OPTIONS = {"**/templates/**.html": {"trimmed": "true", "silent": "false"}}
KEYWORDS = {
    "_": None, "_l": None, "_n": (1, 2), "gettext": None, "lazy_gettext": None, "ngettext": (1, 2),
    # one English word that is several in another language: the first argument says which is meant
    "pgettext": ((1, "c"), 2), "lazy_pgettext": ((1, "c"), 2),
}  # fmt: skip


def collected(gateway: Path = GATEWAY) -> Catalog:
    """Every text that code and pages ask to be translated, in English."""
    catalogue = Catalog(project="Licentia", charset="utf-8")
    found = extract_from_dir(gateway, METHODS, OPTIONS, keywords=KEYWORDS, comment_tags=("Translators:",))
    for path, _line, message, comments, context in sorted(found, key=lambda one: (one[0], one[1])):
        # without line numbers: they change with every edit and say nothing to a translator
        catalogue.add(message, None, [(str(Path("gateway") / path), 0)], auto_comments=comments, context=context)
    return catalogue


def catalogue_path(language: str, gateway: Path = GATEWAY) -> Path:
    """Where a language's catalogue is kept."""
    return gateway / "locale" / language / "LC_MESSAGES" / "messages.po"


def read(language: str, gateway: Path = GATEWAY) -> Catalog:
    """A language's catalogue as it is kept; empty where there is none yet."""
    path = catalogue_path(language, gateway)
    if not path.exists():
        return Catalog(locale=language, project="Licentia", charset="utf-8", fuzzy=False)
    with path.open("rb") as file:
        return read_po(file, locale=language)


def update(language: str, gateway: Path = GATEWAY) -> None:
    """Bring a language's catalogue up to date with the texts; translations stay, texts that are gone go."""
    catalogue = read(language, gateway)
    catalogue.update(collected(gateway), no_fuzzy_matching=True)
    catalogue.obsolete.clear()
    path = catalogue_path(language, gateway)
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("wb") as file:
        write_po(file, catalogue, width=120, include_lineno=False, sort_by_file=True, omit_header=False)


def compile_catalogues(gateway: Path = GATEWAY) -> None:
    """Compile each catalogue that is newer than its compiled form."""
    for language in LANGUAGES:
        path = catalogue_path(language, gateway)
        compiled = path.with_suffix(".mo")
        if path.exists() and not (compiled.exists() and compiled.stat().st_mtime >= path.stat().st_mtime):
            with compiled.open("wb") as file:
                write_mo(file, read(language, gateway))


def faults(language: str, gateway: Path = GATEWAY) -> list[str]:
    """Texts that the catalogue lacks, has untranslated or with other placeholders, or has though nobody asks."""
    wanted, kept = collected(gateway), read(language, gateway)
    missing = [f"missing: {_text(one)}" for one in wanted if one.id and kept.get(one.id, one.context) is None]
    gone = [f"not used: {_text(one)}" for one in kept if one.id and wanted.get(one.id, one.context) is None]
    untranslated = [f"untranslated: {_text(one)}" for one in kept if one.id and not _complete(one)]
    broken = [f"{error}: {_text(one)}" for one, errors in kept.check() for error in errors]
    broken += [f"other {{places}}: {_text(one)}" for one in kept if one.id and _complete(one) and not _same_places(one)]
    return missing + gone + untranslated + broken


def _text(message: Message) -> str:
    return message.id if isinstance(message.id, str) else str(message.id[0])


def _complete(message: Message) -> bool:
    forms = (message.string,) if isinstance(message.string, str) else message.string or ()
    return bool(forms) and all(forms) and not message.fuzzy


def _forms(text: str | tuple[str, ...] | list[str] | None) -> list[str]:
    return [text] if isinstance(text, str) else list(text or ())


def _same_places(message: Message) -> bool:
    """Whether what scripts fill in, like ``{hours}``, stands in every form; Babel checks only ``%(hours)s``."""
    wanted = {frozenset(PLACE.findall(form)) for form in _forms(message.id)}
    return {frozenset(PLACE.findall(form)) for form in _forms(message.string)} <= wanted


def main() -> int:
    """Update and compile all catalogues; tell how many texts wait for a translation."""
    for language in LANGUAGES:
        update(language)
        waiting = [fault for fault in faults(language) if fault.startswith("untranslated")]
        sys.stdout.write(f"{catalogue_path(language).relative_to(ROOT)}: {len(waiting)} texts wait for a translation\n")
    compile_catalogues()
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
