/**
 * The socket: frames as they come, typed; a broken line is made again and goes on where it was.
 *
 * What is kept is the last `seq` of each session that was handed over. Nothing is told twice and nothing is left out; what
 * the log no longer holds comes as a `gap`.
 */
import type { Operations } from "./generated/operations.js";
import type { EventType, Frame } from "./generated/models.js";
import { pause, type CallOptions } from "./caller.js";
import { ProblemError, RateLimitedError, ServerError } from "./errors.js";
import { paginate } from "./pagination.js";

export interface FollowOptions {
  /** One session, by id or handle. */
  session?: string;
  /** Or some of them; without either, all that the credential may see, also those to come. */
  sessions?: readonly string[];
  types?: readonly EventType[];
  /** Go on after this `seq`; of many sessions, after that of each, by id. Without it, the stream starts now. */
  since?: number | Readonly<Record<string, number>>;
  signal?: AbortSignal;
  /** Told each time the line has broken and is made again. */
  onReconnect?: (closeCode: number) => void;
  /** For Node before 22, which has none unless it is started with `--experimental-websocket`. */
  webSocket?: typeof WebSocket;
  /** Where a ticket comes from, if this side has no credential that makes one. */
  ticket?: () => Promise<string>;
}

/** Frames that wait for a reader; a slower one is served from the log. */
const QUEUE_MAX = 1000;
/** Cursors that one opening may name. */
const CURSORS_MAX = 1000;
const HEARTBEAT_MS = 25_000;
const FIRST_WAIT_MS = 250;
const LONGEST_WAIT_MS = 30_000;
const SESSION_DELETED = 4404;
/** The server says that this side is at fault: again would be the same. */
const OUR_FAULT = new Set([1002, 1003, 1007, 1008, 1009]);

/** Every frame from now on, or after `since`. It ends when the session is deleted, and throws when the credential ends. */
export async function* follow(wharf: Operations, options: FollowOptions = {}): AsyncGenerator<Frame, void, undefined> {
  const cursors = new Cursors(options);
  const call = { signal: options.signal };
  for (let failures = 0; ; failures += 1) {
    options.signal?.throwIfAborted();
    let line: Line | null = null;
    try {
      const ticket = options.ticket ? await options.ticket() : (await wharf.createWsTicket(call)).ticket;
      line = new Line(address(wharf.url, ticket, options, cursors), options);
      for await (const frame of line.frames()) {
        failures = 0;
        cursors.take(frame);
        yield frame;
      }
      // A refused handshake says nothing to a page; a plain request says why, and throws.
      if (!line.greeted && !line.gone) await cursors.check(wharf, call);
    } catch (error) {
      if (!passes(error)) throw error;
    } finally {
      line?.close();
    }
    options.signal?.throwIfAborted();
    if (line?.gone) return;
    if (line && OUR_FAULT.has(line.code)) throw new Error(`the service has closed the socket: ${line.code} ${line.reason}`);
    options.onReconnect?.(line?.code ?? 1006);
    if (line?.behind) continue;
    await pause(Math.min(FIRST_WAIT_MS * 2 ** failures, LONGEST_WAIT_MS) * (0.5 + Math.random() / 2), options.signal);
  }
}

/** Whether it may go well a moment later: nobody answered, or the service could not. */
function passes(error: unknown): boolean {
  if (error instanceof ProblemError) return error instanceof ServerError || error instanceof RateLimitedError;
  return error instanceof TypeError || (error instanceof DOMException && error.name === "TimeoutError");
}

function address(base: string, ticket: string, options: FollowOptions, cursors: Cursors): string {
  const path = options.session === undefined ? "/ws" : `/ws/${encodeURIComponent(options.session)}`;
  const url = new URL(base.replace(/^http/, "ws") + path);
  url.searchParams.set("ticket", ticket);
  if (options.types) url.searchParams.set("types", options.types.join(","));
  if (options.sessions && options.session === undefined) url.searchParams.set("sessions", options.sessions.join(","));
  const since = cursors.since();
  if (since !== null) url.searchParams.set("since", since);
  return url.href;
}

/** How far each session was handed over. */
class Cursors {
  readonly #one: string | null;
  readonly #reached = new Map<string, number>();
  #last: number | null = null;

  constructor(options: FollowOptions) {
    this.#one = options.session ?? null;
    if (options.since !== undefined && (typeof options.since === "number") !== (this.#one !== null))
      throw new TypeError("`since` is a number for one session, and a number for each of many");
    if (typeof options.since === "number") this.#last = options.since;
    else for (const [session, seq] of Object.entries(options.since ?? {})) this.#reached.set(session, seq);
  }

  take(frame: Frame): void {
    switch (frame.type) {
      case "hello":
        // A stream that starts now has everything until now behind it.
        this.#last ??= frame.data.last_seq ?? null;
        for (const one of frame.data.sessions ?? []) {
          if (!this.#reached.has(one.session)) this.#reached.set(one.session, one.last_seq);
        }
        return;
      case "gap":
        return this.#reach(frame.session, frame.data.to);
      case "pong":
        return;
      default:
        this.#reach(frame.session, frame.seq);
    }
  }

  #reach(session: string | null, seq: number | null): void {
    if (seq === null || session === null) return;
    this.#last = Math.max(seq, this.#last ?? 0);
    // The latest stand at the end.
    this.#reached.delete(session);
    this.#reached.set(session, seq);
  }

  since(): string | null {
    if (this.#one !== null) return this.#last === null ? null : String(this.#last);
    const named = [...this.#reached].slice(-CURSORS_MAX).map(([session, seq]) => `${session}:${seq}`);
    return named.length ? named.join(",") : null;
  }

  /** Finds out why a handshake was refused; forgets sessions that are there no more. */
  async check(wharf: Operations, call: CallOptions): Promise<void> {
    if (this.#one !== null) {
      await wharf.getSession(this.#one, call);
      return;
    }
    const there = new Set<string>();
    for await (const session of paginate((cursor) => wharf.listSessions({ ...call, limit: 200, cursor }))) {
      there.add(session.id);
      there.add(session.handle);
    }
    for (const session of this.#reached.keys()) if (!there.has(session)) this.#reached.delete(session);
  }
}

/** One connection. */
class Line {
  code = 1006;
  reason = "";
  greeted = false;
  /** The session is deleted. */
  get gone(): boolean {
    return this.code === SESSION_DELETED;
  }
  /** The reader was too slow, so that the rest is read from the log. */
  behind = false;
  readonly #socket: WebSocket;
  readonly #queue: Frame[] = [];
  readonly #signal: AbortSignal | undefined;
  #ended = false;
  #wake: () => void = () => {};
  #heardAt = Date.now();
  #pulse: ReturnType<typeof setInterval>;
  readonly #stop = () => this.#end(1000, "");

  constructor(url: string, options: FollowOptions) {
    const Socket = options.webSocket ?? globalThis.WebSocket;
    if (Socket === undefined) throw new Error("no WebSocket here: pass one as `webSocket`, or start Node with --experimental-websocket");
    this.#signal = options.signal;
    this.#signal?.addEventListener("abort", this.#stop, { once: true });
    this.#socket = new Socket(url);
    this.#socket.onmessage = (message) => this.#take(String(message.data));
    this.#socket.onclose = (close) => this.#end(close.code, close.reason);
    this.#socket.onerror = () => {};
    this.#pulse = setInterval(() => this.#beat(HEARTBEAT_MS), HEARTBEAT_MS);
  }

  async *frames(): AsyncGenerator<Frame, void, undefined> {
    for (;;) {
      const next = this.#queue.shift();
      if (next) yield next;
      else if (this.#ended) return;
      else await new Promise<void>((resolve) => (this.#wake = resolve));
    }
  }

  close(): void {
    this.#end(1000, "");
  }

  #take(text: string): void {
    this.#heardAt = Date.now();
    if (this.#ended) return;
    const frame = JSON.parse(text) as Frame;
    if (frame.type === "hello") {
      this.greeted = true;
      clearInterval(this.#pulse);
      this.#pulse = setInterval(() => this.#beat(frame.data.heartbeat_ms), frame.data.heartbeat_ms);
    }
    if (this.#queue.length >= QUEUE_MAX) {
      this.behind = true;
      this.#end(1000, "");
      return;
    }
    this.#queue.push(frame);
    this.#wake();
  }

  /** Pings that the server sends are not seen here, so this side asks. */
  #beat(everyMs: number): void {
    if (Date.now() - this.#heardAt > 2.5 * everyMs) this.#end(1006, "nothing is heard");
    else if (this.#socket.readyState === this.#socket.OPEN) this.#socket.send('{"type":"ping"}');
  }

  #end(code: number, reason: string): void {
    if (this.#ended) return;
    this.#ended = true;
    this.code = code;
    this.reason = reason;
    clearInterval(this.#pulse);
    this.#signal?.removeEventListener("abort", this.#stop);
    this.#socket.close(1000);
    this.#wake();
  }
}
