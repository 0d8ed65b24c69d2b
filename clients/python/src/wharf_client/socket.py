"""The socket: frames as they come, typed; a broken line is made again and goes on where it was.

What is kept is the last `seq` of each session that was handed over. Nothing is told twice and nothing is left out; what the
log no longer holds comes as a `gap`. A reader that is slow makes the service wait, and then read from the log.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import time
import typing as t

import httpx
import websockets.asyncio.client
import websockets.exceptions
import websockets.sync.client

from ._cursors import DEAF_AFTER_S, Cursors
from ._generated.models import EventType, Frame
from ._generated.operations import AsyncOperations, Operations
from .errors import RateLimitedError, ServerError
from .pagination import paginate, paginate_async

#: What may go well a moment later: nobody answered, or the service could not.
_PASSING = (httpx.TransportError, ServerError, RateLimitedError)
_BROKEN = (*_PASSING, OSError, TimeoutError, websockets.exceptions.WebSocketException)


def _end(error: Exception) -> tuple[int, str]:
    """The code and the reason of a close."""
    if isinstance(error, websockets.exceptions.ConnectionClosed) and error.rcvd is not None:
        return error.rcvd.code, error.rcvd.reason
    return 1006, ""


def follow(
    wharf: Operations,
    *,
    session: str | None = None,
    sessions: t.Sequence[str] | None = None,
    types: t.Sequence[EventType] | None = None,
    since: int | t.Mapping[str, int] | None = None,
) -> t.Generator[Frame, None, None]:
    """Every frame of one session, of some, or of all; from now on, or after `since`.

    It ends when the session is deleted, and raises when the credential ends.
    """
    cursors = Cursors(session, sessions, types, since)
    while True:
        cursors.greeted = False
        code, reason = 1006, ""
        try:
            ticket = wharf.create_ws_ticket()["ticket"]
            with websockets.sync.client.connect(
                cursors.address(wharf.url, ticket), max_size=None, proxy=None, ping_interval=None, close_timeout=1
            ) as line:
                while True:
                    # The service pings at each heartbeat, which is not seen here: so it is asked for something that is.
                    try:
                        text = line.recv(timeout=DEAF_AFTER_S / 2)
                    except TimeoutError:
                        line.send('{"type":"ping"}')
                        text = line.recv(timeout=DEAF_AFTER_S / 2)
                    frame = t.cast(Frame, json.loads(text))
                    cursors.take(frame)
                    yield frame
        except _BROKEN as error:
            code, reason = _end(error)
        wait = cursors.closed(code, reason)
        if wait is None:
            return
        if not cursors.greeted:
            with contextlib.suppress(*_PASSING):
                _check(wharf, cursors)
        time.sleep(wait)


def _check(wharf: Operations, cursors: Cursors) -> None:
    """A refused handshake is asked about with a plain request, which says why, and raises."""
    if cursors.session is not None:
        wharf.get_session(cursors.session)
        return
    known = paginate(lambda cursor: wharf.list_sessions(limit=200, cursor=cursor))
    cursors.keep({name for one in known for name in (one["id"], one["handle"])})


async def follow_async(
    wharf: AsyncOperations,
    *,
    session: str | None = None,
    sessions: t.Sequence[str] | None = None,
    types: t.Sequence[EventType] | None = None,
    since: int | t.Mapping[str, int] | None = None,
) -> t.AsyncGenerator[Frame, None]:
    """The same, of an `AsyncWharf`."""
    cursors = Cursors(session, sessions, types, since)
    while True:
        cursors.greeted = False
        code, reason = 1006, ""
        try:
            ticket = (await wharf.create_ws_ticket())["ticket"]
            async with websockets.asyncio.client.connect(
                cursors.address(wharf.url, ticket), max_size=None, proxy=None, ping_interval=25, ping_timeout=25, close_timeout=1
            ) as line:
                async for text in line:
                    frame = t.cast(Frame, json.loads(text))
                    cursors.take(frame)
                    yield frame
                code, reason = line.close_code or 1006, line.close_reason or ""
        except _BROKEN as error:
            code, reason = _end(error)
        wait = cursors.closed(code, reason)
        if wait is None:
            return
        if not cursors.greeted:
            with contextlib.suppress(*_PASSING):
                await _check_async(wharf, cursors)
        await asyncio.sleep(wait)


async def _check_async(wharf: AsyncOperations, cursors: Cursors) -> None:
    if cursors.session is not None:
        await wharf.get_session(cursors.session)
        return
    known = paginate_async(lambda cursor: wharf.list_sessions(limit=200, cursor=cursor))
    cursors.keep({name async for one in known for name in (one["id"], one["handle"])})
