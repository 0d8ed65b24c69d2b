"""Lists, page after page."""

from __future__ import annotations

import typing as t

T = t.TypeVar("T")


class PageOf(t.TypedDict, t.Generic[T]):
    """A page of any list."""

    data: list[T]
    next_cursor: t.NotRequired[str | None]


def paginate(page: t.Callable[[str | None], PageOf[T]]) -> t.Iterator[T]:
    """Every entry of a list: `for session in paginate(lambda cursor: wharf.list_sessions(cursor=cursor))`.

    A page is asked for when the one before has been read.
    """
    cursor: str | None = None
    while True:
        got = page(cursor)
        yield from got["data"]
        cursor = got.get("next_cursor")
        if cursor is None:
            return


async def paginate_async(page: t.Callable[[str | None], t.Awaitable[PageOf[T]]]) -> t.AsyncIterator[T]:
    """The same, of an `AsyncWharf`."""
    cursor: str | None = None
    while True:
        got = await page(cursor)
        for entry in got["data"]:
            yield entry
        cursor = got.get("next_cursor")
        if cursor is None:
            return
