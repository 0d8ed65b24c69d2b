// One client of Baileys, steered by lines of JSON.
//
// Reads {"id", "do", …} from stdin and answers {"answer": id, "ok"} or {"answer": id, "error"}; tells what happens as
// {"event", "data"}. Judges nothing: tests/it/baileys does. TEST_BAILEYS names the folder that Baileys is installed in.

import { createHash, randomBytes } from "node:crypto";
import { Agent } from "node:http";
import { createInterface } from "node:readline";
import { createRequire } from "node:module";

const require = createRequire(`${process.env.TEST_BAILEYS}/package.json`);
const baileys = await import(require.resolve("baileys"));
const { default: pino } = await import(require.resolve("pino"));
// The Signal library that Baileys uses talks to the console; stdout is for answers.
for (const name of ["log", "info"]) console[name] = console.error;
const { makeWASocket, proto, WA_CERT_DETAILS, jidNormalizedUser } = baileys;

const logger = pino({ level: process.env.BAILEYS_LOG ?? "error" }, pino.destination(2));

// The sandbox serves files on its one listener, which speaks no TLS, and names them as WhatsApp does: https.
const plain = new Agent();
plain.protocol = "https:";
const fetchOf = globalThis.fetch;
globalThis.fetch = (url, options) => fetchOf(String(url).replace(/^https:/, "http:"), options);

function write(line) {
  process.stdout.write(`${JSON.stringify(line, (_, value) => plainly(value))}\n`);
}

function plainly(value) {
  if (value?.type === "Buffer") return Buffer.from(value.data).toString("base64");
  if (value instanceof Uint8Array) return Buffer.from(value).toString("base64");
  if (value instanceof Error) return value.message;
  return value;
}

/** Keys that live as long as the process. */
function memory() {
  const kept = new Map();
  const keys = {
    get: async (type, ids) => {
      const found = ids.map((id) => [id, kept.get(`${type} ${id}`)]);
      return Object.fromEntries(found.filter(([, value]) => value !== undefined));
    },
    set: async (data) => {
      for (const [type, values] of Object.entries(data)) {
        for (const [id, value] of Object.entries(values)) {
          if (value) kept.set(`${type} ${id}`, value);
          else kept.delete(`${type} ${id}`);
        }
      }
    },
  };
  return { creds: baileys.initAuthCreds(), keys };
}

const auth = memory();
/** What was sent and received, by id: Baileys asks for it to repeat a message, votes need the poll's secret. */
const messages = new Map();
let socket;
let url;

function connect() {
  socket = makeWASocket({
    auth,
    logger,
    waWebSocketUrl: url,
    fetchAgent: plain,
    qrTimeout: 60_000,
    // Else it waits for the phone's history before it tells of anything.
    shouldSyncHistoryMessage: () => false,
    getMessage: async (key) => messages.get(key.id)?.message,
  });
  socket.ev.on("connection.update", (update) => {
    write({ event: "connection", data: update });
    // After linking, the server asks every client to come again.
    const code = update.lastDisconnect?.error?.output?.statusCode;
    if (update.connection === "close" && code === baileys.DisconnectReason.restartRequired) connect();
  });
  socket.ev.on("creds.update", (update) => Object.assign(auth.creds, update));
  socket.ev.on("messages.upsert", ({ messages: arrived, type }) => {
    for (const message of arrived) told(message, type);
  });
  for (const name of ["messages.update", "messages.reaction", "message-receipt.update"]) {
    socket.ev.on(name, (all) => all.forEach((one) => write({ event: name, data: one })));
  }
  for (const name of ["groups.upsert", "group-participants.update", "groups.update"]) {
    socket.ev.on(name, (data) => write({ event: name, data }));
  }
}

function told(message, type) {
  messages.set(message.key.id, message);
  const content = message.message && proto.Message.toObject(message.message, { longs: Number });
  const data = { type, key: message.key, status: message.status, message: content };
  if (content?.pollUpdateMessage) data.votes = opened(message);
  write({ event: "message", data });
  // What it learned while it held a message back is part of the message, not an event.
  const { key, status, userReceipt = [] } = message;
  if (key.fromMe) write({ event: "messages.update", data: { key, update: { status } } });
  for (const receipt of userReceipt) write({ event: "message-receipt.update", data: { key, receipt } });
}

/** Who wrote a message, as votes are bound to it. */
function author(key) {
  return jidNormalizedUser(key.fromMe ? socket.user.lid : (key.participant || key.remoteJid));
}

function secretOf(poll) {
  return poll.message.messageContextInfo.messageSecret;
}

function nameOf(option) {
  return createHash("sha256").update(option).digest();
}

/** The names of the options that somebody voted for. */
function opened(message) {
  const { pollCreationMessageKey: about, vote } = message.message.pollUpdateMessage;
  const poll = messages.get(about.id);
  const { selectedOptions } = baileys.decryptPollVote(vote, {
    pollCreatorJid: author(poll.key),
    pollMsgId: about.id,
    pollEncKey: secretOf(poll),
    voterJid: author(message.key),
  });
  const content = baileys.normalizeMessageContent(poll.message);
  const { options } = content.pollCreationMessage ?? content.pollCreationMessageV3;
  const chosen = selectedOptions.map((hash) => Buffer.from(hash).toString("hex"));
  return options.map((one) => one.optionName).filter((name) => chosen.includes(nameOf(name).toString("hex")));
}

/** A vote; Baileys opens them, and leaves it to others to make them. */
function vote(poll, options) {
  const voter = author({ fromMe: true });
  const { id } = poll.key;
  const context = Buffer.concat([Buffer.from(`${id}${author(poll.key)}${voter}Poll Vote`), Buffer.from([1])]);
  const key = baileys.hmacSign(context, baileys.hmacSign(secretOf(poll), new Uint8Array(32)));
  const chosen = proto.Message.PollVoteMessage.encode({ selectedOptions: options.map(nameOf) }).finish();
  const iv = randomBytes(12);
  const sealed = baileys.aesEncryptGCM(chosen, key, iv, Buffer.from(`${id}\u0000${voter}`));
  return proto.Message.fromObject({
    pollUpdateMessage: {
      pollCreationMessageKey: poll.key,
      vote: { encPayload: sealed, encIv: iv },
      senderTimestampMs: Date.now(),
    },
  });
}

const verbs = {
  async connect(asked) {
    if (asked.root_key) WA_CERT_DETAILS.PUBLIC_KEY = Buffer.from(asked.root_key, "hex");
    url = asked.url;
    connect();
  },
  async pair_code({ phone }) {
    return { code: await socket.requestPairingCode(phone) };
  },
  async send({ to, content }) {
    if (content.image) content.image = Buffer.from(content.image, "base64");
    const sent = await socket.sendMessage(to, content);
    messages.set(sent.key.id, sent);
    return { key: sent.key };
  },
  async vote({ poll, options }) {
    const about = messages.get(poll);
    const id = await socket.relayMessage(about.key.remoteJid, vote(about, options), {});
    return { id };
  },
  async read({ message_id }) {
    await socket.readMessages([messages.get(message_id).key]);
  },
  async download({ message_id }) {
    const bytes = await baileys.downloadMediaMessage(messages.get(message_id), "buffer", {});
    return { size: bytes.length, sha256: createHash("sha256").update(bytes).digest("hex") };
  },
  async create_group({ subject, participants }) {
    return { id: (await socket.groupCreate(subject, participants)).id };
  },
};

for await (const line of createInterface({ input: process.stdin })) {
  const asked = JSON.parse(line);
  // Not awaited: what one asks for may wait for what the next one does.
  verbs[asked.do](asked).then(
    (ok) => write({ answer: asked.id, ok: ok ?? {} }),
    (error) => write({ answer: asked.id, error: String(error?.stack ?? error) }),
  );
}
process.exit(0);
