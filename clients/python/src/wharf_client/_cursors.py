"""How far each session was handed over, and where a socket is opened. Both kinds of client use it."""

from __future__ import annotations

import random
import typing as t
import urllib.parse

from ._generated.models import EventType, Frame
from .errors import SocketClosedError

#: The session is deleted.
GONE = 4404
#: The server says that this side is at fault: again would be the same.
_OUR_FAULT = frozenset({1002, 1003, 1007, 1008, 1009})
#: Cursors that one opening may name.
_CURSORS_MAX = 1000
_FIRST_WAIT_S = 0.25
_LONGEST_WAIT_S = 30.0
#: Heard nothing for so many heartbeats: the line is dead.
DEAF_AFTER_S = 60.0


class Cursors:
    """The last `seq` of each session that was handed over."""

    def __init__(
        self,
        session: str | None,
        sessions: t.Sequence[str] | None,
        types: t.Sequence[EventType] | None,
        since: int | t.Mapping[str, int] | None,
    ) -> None:
        if since is not None and isinstance(since, int) != (session is not None):
            raise ValueError("`since` is a number for one session, and a number for each of many")
        self._session = session
        self._sessions = sessions
        self._types = types
        self._last = since if isinstance(since, int) else None
        self._reached: dict[str, int] = {} if since is None or isinstance(since, int) else dict(since)
        self.failures = 0
        self.greeted = False

    @property
    def session(self) -> str | None:
        """The one session that is followed, if it is one."""
        return self._session

    def address(self, base: str, ticket: str) -> str:
        """Where the socket is opened, to go on where it was."""
        path = "/ws" if self._session is None else f"/ws/{urllib.parse.quote(self._session, safe='')}"
        query = {"ticket": ticket}
        if self._types is not None:
            query["types"] = ",".join(self._types)
        if self._sessions is not None and self._session is None:
            query["sessions"] = ",".join(self._sessions)
        since = self._since()
        if since is not None:
            query["since"] = since
        return f"{base.replace('http', 'ws', 1)}{path}?{urllib.parse.urlencode(query)}"

    def _since(self) -> str | None:
        if self._session is not None:
            return None if self._last is None else str(self._last)
        named = [f"{session}:{seq}" for session, seq in self._reached.items()][-_CURSORS_MAX:]
        return ",".join(named) or None

    def take(self, frame: Frame) -> None:
        """A frame is handed over."""
        self.failures = 0
        if frame["type"] == "hello":
            self.greeted = True
            # A stream that starts now has everything until now behind it.
            if self._last is None:
                self._last = frame["data"].get("last_seq")
            for one in frame["data"].get("sessions") or []:
                self._reached.setdefault(one["session"], one["last_seq"])
        elif frame["type"] == "gap":
            self._reach(frame["session"], frame["data"]["to"])
        elif frame["type"] != "pong":
            self._reach(frame["session"], frame["seq"])

    def _reach(self, session: str | None, seq: int | None) -> None:
        if session is None or seq is None:
            return
        self._last = max(seq, self._last or 0)
        # The latest stand at the end.
        self._reached.pop(session, None)
        self._reached[session] = seq

    def keep(self, there: t.Collection[str]) -> None:
        """Forgets sessions that are there no more."""
        self._reached = {session: seq for session, seq in self._reached.items() if session in there}

    def closed(self, code: int, reason: str) -> float | None:
        """How long to wait before the next connection; nothing if there is none to make."""
        if code == GONE:
            return None
        if code in _OUR_FAULT:
            raise SocketClosedError(f"the service has closed the socket: {code} {reason}")
        wait: float = min(_FIRST_WAIT_S * 2.0**self.failures, _LONGEST_WAIT_S) * (0.5 + random.random() / 2)
        self.failures += 1
        return wait
