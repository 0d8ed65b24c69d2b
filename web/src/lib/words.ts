/** What the words of the API mean, in plain English. The words themselves are fixed by the API's contract. */
import type { Delivery } from "./api";

export type Tone = "good" | "busy" | "attention" | "bad" | "quiet";

export type SessionState =
  | "disconnected"
  | "connecting"
  | "need_scan"
  | "connected"
  | "logged_out"
  | "expired"
  | "degraded";

const STATES: Record<SessionState, { label: string; tone: Tone }> = {
  connected: { label: "Connected", tone: "good" },
  connecting: { label: "Connecting", tone: "busy" },
  need_scan: { label: "Waiting for a scan", tone: "attention" },
  degraded: { label: "Having trouble", tone: "bad" },
  expired: { label: "Linking ended", tone: "attention" },
  logged_out: { label: "Logged out", tone: "bad" },
  disconnected: { label: "Disconnected", tone: "quiet" },
};

/** A state that a newer service knows and this page does not is shown as it is. */
export function stateWords(state: string): { label: string; tone: Tone } {
  return STATES[state as SessionState] ?? { label: state, tone: "quiet" };
}

interface Explanation {
  title: string;
  /** What happened. */
  what: string;
  /** What the user can do, or what happens by itself. */
  next: string;
}

const REASONS: Record<string, Explanation> = {
  requested: {
    title: "Stopped on request",
    what: "Someone stopped this session, here or by the API.",
    next: "Connect it again whenever you like.",
  },
  connection_lost: {
    title: "The connection broke",
    what: "The line to WhatsApp was cut.",
    next: "It is being made again by itself. Nothing is lost: messages wait at WhatsApp until then.",
  },
  deaf: {
    title: "Nothing comes in from WhatsApp",
    what: "The connection looked alive, but WhatsApp sent nothing and answered no question.",
    next: "A new connection is made by itself; nothing is lost, and what was written meanwhile comes then.",
  },
  unreachable: {
    title: "WhatsApp cannot be reached",
    what: "The service gets no answer from WhatsApp.",
    next: "It keeps trying. Check the network, the firewall and the proxy setting of this session.",
  },
  proxy_failed: {
    title: "The proxy does not connect",
    what: "This session goes through a proxy, which cannot be reached or does not lead to WhatsApp.",
    next: "It keeps trying, and never goes without the proxy. Check the proxy, or set another one for this session.",
  },
  server_not_trusted: {
    title: "The server is not WhatsApp",
    what: "The server at the other end could not prove that it is WhatsApp, so the session refused to talk to it.",
    next: "Check which address the service is set to, and whether something between it and WhatsApp opens the traffic.",
  },
  stream_replaced: {
    title: "Taken over elsewhere",
    what: "Another program signed in with the same linked device.",
    next: "Stop the other program, then restart this session.",
  },
  device_removed: {
    title: "The device was removed",
    what: "This session was removed from the linked devices, on the phone or by WhatsApp.",
    next: "Connect again and scan a new QR code to link it once more.",
  },
  client_outdated: {
    title: "The client is too old",
    what: "WhatsApp no longer accepts this version of the client.",
    next: "Update Wharf, then restart this session.",
  },
  temporary_ban: {
    title: "WhatsApp has paused the account",
    what: "WhatsApp has banned the account for some time, often because it wrote to many strangers.",
    next: "Wait until the phone shows that the ban is over. Send less, and slower, afterwards.",
  },
  qr_timeout: {
    title: "No phone scanned in time",
    what: "Every QR code went by without a scan. WhatsApp gives out a handful of codes and then closes the pairing.",
    next: "Have the phone ready, then ask for a new code.",
  },
  pairing_failed: {
    title: "The pairing did not work",
    what: "The phone refused the link, or it broke half-way.",
    next: "Check that the phone is online and has fewer than four linked devices, then ask for a new code.",
  },
  passkey_timeout: {
    title: "Nobody answered for the passkey in time",
    what: "This account confirms new devices with a passkey, and the answer or the confirmation did not come in time.",
    next: "Link again, with whoever can use the account's passkey at hand.",
  },
  passkey_refused: {
    title: "The passkey was refused",
    what: "WhatsApp did not accept the passkey's answer, or the link was refused on the phone.",
    next: "Link again, and use a passkey of this account.",
  },
  login_refused: {
    title: "WhatsApp refused the login",
    what: "WhatsApp knows this device but did not let it in.",
    next: "Restart the session. If that does not help, log it out and link it again.",
  },
  restarting: {
    title: "Starting again",
    what: "The part of the service that runs this session failed.",
    next: "It is being started again by itself.",
  },
  lease_lost: {
    title: "Moved to another node",
    what: "Another node of the service runs this session now.",
    next: "Nothing to do: its state appears here as soon as that node reports it.",
  },
  shutdown: {
    title: "The service was stopped",
    what: "The service was shut down while the session ran.",
    next: "It connects by itself when the service is back.",
  },
  store_failed: {
    title: "The store could not write",
    what: "The service could not save the session's data, and it sends nothing that it cannot save.",
    next: "Check the database and the free space on its disk.",
  },
};

/** The explanation of a reason; a word that this page does not know is shown as it is. */
export function explain(reason: string | null | undefined): Explanation | null {
  if (!reason) return null;
  return REASONS[reason] ?? { title: reason.replace(/_/g, " "), what: `The service says: ${reason}.`, next: "Its log may tell more." };
}

export const ACKS: Record<number, { label: string; tone: Tone }> = {
  [-1]: { label: "Failed", tone: "bad" },
  0: { label: "On its way", tone: "busy" },
  1: { label: "Sent to WhatsApp", tone: "busy" },
  2: { label: "Delivered", tone: "good" },
  3: { label: "Read", tone: "good" },
  4: { label: "Played", tone: "good" },
};

export const DELIVERY_STATES: Record<Delivery["state"], { label: string; tone: Tone }> = {
  pending: { label: "Waiting", tone: "busy" },
  inflight: { label: "Being sent", tone: "busy" },
  delivered: { label: "Delivered", tone: "good" },
  dead: { label: "Given up", tone: "bad" },
  cancelled: { label: "Cancelled", tone: "quiet" },
};
