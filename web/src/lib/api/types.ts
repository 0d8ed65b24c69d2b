/** The shapes of the native API that the page reads. */

export type SessionState =
  | "disconnected"
  | "connecting"
  | "need_scan"
  | "connected"
  | "logged_out"
  | "expired"
  | "degraded";

export interface Info {
  version: string;
  build: "live" | "sandbox";
  whatsapp_url: string;
  node: string;
}

export interface User {
  id: string;
  username: string;
  role: "admin" | "user";
}

export interface Session {
  id: string;
  handle: string;
  name: string | null;
  phone: string | null;
  lid: string | null;
  push_name: string | null;
  state: SessionState;
  reason: string | null;
  connected: boolean;
  logged_in: boolean;
  created_at: string;
  connected_at: string | null;
  last_event_seq: number;
}

export interface PairCode {
  code: string;
  expires_at: string;
}

export interface SentMessage {
  id: string;
  message_id: string;
  status: string;
  to: string;
}

export interface Webhook {
  id: string;
  url: string;
  types: string[];
  sessions: string[];
  state: "active" | "disabled" | "tripped";
  disabled_reason: string | null;
  created_at: string;
}

export interface Delivery {
  id: string;
  event_id: string;
  session_id: string;
  seq: number;
  state: string;
  attempt: number;
  next_at: string | null;
  last_error: string | null;
  created_at: string;
}

export interface Attempt {
  attempt: number;
  started_at: string;
  duration_ms: number;
  status: number | null;
  error: string | null;
  response: string | null;
  trigger: "auto" | "manual";
}

export interface Page<T> {
  data: T[];
  next_cursor: string | null;
}
