"""Webhooks: who sent it (Standard Webhooks), and which event it is."""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
import json
import time
import typing as t

from ._generated.models import WebhookBody
from .errors import WebhookVerificationError

_PREFIX = "whsec_"
_VERSION = "v1,"


def verify_webhook(
    secret: str | t.Sequence[str],
    headers: t.Mapping[str, str],
    body: bytes | str,
    *,
    tolerance_s: float = 300.0,
    now: t.Callable[[], float] = time.time,
) -> WebhookBody:
    """The event of a request, once one of the secrets has signed it. `body` is the body as it came.

    `webhook-id` is the same on every retry: remember it to handle an event once. A newer service may tell types that
    `WebhookBody` does not have yet, so a `match` over `type` needs a default.
    """
    given = {name.lower(): value for name, value in headers.items()}
    for name in ("webhook-id", "webhook-timestamp", "webhook-signature"):
        if not given.get(name):
            raise WebhookVerificationError(f"the header {name} is missing")
    sent_at = given["webhook-timestamp"]
    if not (sent_at.isascii() and sent_at.isdigit()) or abs(now() - int(sent_at)) > tolerance_s:
        raise WebhookVerificationError("webhook-timestamp is not now: it is an old request, or a clock is wrong")
    content = body.encode() if isinstance(body, str) else body
    signed = f"{given['webhook-id']}.{sent_at}.".encode() + content
    offered = [one.removeprefix(_VERSION) for one in given["webhook-signature"].split(" ") if one.startswith(_VERSION)]
    for one in [secret] if isinstance(secret, str) else secret:
        try:
            key = base64.b64decode(one.removeprefix(_PREFIX), validate=True)
        except binascii.Error:
            raise WebhookVerificationError("the secret is not one of a webhook: whsec_ and base64") from None
        fitting = base64.b64encode(hmac.digest(key, signed, hashlib.sha256)).decode()
        if any(hmac.compare_digest(fitting.encode(), signature.encode()) for signature in offered):
            return _parse(content)
    raise WebhookVerificationError("no signature fits")


def _parse(content: bytes) -> WebhookBody:
    try:
        event = json.loads(content)
    except ValueError:
        event = None
    if not (isinstance(event, dict) and "type" in event and "data" in event):
        raise WebhookVerificationError("the body is no event")
    return t.cast(WebhookBody, event)
