/** One session, live: its state, the QR or pair code of the moment, and the last events. */
import { asApiError, sessions, type ApiError, type Session, type SessionAction } from "../api";
import { announcer } from "../announce.svelte";
import { clock } from "../clock.svelte";
import { stateWords, type SessionState } from "../words";
import type { AckData, Frame, GapData, Hello, PairCodeData, QrData, ReasonData } from "./frames";
import { EventLog } from "./log.svelte";
import { stateAfter } from "./sessions.svelte";
import { LiveSocket, type LineStatus } from "./socket";

/** How many past events are shown on opening. */
const HISTORY = 50;

export interface ShownQr extends QrData {
  issuedAt: number;
}

export class LiveSession {
  session = $state<Session | null>(null);
  qr = $state<ShownQr | null>(null);
  pairCode = $state<PairCodeData | null>(null);
  /** The last events. */
  readonly log = new EventLog();
  /** How far each message that was sent from here has come. */
  acks = $state<Record<string, number>>({});
  line = $state<LineStatus>("connecting");
  /** The last `error` event, until the state changes. */
  fault = $state<string | null>(null);
  error = $state<ApiError | null>(null);
  readonly id: string;
  #socket: LiveSocket | null = null;
  #closed = false;
  /** Frames up to here are the past: they are listed, but they move nothing. */
  #pastUntil = 0;
  #reload: ReturnType<typeof setTimeout> | undefined;
  /** Counts what the socket told: an answer that was on its way meanwhile is older than that. */
  #version = 0;

  constructor(id: string) {
    this.id = id;
    void this.open();
  }

  close(): void {
    this.#closed = true;
    clearTimeout(this.#reload);
    this.#socket?.close();
  }

  async load(): Promise<void> {
    const version = this.#version;
    try {
      const session = await sessions.get(this.id);
      this.error = null;
      if (version === this.#version) this.#show(session);
      else this.#loadSoon();
    } catch (error) {
      this.error = asApiError(error);
      if (this.error.status === 404) this.session = null;
    }
  }

  async act(action: SessionAction): Promise<void> {
    this.fault = null;
    const version = this.#version;
    const session = await sessions.act(this.id, action);
    if (version === this.#version) this.#show(session);
    this.#loadSoon();
  }

  #show(session: Session): void {
    if (this.session && this.session.state !== session.state) announcer.say(stateWords(session.state).label);
    this.session = session;
  }

  async askPairCode(phone: string): Promise<void> {
    this.pairCode = await sessions.pairCode(this.id, phone);
  }

  /** Reads the session, then listens. Called again when the first read failed. */
  async open(): Promise<void> {
    await this.load();
    if (this.#closed || this.#socket || !this.session) return;
    this.#socket = new LiveSocket({
      path: `/ws/${encodeURIComponent(this.session.id)}`,
      since: Math.max(0, this.session.last_event_seq - HISTORY),
      onFrame: (frame) => this.#take(frame),
      onStatus: (status) => (this.line = status),
      onGone: () => void this.load(),
    });
  }

  #take(frame: Frame): void {
    if (frame.type === "hello") {
      clock.learn(frame.at);
      const { first_seq, last_seq } = frame.data as Hello;
      this.#pastUntil = last_seq ?? 0;
      this.log.first = first_seq ?? 1;
      return this.#loadSoon();
    }
    if (frame.type === "gap") return this.#miss(frame);
    // A snapshot repeats what the log already has.
    if (typeof frame.seq === "number") this.log.take(frame);
    if (this.session && typeof frame.seq === "number" && frame.seq > this.session.last_event_seq) {
      this.session.last_event_seq = frame.seq;
    }
    if (frame.type === "message.ack") {
      const { message_id, ack } = frame.data as unknown as AckData;
      this.acks[message_id] = Math.max(ack, this.acks[message_id] ?? -1);
    }
    if (typeof frame.seq !== "number" || frame.seq > this.#pastUntil) this.#apply(frame);
  }

  #apply(frame: Frame): void {
    if (frame.type === "qr") return this.#showQr(frame);
    if (frame.type === "pair_code") this.pairCode = frame.data as unknown as PairCodeData;
    if (frame.type === "error") this.fault = String((frame.data as { detail?: unknown }).detail ?? "");
    const state = stateAfter(frame);
    if (!state) return;
    this.#move(state, (frame.data as ReasonData).reason);
    // Codes end with the state they belong to. Only the socket says so: it tells codes and states in their order.
    this.qr = this.pairCode = null;
    if (state === "connected") this.fault = null;
  }

  #miss(frame: Frame): void {
    const { from, to } = frame.data as unknown as GapData;
    announcer.say(`Events ${from} to ${to} are missing`);
    this.log.take(frame);
  }

  #showQr(frame: Frame): void {
    const qr = frame.data as unknown as QrData;
    if (Date.parse(qr.expires_at) <= clock.now) return;
    this.#move("need_scan");
    if (qr.code === this.qr?.code) return;
    this.qr = { ...qr, issuedAt: Date.parse(frame.at) };
    announcer.say(`QR code ${qr.index} is shown. Scan it with the phone.`);
  }

  /** Takes over what the socket tells at once; the rest of the session is read after it. */
  #move(state: SessionState, reason?: string): void {
    if (!this.session) return;
    this.#version += 1;
    this.#show({ ...this.session, state, reason: reason ?? null });
    this.#loadSoon();
  }

  #loadSoon(): void {
    clearTimeout(this.#reload);
    this.#reload = setTimeout(() => void this.load(), 200);
  }
}
