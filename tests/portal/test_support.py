"""The page client refuses bad pages: each of its opinions is shown to work."""

import pytest
from flask import Flask, Response

from tests.portal.support import Visitor

GOOD = """<!doctype html><html lang="en"><head><title>Orders – Portal</title></head><body>
<a class="skip" href="#main">To the content</a><main id="main"><h1>Orders</h1>
<form method="post"><input type="hidden" name="csrf_token" value="x">
<label for="a">Name</label><input id="a" name="a"></form>
<table class="cards"><tbody><tr><td data-label="Sum">1</td></tr></tbody></table></main></body></html>"""
HEADERS = {"Content-Security-Policy": "default-src 'none'; frame-ancestors 'none'", "Cache-Control": "no-store"}


def open_page(html: str, headers: dict[str, str] | None = None) -> None:
    """Let the page client open this page."""
    app = Flask(__name__)
    app.config["TLS"] = False
    app.add_url_rule("/", view_func=lambda: Response(html, headers=HEADERS | (headers or {})), endpoint="page")
    Visitor(app).open("/")


def test_a_good_page_is_let_through() -> None:
    open_page(GOOD)


@pytest.mark.parametrize(
    ("before", "after", "fault"),
    [
        ("</h1>", "</h2>", "not HTML5"),
        ('lang="en"', 'lang="bg"', "lang is not en"),
        ("<h1>Orders</h1>", "<h1>Orders</h1><h1>Again</h1>", "not one h1"),
        ("<h1>Orders</h1>", "<h1></h1>", "not one h1"),
        ("Orders – Portal", "Portal", "the title does not say"),
        ('class="skip"', "", "no way to skip"),
        ("<h1>", '<h1 id="a">', "repeated ids"),
        ("<h1>", '<h1 aria-describedby="nowhere">', "points nowhere"),
        ("<h1>", '<img src="/x.png"><h1>', "without alt"),
        (' data-label="Sum"', "", "without data-label"),
        ('<label for="a">Name</label>', "", "without a label"),
        ('name="csrf_token"', 'name="other"', "without its token"),
        ("<h1>", "<script>alert(1)</script><h1>", "inline script"),
        ("<h1>", '<h1 style="color:red">', "inline style"),
        ("<h1>", '<h1 onclick="go()">', "inline handler"),
        ("<h1>", '<script src="https://cdn.example/x.js"></script><h1>', "from another site"),
        ("<form", '<div id="faults"><ul><li><a href="#gone">x</a></li></ul></div><form', "leads nowhere"),
    ],
)
def test_a_bad_page_is_refused_with_its_fault(before: str, after: str, fault: str) -> None:
    assert before in GOOD
    with pytest.raises(AssertionError, match=fault):
        open_page(GOOD.replace(before, after, 1))


@pytest.mark.parametrize(
    ("header", "value", "fault"),
    [
        ("Content-Security-Policy", "default-src 'none'; script-src 'unsafe-inline'", "weak content security policy"),
        ("Cache-Control", "public", "may be kept"),
    ],
)
def test_a_page_with_weak_headers_is_refused(header: str, value: str, fault: str) -> None:
    with pytest.raises(AssertionError, match=fault):
        open_page(GOOD, {header: value})
