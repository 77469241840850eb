"""The ZIP of an organisation's certificates: readable file names, and lists that a spreadsheet opens without danger."""

import csv
import io
import re
import zipfile
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import date
from typing import BinaryIO

from libs.chassis.documents import DocumentStore
from libs.contracts.certificates import ResultView

# What Windows, macOS and Linux between them do not let stand in a file name.
FORBIDDEN = re.compile(r'[\x00-\x1f\x7f<>:"/\\|?*\u202a-\u202e\u2066-\u2069]+')
# A cell that begins so would be run as a formula (OWASP, CSV injection).
FORMULA = ("=", "+", "-", "@", "\t", "\r", "\n")

WORDS = {
    "bg": {
        "filename": "udostovereniya",
        "all": "Резултати.csv",
        "without": "Без удостоверение.csv",
        "head": ["Име", "Обучение", "Състояние", "Преминати модули", "Резултат, %", "Удостоверение", "Файл"],
        "assigned": "незапочнато", "begun": "започнато", "passed": "преминато", "revoked": "обезсилено",
    },
    "en": {
        "filename": "certificates",
        "all": "Results.csv",
        "without": "Without a certificate.csv",
        "head": ["Name", "Training", "State", "Modules passed", "Score, %", "Certificate", "File"],
        "assigned": "not begun", "begun": "begun", "passed": "passed", "revoked": "revoked",
    },
}  # fmt: skip


@dataclass(frozen=True, kw_only=True)
class Row:
    """A row of the results table; ``key`` names the PDF of a valid certificate, whose ``holder`` is printed on it."""

    result: ResultView
    key: str | None
    holder: str


@dataclass(frozen=True, kw_only=True)
class Contents:
    """What goes into an archive."""

    rows: Sequence[Row]
    language: str
    on: date

    @property
    def with_certificate(self) -> list[Row]:
        """Rows with a valid certificate."""
        return [row for row in self.rows if row.key]

    @property
    def without(self) -> list[Row]:
        """Rows without one: not passed yet, or revoked."""
        return [row for row in self.rows if not row.key]

    @property
    def filename(self) -> str:
        """The ZIP's own name."""
        return f"{WORDS[self.language]['filename']}-{self.on.isoformat()}.zip"

    def entry_name(self, row: Row) -> str:
        """The PDF's name in the ZIP; its number keeps it apart from a namesake's."""
        training = row.result.training.get(self.language, row.result.sku)
        return f"{safe(row.holder)} - {safe(training)} - {row.result.certificate_number}.pdf"


def pack(contents: Contents, store: DocumentStore, file: BinaryIO) -> Iterator[int]:
    """Write the ZIP to ``file``, yielding how many certificates are in after each."""
    words = WORDS[contents.language]
    with zipfile.ZipFile(file, "w", zipfile.ZIP_STORED) as archive:
        archive.writestr(str(words["all"]), table(contents, contents.rows), zipfile.ZIP_DEFLATED)
        archive.writestr(str(words["without"]), table(contents, contents.without), zipfile.ZIP_DEFLATED)
        for packed, row in enumerate(contents.with_certificate, 1):
            archive.writestr(contents.entry_name(row), store.read(str(row.key)))
            yield packed


def table(contents: Contents, rows: Iterable[Row]) -> bytes:
    """The rows as CSV in UTF-8 with a byte order mark, which spreadsheets need to see Cyrillic."""
    words = WORDS[contents.language]
    text = io.StringIO(newline="")
    writer = csv.writer(text, delimiter=";")
    writer.writerow(words["head"])
    for row in rows:
        writer.writerow([harmless(cell) for cell in _cells(contents, row)])
    return text.getvalue().encode("utf-8-sig")


def harmless(cell: str) -> str:
    """The cell with a quote in front where a spreadsheet would take it for a formula."""
    return f"'{cell}" if cell.startswith(FORMULA) else cell


def safe(name: str) -> str:
    """The text as a part of a file name."""
    cleaned = re.sub(r"\s+", " ", FORBIDDEN.sub(" ", name)).strip(" .")
    return cleaned[:80].rstrip(" .") or "-"


def _cells(contents: Contents, row: Row) -> list[str]:
    result, words = row.result, WORDS[contents.language]
    state = "revoked" if result.certificate_state == "revoked" else result.state
    return [
        result.person,
        result.training.get(contents.language, result.sku),
        str(words[state]),
        f"{result.modules_passed} / {result.modules_total}",
        "" if result.score is None else str(result.score),
        result.certificate_number or "",
        contents.entry_name(row) if row.key else "",
    ]
