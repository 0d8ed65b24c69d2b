"""Sends requests: the credential, retries that cannot do a thing twice, errors. The generated operations call it."""

from __future__ import annotations

import asyncio
import dataclasses
import random
import time
import typing as t
import urllib.parse
import uuid

import httpx

from .errors import ProblemError, problem_of

#: What may go well a moment later.
_PASSING = frozenset({429, 502, 503, 504})
#: The longest that a `Retry-After` is obeyed instead of handed to the caller.
_PATIENCE_S = 30.0
_FIRST_WAIT_S = 0.25


def segment(text: str) -> str:
    """A part of a path: whatever stands in it stays one part."""
    return urllib.parse.quote(text, safe="")


@dataclasses.dataclass
class Request:
    """What an operation asks."""

    verb: str
    path: str
    body: t.Any = None
    accept: str = "application/json"
    content_type: str = "application/octet-stream"
    query: t.Mapping[str, t.Any] = dataclasses.field(default_factory=dict)
    headers: t.Mapping[str, t.Any] = dataclasses.field(default_factory=dict)
    #: A repeated request is known by its `Idempotency-Key`; one is made up if none is given.
    keyed: bool = False


class _Base:
    def __init__(self, url: str, token: str | None, retries: int) -> None:
        self.url = url.rstrip("/")
        self._retries = retries
        self._credential = {"authorization": f"Bearer {token}"} if token else {}

    def _request(self, request: Request, client: httpx.Client | httpx.AsyncClient) -> httpx.Request:
        headers = {name: str(value) for name, value in request.headers.items() if value is not None}
        headers |= {"accept": request.accept} | self._credential
        if request.keyed:
            headers.setdefault("Idempotency-Key", str(uuid.uuid4()))
        query = {
            name: str(value).lower() if isinstance(value, bool) else value
            for name, value in request.query.items()
            if value is not None
        }
        content, json = None, None
        if isinstance(request.body, bytes):
            content = request.body
            headers["content-type"] = request.content_type
        elif request.body is not None:
            json = request.body
        url = self.url + request.path
        return client.build_request(request.verb, url, params=query, headers=headers, content=content, json=json)

    def _wait(self, request: Request, attempt: int, error: Exception) -> float:
        """How long to wait before it is tried again; raises what went wrong if it is not."""
        repeatable = request.verb == "GET" or request.keyed
        wait = _FIRST_WAIT_S * 2.0**attempt * (0.5 + random.random())
        if isinstance(error, ProblemError):
            repeatable = repeatable and error.status in _PASSING
            wait = wait if error.retry_after_s is None else error.retry_after_s
        if not repeatable or attempt >= self._retries or wait > _PATIENCE_S:
            raise error
        return wait


class Caller(_Base):
    """Waits for each answer. Close it, or use it in a `with`."""

    def __init__(
        self, url: str, token: str | None = None, *, retries: int = 2, timeout_s: float = 60.0, http: httpx.Client | None = None
    ) -> None:
        super().__init__(url, token, retries)
        self._http = http or httpx.Client(timeout=timeout_s)

    def __enter__(self) -> t.Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Closes its connections."""
        self._http.close()

    def _json(self, request: Request) -> t.Any:
        return self._send(request).json()

    def _bytes(self, request: Request) -> bytes:
        return self._send(request).content

    def _nothing(self, request: Request) -> None:
        self._send(request)

    def _send(self, request: Request) -> httpx.Response:
        built = self._request(request, self._http)
        attempt = 0
        while True:
            try:
                response = self._http.send(built)
                if response.is_success:
                    return response
                raise problem_of(response)
            except (httpx.TransportError, ProblemError) as error:
                time.sleep(self._wait(request, attempt, error))
            attempt += 1


class AsyncCaller(_Base):
    """The same, to be awaited."""

    def __init__(
        self, url: str, token: str | None = None, *, retries: int = 2, timeout_s: float = 60.0, http: httpx.AsyncClient | None = None
    ) -> None:
        super().__init__(url, token, retries)
        self._http = http or httpx.AsyncClient(timeout=timeout_s)

    async def __aenter__(self) -> t.Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.aclose()

    async def aclose(self) -> None:
        """Closes its connections."""
        await self._http.aclose()

    async def _json(self, request: Request) -> t.Any:
        return (await self._send(request)).json()

    async def _bytes(self, request: Request) -> bytes:
        return (await self._send(request)).content

    async def _nothing(self, request: Request) -> None:
        await self._send(request)

    async def _send(self, request: Request) -> httpx.Response:
        built = self._request(request, self._http)
        attempt = 0
        while True:
            try:
                response = await self._http.send(built)
                if response.is_success:
                    return response
                raise problem_of(response)
            except (httpx.TransportError, ProblemError) as error:
                await asyncio.sleep(self._wait(request, attempt, error))
            attempt += 1
