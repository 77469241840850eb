"""What people read: safe HTML, durations, file names and cells."""

from __future__ import annotations

from datetime import date
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from libs.chassis.operator import load_operator
from libs.chassis.trainings import TRAININGS
from services.certificates.adapters.content_files import ContentInvalid, read_trainings
from services.certificates.adapters.markdown import to_html
from services.certificates.adapters.packing import Contents, harmless, safe
from services.certificates.adapters.printing import check_url, duration
from services.certificates.load import of_operator


@pytest.mark.parametrize(
    "attack",
    [
        "<script>alert(1)</script>",
        '<img src=x onerror="alert(1)">',
        "[click](javascript:alert(1))",
        "[click](data:text/html;base64,PHNjcmlwdD4=)",
        '<a href="https://x.example" onclick="alert(1)">x</a>',
        "<style>*{display:none}</style><iframe src='https://x.example'></iframe>",
    ],
)
def test_no_markdown_becomes_a_script(attack: str) -> None:
    html = to_html(attack).replace("&lt;", "‹").replace("&gt;", "›")
    for harmful in ("<script", "<img", "<iframe", "<style", 'href="javascript', 'href="data', "<a href"):
        assert harmful not in html


def test_ordinary_markdown_keeps_its_shape() -> None:
    html = to_html(
        "## Глава\n\n1. **Първо**\n2. *второ*\n\n> цитат\n\n[повече](https://example.org)\n\n|a|b|\n|-|-|\n|1|2|"
    )
    for part in ("<h2>Глава</h2>", "<ol>", "<strong>Първо</strong>", "<blockquote>", "<table>", "<td>2</td>"):
        assert part in html
    assert '<a href="https://example.org" rel="noopener noreferrer">повече</a>' in html


@pytest.mark.parametrize(
    ("minutes", "bg", "en"),
    [
        (900, "15 часа", "15 hours"),
        (60, "1 час", "1 hour"),
        (61, "1 час и 1 минута", "1 hour and 1 minute"),
        (899, "14 часа и 59 минути", "14 hours and 59 minutes"),
        (45, "45 минути", "45 minutes"),
        (0, "0 минути", "0 minutes"),
    ],
)
def test_a_duration_is_written_in_hours_of_sixty_minutes(minutes: int, bg: str, en: str) -> None:
    assert (duration(minutes, "bg"), duration(minutes, "en")) == (bg, en)


def test_the_check_address_has_one_slash_between_its_parts() -> None:
    assert check_url("https://x.example/", "CODE") == "https://x.example/certificates/check/CODE"


@given(st.text(max_size=200))
def test_any_name_becomes_a_file_name_that_every_system_takes(name: str) -> None:
    written = safe(name)
    assert written
    assert len(written) <= 80
    assert not set(written) & set('<>:"/\\|?*\0\n\r\t')
    assert written == "-" or not written.startswith((" ", "."))
    assert written == "-" or not written.endswith((" ", "."))


@pytest.mark.parametrize("cell", ["=1+1", "+359", "-1", "@x", "\t=1", "\r=1", "\n=1"])
def test_a_cell_that_looks_like_a_formula_is_made_harmless(cell: str) -> None:
    assert harmless(cell) == "'" + cell


def test_an_ordinary_cell_is_left_alone() -> None:
    assert harmless("Мария Иванова") == "Мария Иванова"


@pytest.mark.parametrize(
    ("language", "filename"), [("bg", "udostovereniya-2026-11-21.zip"), ("en", "certificates-2026-11-21.zip")]
)
def test_the_archive_is_named_by_its_day(language: str, filename: str) -> None:
    assert Contents(rows=[], language=language, on=date(2026, 11, 21)).filename == filename


@pytest.mark.parametrize("preset", ["demo", "academy", "ministry"])
def test_every_preset_finds_the_trainings_it_sells(preset: str) -> None:
    operator = load_operator(preset)
    sold = {product["training"] for product in operator.products if product.get("training")}
    assert {training.sku for training in of_operator(operator)} == sold


def test_every_module_of_the_demo_is_a_real_text_with_a_real_test_in_both_languages() -> None:
    modules = [module for training in read_trainings(TRAININGS) for module in training.modules]
    assert len(modules) == 15
    for module in modules:
        for language, text in module.markdown.items():
            assert 250 <= len(text.split()) <= 450, (module.code, language)
            assert "##" in text
        assert 3 <= len(module.questions) <= 4
        for question in module.questions:
            assert len(question["choices"]) >= 3
            for language in ("bg", "en"):
                assert len({choice[language] for choice in question["choices"]}) == len(question["choices"])


INDEX = """
[[trainings]]
sku = "t"
name = { bg = "Т", en = "T" }
[[trainings.modules]]
code = "m"
minutes = 60
name = { bg = "М", en = "M" }
summary = { bg = "М", en = "M" }
"""


@pytest.mark.parametrize(
    ("test", "reason"),
    [
        (None, "test.toml is missing"),
        ("", "no question"),
        ("[[questions]", "test.toml"),
        ('[[questions]]\ntext = { bg = "?", en = "?" }\nright = { bg = "а", en = "a" }\nwrong = []', "question 1"),
        (
            '[[questions]]\ntext = { bg = "?" }\nright = { bg = "а", en = "a" }\nwrong = [{ bg = "б", en = "b" }]',
            "question 1",
        ),
    ],
)
def test_content_that_is_wrong_is_refused_with_the_file_named(tmp_path: Path, test: str | None, reason: str) -> None:
    place = tmp_path / "t" / "m"
    place.mkdir(parents=True)
    (tmp_path / "modules.toml").write_text(INDEX, encoding="utf-8")
    for language in ("bg", "en"):
        (place / f"text.{language}.md").write_text("текст", encoding="utf-8")
    if test is not None:
        (place / "test.toml").write_text(test, encoding="utf-8")
    with pytest.raises(ContentInvalid, match=reason):
        read_trainings(tmp_path)
