/** The calls of the native API, one function each, named as the API names them. */
import { answer, api, open } from "./client";
import type { components } from "./schema";

export { ApiError, asApiError } from "./problem";

type Schemas = components["schemas"];
export type Info = Schemas["Info"];
export type User = Schemas["User"];
export type Session = Schemas["Session"];
export type SentMessage = Schemas["SentResponse"];
export type Webhook = Schemas["Webhook"];
export type WebhookTrial = Schemas["WebhookTestResponse"];
export type Delivery = Schemas["Delivery"];
export type Attempt = Schemas["DeliveryAttempt"];
export type HttpHead = Schemas["HttpHead"];
export type EventsPage = Schemas["EventsPage"];
export type SessionEvent = Schemas["LoggedEvent"];

/** What needs no sign-in. */
export const service = {
  info: () => answer(open.GET("/v1/info")),
  setup: (token: string, username: string, password: string) =>
    answer(open.POST("/v1/setup", { body: { token, username, password } })),
};

export type SessionAction = "connect" | "disconnect" | "restart" | "logout";

const PAGE = 100;
const on = (id: string) => ({ params: { path: { id } } });
const page = (cursor?: string) => ({ params: { query: { limit: PAGE, ...(cursor && { cursor }) } } });

export const sessions = {
  list: (cursor?: string) => answer(api.GET("/v1/sessions", page(cursor))),
  get: (id: string) => answer(api.GET("/v1/sessions/{id}", on(id))),
  create: (names: { handle?: string; name?: string }) => answer(api.POST("/v1/sessions", { body: names })),
  act: (id: string, action: SessionAction) => answer(api.POST(`/v1/sessions/{id}/${action}`, on(id))),
  remove: (id: string) => answer(api.DELETE("/v1/sessions/{id}", on(id))),
  /** The events after `after`, oldest first. The same path has a stream, which only another `Accept` gets. */
  events: (id: string, after: number, limit: number) =>
    answer(api.GET("/v1/sessions/{id}/events", { params: { path: { id }, query: { after, limit } } })) as Promise<EventsPage>,
  pairCode: (id: string, phone: string) =>
    answer(api.POST("/v1/sessions/{id}/pair-code", { ...on(id), body: { phone } })),
  sendText: (id: string, to: string, body: string, idempotencyKey: string) =>
    answer(
      api.POST("/v1/sessions/{id}/messages", {
        params: { path: { id }, header: { "Idempotency-Key": idempotencyKey } },
        body: { to, type: "text", text: { body } },
      }),
    ),
};

export const webhooks = {
  list: (cursor?: string) => answer(api.GET("/v1/webhooks", page(cursor))),
  get: (id: string) => answer(api.GET("/v1/webhooks/{id}", on(id))),
  create: (body: { url: string; types: string[]; sessions: string[] }) => answer(api.POST("/v1/webhooks", { body })),
  remove: (id: string) => answer(api.DELETE("/v1/webhooks/{id}", on(id))),
  rotateSecret: (id: string) => answer(api.POST("/v1/webhooks/{id}/rotate-secret", on(id))),
  enable: (id: string) => answer(api.POST("/v1/webhooks/{id}/enable", on(id))),
  test: (id: string) => answer(api.POST("/v1/webhooks/{id}/test", on(id))),
  /** Queues what happened from `from` on and before `to` once more; times as RFC 3339, `to` is now if absent. */
  replay: (id: string, from: string, to?: string) =>
    answer(api.POST("/v1/webhooks/{id}/replay", { ...on(id), body: { from, ...(to && { to }) } })),
  /** Queues what was given up once more. */
  replayDead: (id: string) => answer(api.POST("/v1/webhooks/{id}/replay", { ...on(id), body: { state: "dead" } })),
  /** Removes what was given up. */
  purgeDead: (id: string) =>
    answer(api.DELETE("/v1/webhooks/{id}/deliveries", { params: { path: { id }, query: { state: "dead" } } })),
  deliveries: (id: string, limit: number, state?: Delivery["state"], cursor?: string) =>
    answer(
      api.GET("/v1/webhooks/{id}/deliveries", {
        params: { path: { id }, query: { limit, ...(state && { state }), ...(cursor && { cursor }) } },
      }),
    ),
};

export const deliveries = {
  get: (id: string) => answer(api.GET("/v1/deliveries/{id}", on(id))),
  redeliver: (id: string) => answer(api.POST("/v1/deliveries/{id}/redeliver", on(id))),
};

export const liveTicket = () => answer(api.POST("/v1/ws-tickets"));
