"""Client of Wharf, the self-hosted service that runs WhatsApp sessions. README.md shows how it is used."""

from ._generated import models
from ._generated.models import EVENT_TYPES, Frame, LoggedEvent, WebhookBody
from ._generated.operations import AsyncOperations as AsyncWharf
from ._generated.operations import Operations as Wharf
from .errors import (
    ConflictError,
    ForbiddenError,
    InvalidRequestError,
    NotFoundError,
    ProblemError,
    RateLimitedError,
    ServerError,
    SocketClosedError,
    UnauthorizedError,
    WebhookVerificationError,
    WharfError,
)
from .pagination import paginate, paginate_async
from .socket import follow, follow_async
from .webhook import verify_webhook

__all__ = [
    "EVENT_TYPES",
    "AsyncWharf",
    "ConflictError",
    "ForbiddenError",
    "Frame",
    "InvalidRequestError",
    "LoggedEvent",
    "NotFoundError",
    "ProblemError",
    "RateLimitedError",
    "ServerError",
    "SocketClosedError",
    "UnauthorizedError",
    "WebhookBody",
    "WebhookVerificationError",
    "Wharf",
    "WharfError",
    "follow",
    "follow_async",
    "models",
    "paginate",
    "paginate_async",
    "verify_webhook",
]
