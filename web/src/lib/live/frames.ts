/** The frames of a live socket, as the contract of the stream fixes them. */

export interface Frame<T = Record<string, unknown>> {
  type: string;
  /** Place in the session's log; snapshots have none. */
  seq?: number | null;
  id?: string | null;
  session?: string | null;
  at: string;
  data: T;
}

export interface Hello {
  state?: string | null;
  first_seq?: number | null;
  last_seq?: number | null;
  heartbeat_ms?: number;
  /** Of a socket of many sessions: where each is, up to a thousand of them. */
  sessions?: { session: string; state: string; first_seq: number; last_seq: number }[];
  /** Whether there are more sessions than are told. */
  more?: boolean;
}

/** What the log no longer held of what would have come, both ends included. */
export interface GapData {
  from: number;
  to: number;
}

export interface QrData {
  code: string;
  /** PNG in a data URL. */
  image: string;
  expires_at: string;
  index: number;
}

export interface PairCodeData {
  code: string;
  expires_at: string;
}

export interface ReasonData {
  reason?: string;
  detail?: string;
}

export interface MessageData {
  message_id: string;
  chat: { id: string; phone?: string | null };
  sender: { id: string; phone?: string | null };
  from_me: boolean;
  push_name?: string | null;
  type: string;
  text?: { body: string };
}

export interface AckData {
  message_id: string;
  chat: string;
  ack: number;
}

/** Frames that change where a session is. */
export const LIFECYCLE = [
  "qr",
  "pair_code",
  "passkey",
  "success",
  "connected",
  "disconnected",
  "logged_out",
  "degraded",
  "qr_timeout",
  "error",
];

/** What a text frame says, or nothing when it is not one of ours. */
export function parseFrame(text: string): Frame | null {
  try {
    const value: unknown = JSON.parse(text);
    if (typeof value !== "object" || value === null || !("type" in value)) return null;
    return { at: new Date().toISOString(), data: {}, ...value } as Frame;
  } catch {
    return null;
  }
}
