"""Headers that every page carries: what a browser may load, and that it is kept to this node.

Source: OWASP, HTTP Headers and Content Security Policy cheat sheets; W3C, CSP level 3.
"""

from __future__ import annotations

from collections.abc import Mapping

POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; "
    "connect-src 'self'; font-src 'self'; form-action 'self'; base-uri 'none'; "
    "frame-ancestors 'none'"
)
SECURITY: Mapping[str, str] = {
    "content-security-policy": POLICY,
    "x-content-type-options": "nosniff",
    "x-frame-options": "DENY",
    "referrer-policy": "same-origin",
    "cross-origin-opener-policy": "same-origin",
    "cross-origin-resource-policy": "same-origin",
    "permissions-policy": "camera=(), geolocation=(), microphone=()",
}
PAGE: Mapping[str, str] = {**SECURITY, "cache-control": "no-store"}
"""Of a page: what stands on it is not for whoever uses the browser next."""
FILE: Mapping[str, str] = {**SECURITY, "cache-control": "public, max-age=31536000, immutable"}
