/** What a test needs before it begins, made through the API: a linked session, a webhook, people who write. */
import { expect } from "@playwright/test";
import { ADMIN } from "./console";
import type { Service } from "./service";

export interface Account {
  call: <T>(method: string, path: string, body?: unknown) => Promise<T>;
  /** A session that a sandbox phone has linked. */
  linkedSession: (name: string) => Promise<{ id: string; phone: string }>;
  /** A friend writes to a session, and the session has it in its log. */
  friendWrites: (session: { id: string; phone: string }, ...texts: string[]) => Promise<void>;
  /** The number of the last event of a session. */
  lastSeq: (session: string) => Promise<number>;
  webhook: (url: string, filters?: object) => Promise<string>;
}

let numbers = 0;
const newNumber = () => `49157${String(Date.now()).slice(-6)}${String((numbers += 1)).padStart(2, "1")}`;

async function send<T>(method: string, url: string, body?: unknown, token?: string): Promise<T> {
  const answer = await fetch(url, {
    method,
    headers: { "content-type": "application/json", ...(token && { authorization: `Bearer ${token}` }) },
    ...(body !== undefined && { body: JSON.stringify(body) }),
  });
  const text = await answer.text();
  if (!answer.ok) throw new Error(`${method} ${url}: ${answer.status} ${text}`);
  return (text ? JSON.parse(text) : undefined) as T;
}

export async function account(service: Service): Promise<Account> {
  const { access_token } = await send<{ access_token: string }>("POST", `${service.url}/v1/auth/login`, ADMIN);
  const call = <T>(method: string, path: string, body?: unknown) => send<T>(method, service.url + path, body, access_token);
  const sandbox = <T>(method: string, path: string, body?: unknown) => send<T>(method, service.sandbox + path, body);
  const friend = newNumber();
  const lastSeq = async (id: string) => (await call<{ last_event_seq: number }>("GET", `/v1/sessions/${id}`)).last_event_seq;
  return {
    call,
    linkedSession: async (name) => {
      const phone = newNumber();
      const { id } = await call<{ id: string }>("POST", "/v1/sessions", { name });
      await call("POST", `/v1/sessions/${id}/connect`);
      await sandbox("POST", "/phones", { number: phone, name: "Alex" });
      const { code } = await call<{ code: string }>("GET", `/v1/sessions/${id}/qr?wait_ms=20000`);
      await sandbox("POST", `/phones/${phone}/scan`, { qr: code });
      await expect.poll(async () => (await call<{ state: string }>("GET", `/v1/sessions/${id}`)).state).toBe("connected");
      return { id, phone };
    },
    lastSeq,
    friendWrites: async ({ id, phone }, ...texts) => {
      const before = await lastSeq(id);
      for (const text of texts) await sandbox("POST", `/phones/${friend}/messages`, { to: phone, text });
      const logged = `/v1/sessions/${id}/events?after=${before}&types=message&limit=200`;
      await expect.poll(async () => (await call<{ data: unknown[] }>("GET", logged)).data.length, { intervals: [20, 50, 100] }).toBe(texts.length);
    },
    webhook: async (url, filters = {}) => (await call<{ id: string }>("POST", "/v1/webhooks", { url, types: ["message"], ...filters })).id,
  };
}
