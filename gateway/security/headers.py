"""What every answer tells the browser to refuse."""

from flask import Response, current_app, g, request

POLICY = "; ".join(
    (
        "default-src 'none'",
        "script-src 'self'",
        "style-src 'self'",
        "img-src 'self'",
        "font-src 'self'",
        "connect-src 'self'",
        "manifest-src 'self'",
        "form-action 'self'",
        "base-uri 'none'",
        "frame-ancestors 'none'",
    )
)
YEAR = 365 * 24 * 3600


def set_headers(response: Response) -> Response:
    """Add the security headers, and keep private pages out of every cache."""
    headers = response.headers
    headers.setdefault("Content-Security-Policy", POLICY)
    headers.setdefault("X-Content-Type-Options", "nosniff")
    headers.setdefault("Referrer-Policy", "same-origin")
    headers.setdefault("Cross-Origin-Opener-Policy", "same-origin")
    headers.setdefault("Cross-Origin-Resource-Policy", "same-origin")
    headers.setdefault("Permissions-Policy", "camera=(), geolocation=(), microphone=(), payment=()")
    if current_app.config["TLS"]:
        headers.setdefault("Strict-Transport-Security", f"max-age={YEAR}; includeSubDomains")
    if request.endpoint == "static":
        versioned = "v" in request.args and response.status_code in {200, 304}
        headers["Cache-Control"] = f"public, max-age={YEAR}, immutable" if versioned else "public, max-age=300"
    elif "Cache-Control" not in headers or g.get("private"):
        headers["Cache-Control"] = "no-store"
    headers["X-Correlation-Id"] = g.get("correlation_id", "")
    return response
