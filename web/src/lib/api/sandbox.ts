/** The sandbox's people and their phones. These paths exist in a sandbox build only. */
import { request } from "./client";

export interface PhoneMessage {
  /** Its place in what this phone has sent and received. */
  n: number;
  message_id: string;
  from: string;
  to: string;
  type: string;
  text?: string;
  caption?: string;
  emoji?: string;
  /** How far a message of this phone has come, oldest first. */
  receipts: { kind: string }[];
}

const phone = (number: string, verb = "") => `/sandbox/phones/${encodeURIComponent(number)}${verb}`;

export const sandbox = {
  /** A person with a phone; one who exists already stays as they are. */
  create: (number: string, name?: string) =>
    request<unknown>("POST", "/sandbox/phones", name ? { number, name } : { number }),
  scan: (number: string, qr: string) => request<unknown>("POST", phone(number, "/scan"), { qr }),
  enterCode: (number: string, code: string) =>
    request<unknown>("POST", phone(number, "/enter-code"), { code }),
  unlink: (number: string) => request<unknown>("POST", phone(number, "/unlink"), {}),
  write: (number: string, to: string, text: string) =>
    request<{ message_id: string }>("POST", phone(number, "/messages"), { to, text }),
  messages: (number: string, after: number) =>
    request<{ data: PhoneMessage[] }>("GET", phone(number, `/messages?after=${after}`)),
};
