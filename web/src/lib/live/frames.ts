/** The frames of a live socket, as the description of the API has them. */
import type { EventType } from "../api/events";
import type { components } from "../api/schema";

type Schemas = components["schemas"];

/** Any frame: that of a newer service may be of a type that this page does not know. */
export interface Frame<T = Record<string, unknown>> {
  type: string;
  /** Place in the session's log; snapshots have none. */
  seq?: number | null;
  id?: string | null;
  session?: string | null;
  at: string;
  data: T;
}

export type Hello = Schemas["Hello"];
/** What the log no longer held of what would have come, both ends included. */
export type GapData = Schemas["EventGap"];
export type QrData = Schemas["QrData"];
export type PairCodeData = Schemas["PairCodeData"];
export type ReasonData = Schemas["ReasonData"];
export type MessageData = Schemas["Message"];
export type AckData = Schemas["AckData"];

/** Frames that change where a session is. */
export const LIFECYCLE: readonly string[] = [
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
] satisfies EventType[];

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
