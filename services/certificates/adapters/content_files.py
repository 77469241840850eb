"""Reads the trainings that lie under ``config/trainings``: texts in both languages and a test for each module."""

import hashlib
import json
import tomllib
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from libs.contracts.base import LocalText

LANGUAGES = ("bg", "en")


class ContentInvalid(Exception):
    """A training's files are missing or say something impossible; the message names the file."""


@dataclass(frozen=True, kw_only=True)
class ModuleFile:
    """A module as its files tell it; ``digest`` changes whenever text or test do."""

    code: str
    minutes: int
    name: LocalText
    summary: LocalText
    markdown: LocalText
    questions: list[dict[str, Any]]

    @property
    def digest(self) -> str:
        """SHA-256 of text and test."""
        told = json.dumps([self.markdown, self.questions], ensure_ascii=False, sort_keys=True)
        return hashlib.sha256(told.encode()).hexdigest()


@dataclass(frozen=True, kw_only=True)
class TrainingFile:
    """A training as its files tell it."""

    sku: str
    name: LocalText
    outside: bool
    modules: list[ModuleFile]


def read_trainings(folder: Path) -> list[TrainingFile]:
    """All trainings of ``modules.toml`` with their modules' files; raises :class:`ContentInvalid`."""
    index = _toml(folder / "modules.toml")
    try:
        return [
            TrainingFile(
                sku=training["sku"],
                name=training["name"],
                outside=training.get("outside", False),
                modules=[_module(folder / training["sku"], module) for module in training["modules"]],
            )
            for training in index["trainings"]
        ]
    except KeyError as error:
        raise ContentInvalid(f"modules.toml: {error} is missing") from None


def _module(folder: Path, entry: dict[str, Any]) -> ModuleFile:
    place = folder / entry["code"]
    return ModuleFile(
        code=entry["code"],
        minutes=entry["minutes"],
        name=entry["name"],
        summary=entry["summary"],
        markdown={language: _text(place / f"text.{language}.md") for language in LANGUAGES},
        questions=_questions(place / "test.toml"),
    )


def _questions(path: Path) -> list[dict[str, Any]]:
    questions = _toml(path).get("questions", [])
    if not questions:
        raise ContentInvalid(f"{path.parent.name}/{path.name}: there is no question")
    return [_question(path, number, one) for number, one in enumerate(questions, 1)]


def _question(path: Path, number: int, told: dict[str, Any]) -> dict[str, Any]:
    texts = [told.get("text"), told.get("right"), *told.get("wrong", [])]
    complete = all(isinstance(text, dict) and all(text.get(language) for language in LANGUAGES) for text in texts)
    if len(texts) < 3 or not complete:
        raise ContentInvalid(
            f"{path.parent.name}/{path.name}: question {number} needs text, right and wrong, bg and en"
        )
    return {"id": f"q{number}", "text": texts[0], "choices": texts[1:]}


def _toml(path: Path) -> dict[str, Any]:
    try:
        return tomllib.loads(_text(path))
    except tomllib.TOMLDecodeError as error:
        raise ContentInvalid(f"{path.parent.name}/{path.name}: {error}") from None


def _text(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8")
    except FileNotFoundError:
        raise ContentInvalid(f"{path.parent.name}/{path.name} is missing") from None
