/** An event in one line, and its JSON without what nobody can read. */
import { phone } from "../format";
import type { AckData, Frame, MessageData, QrData, ReasonData } from "../live/frames";
import { ACKS, explain } from "../words";

export function summary(frame: Frame): string {
  switch (frame.type) {
    case "qr":
      return `Code ${(frame.data as unknown as QrData).index}`;
    case "pair_code":
      return "A code to type on the phone";
    case "passkey":
      return "WhatsApp asks for a passkey";
    case "success":
    case "connected": {
      const { phone: number, push_name } = frame.data as { phone?: string; push_name?: string };
      return [push_name, number && phone(number)].filter(Boolean).join(" · ");
    }
    case "disconnected":
    case "logged_out":
    case "degraded":
    case "qr_timeout": {
      const { reason, detail } = frame.data as ReasonData;
      return detail ?? explain(reason)?.title ?? "";
    }
    case "error":
    case "webhook.disabled":
      return String((frame.data as { detail?: unknown }).detail ?? "");
    case "message":
      return messageLine(frame.data as unknown as MessageData);
    case "message.ack": {
      const { ack } = frame.data as unknown as AckData;
      return ACKS[ack]?.label ?? `ack ${ack}`;
    }
    default:
      return "";
  }
}

function messageLine(message: MessageData): string {
  const who = message.from_me
    ? "You"
    : (message.push_name ?? (message.sender.phone ? phone(message.sender.phone) : message.sender.id));
  return `${who}: ${message.type === "text" ? message.text.body : `(${message.type})`}`;
}

/** The frame for display: a QR image is thousands of letters that tell nothing. */
export function shown(frame: Pick<Frame, "type"> & { data: object }): unknown {
  if (frame.type !== "qr") return frame;
  return { ...frame, data: { ...frame.data, image: "(PNG data URL, left out here)" } };
}

const texts = new WeakMap<Frame, string>();

/** All of a frame that a search looks through, in small letters. Kept, since each letter typed asks for it again. */
export function searchable(frame: Frame): string {
  const known = texts.get(frame);
  if (known !== undefined) return known;
  const text = `${frame.type} ${summary(frame)} ${JSON.stringify(shown(frame))}`.toLowerCase();
  texts.set(frame, text);
  return text;
}
