"""A visitor with opinions: every page it opens is parsed as HTML5 and must be a good page."""

import re
from collections import Counter
from typing import Any, TypeVar
from urllib.parse import urlsplit

import html5lib
from bs4 import BeautifulSoup, Tag
from flask import Flask
from werkzeug.test import TestResponse

from gateway.clients.base import Remote
from gateway.security.tokens import new_token
from libs.contracts.identity import PrincipalView
from tests.portal.fakes import FakeBus, FakeIdentity

C = TypeVar("C", bound=Remote)
INLINE_HANDLER = re.compile(r"^on[a-z]+$")
NOT_FILLED_IN = {"hidden", "submit", "button"}


class Page:
    """What a visitor sees at one address."""

    def __init__(self, response: TestResponse, language: str) -> None:
        self.response = response
        self.status = response.status_code
        self.path = urlsplit(response.request.path).path
        text = response.get_data(as_text=True)
        self.soup = BeautifulSoup(text, "html5lib")
        for fault in faults_of(text, self.soup, response, language):
            raise AssertionError(f"{self.path}: {fault}")

    @property
    def heading(self) -> str:
        """The h1."""
        return self.one("h1").get_text(" ", strip=True)

    @property
    def text(self) -> str:
        """All words of the page's content."""
        return " ".join(self.one("main").get_text(" ").split())

    @property
    def faults(self) -> list[str]:
        """The faults in the summary at the top."""
        return [" ".join(item.get_text(" ").split()) for item in self.soup.select("#faults li")]

    def one(self, selector: str) -> Tag:
        """The only element of this selector."""
        found = self.soup.select(selector)
        assert len(found) == 1, f"{self.path}: {len(found)} elements of {selector}"
        return found[0]

    def links(self, inside: str = "body") -> dict[str, str]:
        """Words → address of all links inside an element."""
        return {" ".join(a.get_text(" ").split()): str(a["href"]) for a in self.soup.select(f"{inside} a[href]")}

    def buttons(self, inside: str = "main") -> list[str]:
        """Words of what can be pressed inside an element."""
        return [" ".join(b.get_text(" ").split()) for b in self.soup.select(f"{inside} button, {inside} a.button")]


def faults_of(text: str, soup: BeautifulSoup, response: TestResponse, language: str) -> list[str]:
    """What is wrong with a page, in words; empty for a good one."""
    parser = html5lib.HTMLParser(strict=False)
    parser.parse(text)
    found = [f"not HTML5: {code} at {at} {data}" for at, code, data in parser.errors]
    found += _faults_of_frame(soup, language)
    found += _faults_of_forms(soup)
    found += _faults_of_safety(soup, response)
    return found


def _faults_of_frame(soup: BeautifulSoup, language: str) -> list[str]:
    found = []
    if soup.html is None or soup.html.get("lang") != language:
        found.append(f"lang is not {language}")
    headings = [h.get_text(strip=True) for h in soup.select("h1")]
    title = soup.title.get_text(strip=True) if soup.title else ""
    if len(headings) != 1 or not headings[0]:
        found.append(f"not one h1: {headings}")
    if " – " not in title or title.startswith(" – "):
        found.append(f"the title does not say page and portal: {title!r}")
    if len(soup.select("main#main")) != 1 or not soup.select("a.skip[href='#main']"):
        found.append("no way to skip to the content")
    repeated = [name for name, times in Counter(str(e["id"]) for e in soup.select("[id]")).items() if times > 1]
    if repeated:
        found.append(f"repeated ids: {repeated}")
    pointing = {
        name: str(e[name]).split()
        for e in soup.select("[aria-describedby], [aria-labelledby], [aria-controls]")
        for name in ("aria-describedby", "aria-labelledby", "aria-controls")
        if e.has_attr(name)
    }
    found += [f"{name} points nowhere: {to}" for name, ids in pointing.items() for to in ids if not soup.find(id=to)]
    found += [f"an image without alt: {image}" for image in soup.select("img:not([alt])")]
    found += [
        f"a cell without data-label: {cell}"
        for cell in soup.select("table.cards tbody td:not([data-label]):not(.act):not(.headline):not([colspan])")
    ]
    return found


def _faults_of_forms(soup: BeautifulSoup) -> list[str]:
    found = []
    named_fields = {str(label["for"]) for label in soup.select("label[for]")}
    for control in soup.select("input, select, textarea"):
        named = control.get("id") in named_fields
        labelled = named or control.find_parent("label") or control.get("aria-label") or control.get("aria-labelledby")
        if control.get("type") not in NOT_FILLED_IN and control.get("aria-hidden") != "true" and not labelled:
            found.append(f"a field without a label: {control}")
    for form in soup.select("form"):
        if str(form.get("method", "get")).lower() == "post" and not form.select("input[name=csrf_token]"):
            found.append(f"a form without its token: {form.get('action')}")
    found += [
        f"a fault leads nowhere: {a['href']}" for a in soup.select("#faults a") if not soup.select(str(a["href"]))
    ]
    return found


def _faults_of_safety(soup: BeautifulSoup, response: TestResponse) -> list[str]:
    found = [f"an inline script: {tag}" for tag in soup.select("script:not([src])")]
    found += [f"an inline style: {tag}" for tag in soup.select("style, [style]")]
    found += [
        f"an inline handler: {t.name} {k}" for t in soup.find_all(True) for k in t.attrs if INLINE_HANDLER.match(k)
    ]
    found += [
        f"from another site: {tag}"
        for tag in soup.select("script[src], link[href], img[src]")
        if urlsplit(str(tag.get("src") or tag.get("href"))).netloc
    ]
    policy = response.headers.get("Content-Security-Policy", "")
    if "default-src 'none'" not in policy or "unsafe" in policy or "frame-ancestors 'none'" not in policy:
        found.append(f"a weak content security policy: {policy!r}")
    if response.headers.get("Cache-Control") != "no-store":
        found.append("the page may be kept in a cache")
    return found


class Visitor:
    """One browser without scripts; reads English unless told otherwise."""

    def __init__(self, app: Flask, language: str = "en") -> None:
        self.client = app.test_client()
        self.language = language
        self.client.set_cookie("language", language)
        self._tls = bool(app.config["TLS"])

    def open(self, path: str, *, status: int = 200, follow: bool = True, **kwargs: Any) -> Page:
        """Open an address and follow redirections."""
        response = self.client.get(path, follow_redirects=follow, **kwargs)
        page = Page(response, self.language)
        assert page.status == status, f"{path}: {page.status} {page.heading}"
        return page

    def send(
        self,
        page: Page,
        fields: dict[str, Any] | None = None,
        *,
        action: str | None = None,
        status: int = 200,
        **kwargs: Any,
    ) -> Page:
        """Fill in a form of a page (the one with this action, or the only one in the content) and send it."""
        chosen = [f for f in page.soup.select("main form") if action is None or action in str(f.get("action"))]
        assert chosen, f"{page.path}: no form {action or ''}"
        values: dict[str, Any] = {
            str(i["name"]): str(i.get("value", ""))
            for i in chosen[0].select("input[name]")
            if i.get("type") not in {"checkbox", "radio", "file"} or i.has_attr("checked")
        }
        address = str(chosen[0].get("action") or "") or page.response.request.full_path.rstrip("?")
        kwargs.setdefault("follow_redirects", True)
        answer = self.client.post(address, data=values | (fields or {}), **kwargs)
        result = Page(answer, self.language)
        assert result.status == status, f"{address}: {result.status} {result.heading} {result.faults}"
        return result

    def give_session(self, token: str) -> None:
        """Let the browser hold a session."""
        name = "__Host-session" if self._tls else "session"
        self.client.set_cookie(name, token, secure=self._tls)

    def cookie(self, plain: str) -> Any:
        """A cookie of ours, by its plain name."""
        return self.client.get_cookie(plain) or self.client.get_cookie(f"__Host-{plain}")


class Portal:
    """The gateway with stand-ins behind it."""

    def __init__(self, app: Flask, bus: FakeBus, identity: FakeIdentity) -> None:
        self.app, self.bus, self.identity = app, bus, identity

    def answers(self, cls: type[C], stand_in: Any) -> None:
        """Let a stand-in answer in the place of a client."""
        self.app.extensions["clients"].replace(cls, stand_in)

    def visitor(self, language: str = "en") -> Visitor:
        """A browser in which nobody is signed in."""
        return Visitor(self.app, language)

    def signed_in(self, view: PrincipalView, language: str = "en") -> Visitor:
        """A browser in which this person is signed in."""
        visitor, token = Visitor(self.app, language), new_token()
        self.identity.sign_in(token, view)
        visitor.give_session(token)
        return visitor
