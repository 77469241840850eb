"""The two cookies: one binds a sign-in and its forms to this browser, one is the session."""

from flask import Request, Response, current_app, g, request

from gateway.security.tokens import new_token, well_formed


def _name(plain: str) -> str:
    return f"__Host-{plain}" if current_app.config["TLS"] else plain


def _read(source: Request, plain: str) -> str | None:
    token = source.cookies.get(_name(plain))
    return token if well_formed(token) else None


def session_token() -> str | None:
    """The session token that this browser shows, if any."""
    if "session_token" not in g:
        g.session_token = _read(request, "session")
    token: str | None = g.session_token
    return token


def browser_token() -> str:
    """The secret of this browser; a new one is set with the answer where there is none."""
    if "browser_token" not in g:
        found = _read(request, "browser")
        g.browser_token = found or new_token()
        g.browser_token_is_new = found is None
    token: str = g.browser_token
    return token


def known_browser_token() -> str | None:
    """The secret of this browser without making one."""
    return browser_token() if "browser_token" in g else _read(request, "browser")


def begin_session(token: str) -> None:
    """Give this browser the session with the answer to this request, and forget what bound the sign-in."""
    g.session_token = token
    g.new_session_token = token
    g.forget_browser = True


def forget_session() -> None:
    """Take the session from this browser with the answer to this request."""
    g.session_token = None
    g.forget_session = True


def set_cookies(response: Response) -> Response:
    """Write the cookies that this request changed."""
    if g.get("new_session_token"):
        _set(response, "session", g.new_session_token)
    elif g.get("forget_session"):
        _delete(response, "session")
    if g.get("forget_browser"):
        _delete(response, "browser")
    elif g.get("browser_token_is_new"):
        _set(response, "browser", g.browser_token)
    return response


def _set(response: Response, plain: str, token: str) -> None:
    # No max_age: closing the browser ends it.
    response.set_cookie(_name(plain), token, path="/", secure=current_app.config["TLS"], httponly=True, samesite="Lax")


def _delete(response: Response, plain: str) -> None:
    response.delete_cookie(_name(plain), path="/", secure=current_app.config["TLS"], httponly=True, samesite="Lax")
