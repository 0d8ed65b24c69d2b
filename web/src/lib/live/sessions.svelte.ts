/** The list of one's own sessions, kept true by one socket for all of them. */
import { asApiError, sessions, type ApiError, type Session } from "../api";
import { announcer } from "../announce.svelte";
import { stateWords, type SessionState } from "../words";
import { LIFECYCLE, type Frame, type ReasonData } from "./frames";
import { LiveSocket, type LineStatus } from "./socket";

/** The state that a frame tells, for those that tell one. */
const STATE_AFTER: Record<string, SessionState> = {
  qr: "need_scan",
  success: "connecting",
  connected: "connected",
  disconnected: "disconnected",
  logged_out: "logged_out",
  degraded: "degraded",
  qr_timeout: "expired",
};

export function stateAfter(frame: Frame): SessionState | undefined {
  return STATE_AFTER[frame.type];
}

export class SessionList {
  items = $state<Session[]>([]);
  loaded = $state(false);
  error = $state<ApiError | null>(null);
  line = $state<LineStatus>("connecting");
  /** Whether there are further pages. */
  more = $state(false);
  #socket: LiveSocket;
  #pages = 1;
  #version = 0;
  #reload: ReturnType<typeof setTimeout> | undefined;

  constructor() {
    this.#socket = new LiveSocket({
      path: "/ws",
      query: { types: LIFECYCLE.join(",") },
      onFrame: (frame) => this.#take(frame),
      onStatus: (status) => (this.line = status),
    });
  }

  close(): void {
    clearTimeout(this.#reload);
    this.#socket.close();
  }

  async load(): Promise<void> {
    const version = this.#version;
    try {
      // As many pages as are shown: a reload must not fold the list up.
      const items: Session[] = [];
      let next: string | null = null;
      for (let page = 0; page === 0 || (next && page < this.#pages); page += 1) {
        const { data, next_cursor } = await sessions.list(next ?? undefined);
        items.push(...data);
        next = next_cursor ?? null;
      }
      this.items = items;
      this.more = next !== null;
      this.error = null;
      this.loaded = true;
    } catch (error) {
      this.error = asApiError(error);
    }
    // What the socket told meanwhile may be newer than the answer.
    if (version !== this.#version) this.#loadSoon();
  }

  async loadMore(): Promise<void> {
    this.#pages += 1;
    await this.load();
  }

  #take(frame: Frame): void {
    // After each greeting the list is read afresh: what happened while the line was down is in it.
    if (frame.type === "hello") return void this.load();
    const state = stateAfter(frame);
    if (!state) return;
    this.#version += 1;
    const item = this.items.find((session) => session.id === frame.session);
    if (!item) return this.#loadSoon();
    if (item.state !== state) announcer.say(`${item.name ?? item.handle}: ${stateWords(state).label}`);
    item.state = state;
    item.reason = (frame.data as ReasonData).reason ?? null;
    // The rest (phone number, name, since when) is in the session itself.
    if (frame.type === "success" || frame.type === "connected") this.#loadSoon();
  }

  #loadSoon(): void {
    // Not put off by further news: a busy service would never be read.
    this.#reload ??= setTimeout(() => {
      this.#reload = undefined;
      void this.load();
    }, 500);
  }
}
