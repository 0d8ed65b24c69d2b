"""Links a session with a phone of the sandbox, follows its socket, sends, and receives by a signed webhook.

    WHARF_URL=http://localhost:8080 WHARF_TOKEN=wk_… SANDBOX_URL=http://127.0.0.1:8090/sandbox python quickstart.py
"""

from __future__ import annotations

import asyncio
import http.server
import os
import queue
import threading
import typing as t

import httpx

from wharf_client import (
    AsyncWharf,
    NotFoundError,
    WebhookBody,
    Wharf,
    follow,
    follow_async,
    paginate,
    verify_webhook,
)

ALICE, BOB = "491700000703", "491700000704"


def phone(number: str, does: str, body: dict[str, t.Any]) -> None:
    """What only the sandbox has: a phone that does as it is told. A real one is held by a person."""
    url = f"{os.environ['SANDBOX_URL']}/phones/{number}/{does}"
    httpx.post(url, json=body, trust_env=False).raise_for_status()


class Receiver(http.server.BaseHTTPRequestHandler):
    """Takes the webhook's requests."""

    secret: t.ClassVar[queue.Queue[str]] = queue.Queue()
    events: t.ClassVar[queue.Queue[WebhookBody]] = queue.Queue()

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["content-length"]))
        self.events.put(verify_webhook(self.secret.get(), dict(self.headers.items()), body))
        self.send_response(204)
        self.end_headers()

    def log_message(self, format: str, *args: t.Any) -> None:
        """Says nothing."""


def main(wharf: Wharf) -> None:
    session = wharf.create_session({"handle": "quickstart-py"})["id"]
    wharf.connect_session(session)

    # Links: the QR code comes over the socket.
    stream = follow(wharf, session=session)
    scanned = ""
    for frame in stream:
        # The code of the moment may be told twice: as what there is, and as what has just happened.
        if frame["type"] == "qr" and frame["data"]["code"] != scanned:
            scanned = frame["data"]["code"]
            phone(ALICE, "scan", {"qr": scanned})
        elif frame["type"] == "connected":
            print("connected as", frame["data"].get("phone"))
            break

    # Receives by webhook.
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Receiver)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    url = f"http://127.0.0.1:{server.server_port}/"
    webhook = wharf.create_webhook({"url": url, "types": ["message"], "sessions": [session]})
    Receiver.secret.put(webhook["secret"])
    phone(BOB, "messages", {"to": ALICE, "text": "ship ahoy"})
    event = Receiver.events.get(timeout=30)
    assert event["type"] == "message" and event["data"]["type"] == "text"
    print("webhook told", event["data"]["text"]["body"], "in", event["data"]["session"], "at", event["data"]["seq"])
    server.shutdown()

    # Sends; how far it comes is told by the socket, on which the message of the webhook is as well.
    sent = wharf.send_message(session, {"to": BOB, "type": "text", "text": {"body": "aye aye"}})
    for frame in stream:
        if frame["type"] == "message" and frame["data"]["type"] == "text":
            print("socket told", frame["data"]["text"]["body"])
        if frame["type"] == "message.ack" and frame["data"]["message_id"] == sent["message_id"]:
            if frame["data"]["ack"] >= 1:
                print("acknowledged", frame["data"]["ack_name"])
                break
    stream.close()

    # Lists, page by page; refusals are exceptions with a code.
    print("listed", len(list(paginate(lambda cursor: wharf.list_messages(session, limit=1, cursor=cursor)))))
    asyncio.run(again(session))
    wharf.delete_session(session)
    try:
        wharf.get_session(session)
    except NotFoundError as error:
        print("refused", error.code)


async def again(session: str) -> None:
    """The same with `await`: the log from its beginning."""
    async with AsyncWharf(os.environ["WHARF_URL"], os.environ["WHARF_TOKEN"]) as wharf:
        async for frame in follow_async(wharf, session=session, since=0, types=["message"]):
            if frame["type"] == "message" and frame["data"]["type"] == "text":
                print("log told", frame["data"]["text"]["body"])
                break


if __name__ == "__main__":
    with Wharf(os.environ["WHARF_URL"], os.environ["WHARF_TOKEN"]) as client:
        main(client)
