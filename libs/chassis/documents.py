"""The document store: files that never change once written (a local folder now, an object store by another class)."""

import hashlib
import os
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import BinaryIO, Protocol
from urllib.parse import unquote, urlsplit

from libs.contracts.base import DocumentView

CHUNK = 256 * 1024


class DocumentChanged(Exception):
    """A key is written again with other bytes: documents are never overwritten."""


class DocumentMissing(Exception):
    """There is no document of this key."""


@dataclass(frozen=True, kw_only=True)
class StoredDocument:
    """What was stored: its key, SHA-256 (hex) and size in bytes."""

    key: str
    sha256: str
    size: int

    def view(self, filename: str, content_type: str = "application/pdf") -> DocumentView:
        """The document as contracts tell it."""
        return DocumentView(
            key=self.key, filename=filename, content_type=content_type, sha256=self.sha256, size=self.size
        )


class DocumentStore(Protocol):
    """Keys are relative paths such as ``orders/invoices/0000000001.pdf``."""

    def put(self, key: str, content: bytes) -> StoredDocument: ...

    def put_stream(self, key: str, stream: BinaryIO, *, limit: int) -> StoredDocument: ...

    def open(self, key: str) -> BinaryIO: ...

    def read(self, key: str) -> bytes: ...

    def delete(self, key: str) -> None: ...


class TooLarge(Exception):
    """The stream holds more bytes than allowed."""


class FolderStore:
    """Documents as files below one folder; a write is seen whole or not at all."""

    def __init__(self, root: Path) -> None:
        self._root = root

    def put(self, key: str, content: bytes) -> StoredDocument:
        """Store ``content``; storing the same bytes again is harmless, other bytes raise :class:`DocumentChanged`."""
        stored = StoredDocument(key=key, sha256=hashlib.sha256(content).hexdigest(), size=len(content))
        self._publish(stored, [content])
        return stored

    def put_stream(self, key: str, stream: BinaryIO, *, limit: int) -> StoredDocument:
        """Store what ``stream`` holds, up to ``limit`` bytes; more raises :class:`TooLarge` and stores nothing."""
        path = self._path(key)
        path.parent.mkdir(parents=True, exist_ok=True)
        digest, size = hashlib.sha256(), 0
        with tempfile.NamedTemporaryFile(dir=path.parent, prefix=".part-", delete=False) as part:
            try:
                for chunk in iter(lambda: stream.read(CHUNK), b""):
                    size += len(chunk)
                    if size > limit:
                        raise TooLarge(key)
                    digest.update(chunk)
                    part.write(chunk)
                self._settle(part)
                self._link(Path(part.name), path, digest.hexdigest())
            finally:
                Path(part.name).unlink(missing_ok=True)
        return StoredDocument(key=key, sha256=digest.hexdigest(), size=size)

    def open(self, key: str) -> BinaryIO:
        """The document for reading; raises :class:`DocumentMissing`."""
        try:
            return self._path(key).open("rb")
        except FileNotFoundError:
            raise DocumentMissing(key) from None

    def read(self, key: str) -> bytes:
        """All bytes of the document; raises :class:`DocumentMissing`."""
        with self.open(key) as file:
            return file.read()

    def delete(self, key: str) -> None:
        """Remove an upload that is no longer needed; documents that were issued are never deleted."""
        self._path(key).unlink(missing_ok=True)

    def _publish(self, stored: StoredDocument, chunks: list[bytes]) -> None:
        path = self._path(stored.key)
        path.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.NamedTemporaryFile(dir=path.parent, prefix=".part-", delete=False) as part:
            try:
                part.writelines(chunks)
                self._settle(part)
                self._link(Path(part.name), path, stored.sha256)
            finally:
                Path(part.name).unlink(missing_ok=True)

    @staticmethod
    def _settle(part: "tempfile._TemporaryFileWrapper[bytes]") -> None:
        part.flush()
        os.fsync(part.fileno())
        os.chmod(part.name, 0o640)

    def _link(self, part: Path, path: Path, sha256: str) -> None:
        try:
            os.link(part, path)
        except FileExistsError:
            if hash_of(path) != sha256:
                raise DocumentChanged(str(path.relative_to(self._root))) from None

    def _path(self, key: str) -> Path:
        parts = PurePosixPath(key).parts
        if not parts or key.startswith("/") or any(part in ("..", ".") or "\\" in part for part in parts):
            raise DocumentMissing(key)
        return self._root.joinpath(*parts)


def hash_of(path: Path) -> str:
    """The SHA-256 of a file, in hex."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def chunks_of(file: BinaryIO) -> Iterator[bytes]:
    """The file in chunks; closes it at the end."""
    with file:
        yield from iter(lambda: file.read(CHUNK), b"")


def from_url(url: str) -> DocumentStore:
    """The store of ``DOCUMENTS_URL``; ``file:///folder`` today. Raises :class:`ValueError` for another scheme."""
    parts = urlsplit(url)
    if parts.scheme != "file":
        raise ValueError(f"unknown document store {parts.scheme}://")
    return FolderStore(Path(unquote(parts.path)))
