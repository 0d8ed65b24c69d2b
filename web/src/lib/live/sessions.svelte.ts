/** The list of one's own sessions, kept true by one socket for all of them. */
import { asApiError, sessions, type ApiError, type Session, type SessionState } from "../api";
import { announcer } from "../announce.svelte";
import { stateWords } from "../words";
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
  #socket: LiveSocket;
  #next: string | null = null;
  more = $state(false);
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
    try {
      const page = await sessions.list();
      this.items = page.data;
      this.#turn(page.next_cursor);
      this.error = null;
      this.loaded = true;
    } catch (error) {
      this.error = asApiError(error);
    }
  }

  async loadMore(): Promise<void> {
    if (!this.#next) return;
    try {
      const page = await sessions.list(this.#next);
      this.items.push(...page.data);
      this.#turn(page.next_cursor);
    } catch (error) {
      this.error = asApiError(error);
    }
  }

  #turn(next: string | null): void {
    this.#next = next;
    this.more = next !== null;
  }

  #take(frame: Frame): void {
    // After each greeting the list is read afresh: what happened while the line was down is in it.
    if (frame.type === "hello") return void this.load();
    const state = stateAfter(frame);
    if (!state) return;
    const item = this.items.find((session) => session.id === frame.session);
    if (!item) return this.#loadSoon();
    if (item.state !== state) announcer.say(`${item.name ?? item.handle}: ${stateWords(state).label}`);
    item.state = state;
    item.reason = (frame.data as ReasonData).reason ?? null;
    // The rest (phone number, name, since when) is in the session itself.
    if (frame.type === "success" || frame.type === "connected") this.#loadSoon();
  }

  #loadSoon(): void {
    clearTimeout(this.#reload);
    this.#reload = setTimeout(() => void this.load(), 200);
  }
}
