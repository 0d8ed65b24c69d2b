"""What can go wrong, as exceptions: the class tells the kind, `code` the exact word of the API."""

from __future__ import annotations

import typing as t

import httpx


class WharfError(Exception):
    """Anything that this package raises itself."""


class ProblemError(WharfError):
    """The service answered, and said no."""

    def __init__(self, status: int, problem: t.Mapping[str, t.Any], retry_after_s: float | None) -> None:
        #: The status of the answer.
        self.status = status
        #: A stable word, such as `session_not_connected`.
        self.code = str(problem.get("code", "unknown"))
        #: For a person to read.
        self.detail = str(problem.get("detail") or problem.get("title") or "no details")
        #: JSON pointers to faults.
        self.errors: dict[str, list[str]] = dict(problem.get("errors") or {})
        #: What to quote when asking about it.
        self.request_id: str | None = problem.get("request_id")
        #: When to try again, if the service says so.
        self.retry_after_s = retry_after_s
        super().__init__(f"{status} {self.code}: {self.detail}")


class InvalidRequestError(ProblemError):
    """400 and 422: the request is wrong; `errors` says where."""


class UnauthorizedError(ProblemError):
    """401: the credential is missing, wrong or has ended."""


class ForbiddenError(ProblemError):
    """403: the credential does not allow it."""


class NotFoundError(ProblemError):
    """404: it is not there, or not yours."""


class ConflictError(ProblemError):
    """409: not as things are; the session is not connected, for instance."""


class RateLimitedError(ProblemError):
    """429: too much at once; `retry_after_s` says when to come back."""


class ServerError(ProblemError):
    """5xx."""


class WebhookVerificationError(WharfError):
    """A webhook that was not signed with this secret, or not now, or is no event."""


class SocketClosedError(WharfError):
    """The service has closed the socket, and would again."""


_CLASSES: dict[int, type[ProblemError]] = {
    400: InvalidRequestError,
    401: UnauthorizedError,
    403: ForbiddenError,
    404: NotFoundError,
    409: ConflictError,
    422: InvalidRequestError,
    429: RateLimitedError,
}


def problem_of(response: httpx.Response) -> ProblemError:
    """The exception of an answer that is no success. Its body has been read."""
    try:
        said = response.json()
    except ValueError:
        # Something between us and the service answered: there is only the status.
        said = None
    kind = _CLASSES.get(response.status_code, ServerError if response.status_code >= 500 else ProblemError)
    try:
        retry_after_s: float | None = float(response.headers.get("retry-after", ""))
    except ValueError:
        retry_after_s = None
    return kind(response.status_code, said if isinstance(said, dict) else {}, retry_after_s)
