/**
 * Links a session with a phone of the sandbox, follows its socket, sends, and receives by a signed webhook.
 *
 *     WHARF_URL=http://localhost:8080 WHARF_TOKEN=wk_… SANDBOX_URL=http://127.0.0.1:8090/sandbox node quickstart.js
 */
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import process from "node:process";
import { follow, NotFoundError, paginate, verifyWebhook, Wharf, type WebhookBody } from "wharf-client";

const env = (name: string): string => process.env[name] ?? (() => { throw new Error(`${name} is not set`); })();
const wharf = new Wharf({ url: env("WHARF_URL"), token: env("WHARF_TOKEN") });
const ALICE = "491700000701";
const BOB = "491700000702";

/** What only the sandbox has: a phone that does as it is told. A real one is held by a person. */
async function phone(number: string, does: string, body: unknown): Promise<void> {
  const answer = await fetch(`${env("SANDBOX_URL")}/phones/${number}/${does}`, {
    method: "POST",
    headers: { "content-type": "application/json" },
    body: JSON.stringify(body),
  });
  if (!answer.ok) throw new Error(`${does}: ${answer.status} ${await answer.text()}`);
}

// Links: the QR code comes over the socket.
const session = await wharf.createSession({ handle: "quickstart-ts" });
await wharf.connectSession(session.id);
const stream = follow(wharf, { session: session.id, onReconnect: (code) => console.log("reconnect", code) });
let scanned = "";
for await (const frame of paused(stream)) {
  // The code of the moment may be told twice: as what there is, and as what has just happened.
  if (frame.type === "qr" && frame.data.code !== scanned) {
    scanned = frame.data.code;
    await phone(ALICE, "scan", { qr: scanned });
  }
  if (frame.type === "connected") {
    console.log("connected as", frame.data.phone);
    break;
  }
}

// Receives by webhook.
let secret = "";
const posted = new Promise<WebhookBody>((resolve, reject) => {
  const server = createServer((request, response) => {
    const chunks: Buffer[] = [];
    request.on("data", (chunk: Buffer) => chunks.push(chunk));
    request.on("end", () => {
      verifyWebhook(secret, request.headers, Buffer.concat(chunks).toString()).then(resolve, reject);
      response.writeHead(204).end();
      server.close();
    });
  });
  server.listen(0, "127.0.0.1", () => {
    const { port } = server.address() as AddressInfo;
    wharf
      .createWebhook({ url: `http://127.0.0.1:${port}/`, types: ["message"], sessions: [session.id] })
      .then((webhook) => (secret = webhook.secret))
      .then(() => phone(BOB, "messages", { to: ALICE, text: "ship ahoy" }))
      .catch(reject);
  });
});
const event = await posted;
if (event.type !== "message" || event.data.type !== "text") throw new Error(`unexpected: ${event.type}`);
console.log("webhook told", event.data.text.body, "in", event.data.session, "at", event.data.seq);

// Sends; how far it comes is told by the socket, on which the message of the webhook is as well.
const sent = await wharf.sendMessage(session.id, { to: BOB, type: "text", text: { body: "aye aye" } });
for await (const frame of paused(stream)) {
  if (frame.type === "message" && frame.data.type === "text") console.log("socket told", frame.data.text.body);
  if (frame.type === "message.ack" && frame.data.message_id === sent.message_id && frame.data.ack >= 1) {
    console.log("acknowledged", frame.data.ack_name);
    break;
  }
}
await stream.return();

// Lists, page by page; refusals are errors with a code.
let count = 0;
for await (const message of paginate((cursor) => wharf.listMessages(session.id, { limit: 1, cursor }))) {
  count += message.message_id ? 1 : 0;
}
console.log("listed", count);
await wharf.deleteSession(session.id);
const gone = await wharf.getSession(session.id).catch((error: unknown) => error);
console.log("refused", gone instanceof NotFoundError ? gone.code : gone);

/** A loop that ends does not end the stream. */
async function* paused<T>(stream: AsyncGenerator<T>): AsyncGenerator<T> {
  for (let next = await stream.next(); !next.done; next = await stream.next()) yield next.value;
}
