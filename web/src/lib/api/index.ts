/** The calls of the native API, one function each, named as the API names them. */
import { problemOf, unreachable } from "./problem";
import { request } from "./client";
import type { Attempt, Delivery, Info, Page, PairCode, SentMessage, Session, Webhook } from "./types";

export type * from "./types";
export { ApiError, asApiError } from "./problem";

const at = (...segments: string[]) => `/v1/${segments.map(encodeURIComponent).join("/")}`;

/** What needs no sign-in. */
export const open = {
  async info(): Promise<Info> {
    const response = await fetch("/v1/info").catch(() => Promise.reject(unreachable()));
    if (!response.ok) throw await problemOf(response);
    return (await response.json()) as Info;
  },
  async setup(token: string, username: string, password: string): Promise<void> {
    const response = await fetch("/v1/setup", {
      method: "POST",
      headers: { "content-type": "application/json" },
      body: JSON.stringify({ token, username, password }),
    }).catch(() => Promise.reject(unreachable()));
    if (!response.ok) throw await problemOf(response);
  },
};

export type SessionAction = "connect" | "disconnect" | "restart" | "logout";

export const sessions = {
  list: (cursor?: string) => request<Page<Session>>("GET", at("sessions"), { query: { limit: 100, cursor } }),
  get: (id: string) => request<Session>("GET", at("sessions", id)),
  create: (body: { handle?: string; name?: string }) => request<Session>("POST", at("sessions"), { body }),
  act: (id: string, action: SessionAction) => request<Session>("POST", at("sessions", id, action)),
  remove: (id: string) => request<void>("DELETE", at("sessions", id)),
  pairCode: (id: string, phone: string) =>
    request<PairCode>("POST", at("sessions", id, "pair-code"), { body: { phone } }),
  sendText: (id: string, to: string, body: string, idempotencyKey: string) =>
    request<SentMessage>("POST", at("sessions", id, "messages"), {
      body: { to, type: "text", text: { body } },
      headers: { "idempotency-key": idempotencyKey },
    }),
};

export const webhooks = {
  list: (cursor?: string) => request<Page<Webhook>>("GET", at("webhooks"), { query: { limit: 100, cursor } }),
  get: (id: string) => request<Webhook>("GET", at("webhooks", id)),
  create: (body: { url: string; types: string[]; sessions: string[] }) =>
    request<Webhook & { secret: string }>("POST", at("webhooks"), { body }),
  remove: (id: string) => request<void>("DELETE", at("webhooks", id)),
  rotateSecret: (id: string) => request<Webhook & { secret: string }>("POST", at("webhooks", id, "rotate-secret")),
  enable: (id: string) => request<Webhook>("POST", at("webhooks", id, "enable")),
  test: (id: string) => request<unknown>("POST", at("webhooks", id, "test")),
  deliveries: (id: string, state?: string, cursor?: string) =>
    request<Page<Delivery>>("GET", at("webhooks", id, "deliveries"), { query: { limit: 50, state, cursor } }),
};

export const deliveries = {
  get: (id: string) => request<Delivery & { attempts: Attempt[] }>("GET", at("deliveries", id)),
  redeliver: (id: string) => request<Delivery>("POST", at("deliveries", id, "redeliver")),
};

export const liveTicket = () => request<{ ticket: string }>("POST", at("ws-tickets"));
