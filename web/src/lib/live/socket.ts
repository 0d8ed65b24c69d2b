/**
 * A live socket that stays open: it fetches a single-use ticket for each try, backs off with jitter, asks for what it
 * missed by `since`, and notices a dead line by itself.
 */
import { ApiError, liveTicket } from "../api";
import { auth } from "../auth.svelte";
import { parseFrame, type Frame, type GapData, type Hello } from "./frames";

export type LineStatus = "connecting" | "open" | "waiting";

interface Options {
  /** `/ws` or `/ws/ses_…`. */
  path: string;
  query?: Record<string, string>;
  /** Resume after this place in the session's log. */
  since?: number;
  onFrame: (frame: Frame) => void;
  onStatus: (status: LineStatus) => void;
  onGone?: () => void;
}

const FIRST_RETRY_MS = 500;
const LONGEST_RETRY_MS = 20_000;
/** A line that stays silent for this long after a ping is dead. */
const ANSWER_WITHIN_MS = 10_000;
/** The access token behind the socket ended: a new one is one call away. */
const TOKEN_EXPIRED = 4401;
/** The session was deleted: there is nothing to come back to. */
const GONE = 4404;

export class LiveSocket {
  #options: Options;
  #since: number | undefined;
  #socket: WebSocket | null = null;
  #closed = false;
  #failures = 0;
  #retry: ReturnType<typeof setTimeout> | undefined;
  #heartbeat: ReturnType<typeof setInterval> | undefined;
  #deadline: ReturnType<typeof setTimeout> | undefined;
  #hurry = () => this.#retryNow();

  constructor(options: Options) {
    this.#options = options;
    this.#since = options.since;
    addEventListener("online", this.#hurry);
    void this.#open();
  }

  close(): void {
    this.#closed = true;
    removeEventListener("online", this.#hurry);
    clearTimeout(this.#retry);
    this.#drop();
  }

  async #open(): Promise<void> {
    this.#options.onStatus("connecting");
    try {
      const { ticket } = await liveTicket();
      if (!this.#closed) this.#listen(ticket);
    } catch (error) {
      // Without a sign-in there is nothing to retry; the shell shows the sign-in page.
      if (error instanceof ApiError && error.status === 401 && auth.status !== "signed_in") return;
      this.#again();
    }
  }

  #listen(ticket: string): void {
    const url = new URL(this.#options.path, location.href);
    url.protocol = url.protocol.replace("http", "ws");
    url.hash = "";
    for (const [key, value] of Object.entries(this.#options.query ?? {})) url.searchParams.set(key, value);
    url.searchParams.set("ticket", ticket);
    if (this.#since !== undefined) url.searchParams.set("since", String(this.#since));

    const socket = new WebSocket(url);
    this.#socket = socket;
    socket.onopen = () => this.#options.onStatus("open");
    socket.onmessage = ({ data }) => {
      clearTimeout(this.#deadline);
      const frame = typeof data === "string" ? parseFrame(data) : null;
      if (frame) this.#take(frame);
    };
    socket.onclose = ({ code }) => {
      if (this.#socket !== socket) return;
      this.#drop();
      if (code === GONE) return this.#options.onGone?.();
      if (code === TOKEN_EXPIRED) this.#failures = 0;
      this.#again();
    };
  }

  #take(frame: Frame): void {
    if (frame.type === "pong") return;
    if (frame.type === "hello") {
      // Only a greeting proves that the line works; a proxy that accepts and closes must not reset the backoff.
      this.#failures = 0;
      this.#beat((frame.data as Hello).heartbeat_ms ?? 25_000);
    } else if (this.#since !== undefined) {
      // What a gap names has passed as well: it is not asked for again.
      const reached = frame.type === "gap" ? (frame.data as unknown as GapData).to : frame.seq;
      if (typeof reached === "number") {
        if (reached <= this.#since) return;
        this.#since = reached;
      }
    }
    this.#options.onFrame(frame);
  }

  /** Browsers hide the protocol's own pings, so the page sends one of its own and waits for any answer. */
  #beat(every: number): void {
    clearInterval(this.#heartbeat);
    this.#heartbeat = setInterval(() => {
      if (this.#socket?.readyState !== WebSocket.OPEN) return;
      this.#socket.send('{"type":"ping"}');
      clearTimeout(this.#deadline);
      this.#deadline = setTimeout(() => {
        this.#drop();
        this.#again();
      }, ANSWER_WITHIN_MS);
    }, every);
  }

  #drop(): void {
    clearInterval(this.#heartbeat);
    clearTimeout(this.#deadline);
    const socket = this.#socket;
    this.#socket = null;
    socket?.close();
  }

  #again(): void {
    if (this.#closed) return;
    this.#options.onStatus("waiting");
    const ceiling = Math.min(LONGEST_RETRY_MS, FIRST_RETRY_MS * 2 ** this.#failures++);
    clearTimeout(this.#retry);
    this.#retry = setTimeout(() => void this.#open(), ceiling / 2 + Math.random() * (ceiling / 2));
  }

  #retryNow(): void {
    if (this.#closed || this.#socket) return;
    clearTimeout(this.#retry);
    this.#failures = 0;
    void this.#open();
  }
}
