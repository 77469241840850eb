"""The document store never changes what it holds."""

import hashlib
import io
from pathlib import Path

import pytest

from libs.chassis.documents import DocumentChanged, DocumentMissing, FolderStore, TooLarge, from_url


@pytest.fixture
def store(tmp_path: Path) -> FolderStore:
    return FolderStore(tmp_path / "documents")


def test_a_stored_document_is_read_back_with_its_hash(store: FolderStore) -> None:
    stored = store.put("orders/1.pdf", b"%PDF")
    assert store.read("orders/1.pdf") == b"%PDF"
    assert stored.sha256 == hashlib.sha256(b"%PDF").hexdigest()
    assert stored.size == 4


def test_storing_the_same_bytes_again_is_harmless(store: FolderStore) -> None:
    assert store.put("a.pdf", b"same") == store.put("a.pdf", b"same")


def test_a_document_is_never_overwritten_with_other_bytes(store: FolderStore) -> None:
    store.put("a.pdf", b"first")
    with pytest.raises(DocumentChanged):
        store.put("a.pdf", b"second")
    assert store.read("a.pdf") == b"first"


@pytest.mark.parametrize("key", ["../secret", "/etc/passwd", "a/../../b", "", "a\\..\\b"])
def test_a_key_cannot_leave_the_store(store: FolderStore, key: str) -> None:
    with pytest.raises(DocumentMissing):
        store.read(key)
    with pytest.raises(DocumentMissing):
        store.put(key, b"x")


def test_a_stream_over_the_limit_stores_nothing_and_leaves_no_scrap(store: FolderStore, tmp_path: Path) -> None:
    with pytest.raises(TooLarge):
        store.put_stream("uploads/big", io.BytesIO(b"x" * 11), limit=10)
    with pytest.raises(DocumentMissing):
        store.read("uploads/big")
    assert [path for path in tmp_path.rglob("*") if path.is_file()] == []


def test_a_stream_is_stored_whole(store: FolderStore) -> None:
    content = b"0123456789" * 60_000
    stored = store.put_stream("uploads/s", io.BytesIO(content), limit=10**6)
    assert store.read("uploads/s") == content
    assert stored.sha256 == hashlib.sha256(content).hexdigest()


def test_an_upload_can_be_deleted(store: FolderStore) -> None:
    store.put("uploads/s", b"x")
    store.delete("uploads/s")
    store.delete("uploads/s")
    with pytest.raises(DocumentMissing):
        store.open("uploads/s")


def test_an_unknown_scheme_is_refused() -> None:
    with pytest.raises(ValueError, match="ftp"):
        from_url("ftp://somewhere/")
