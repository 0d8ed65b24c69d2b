/** Client of Wharf. `README.md` shows how it is used. */
export type * from "./generated/models.js";
export { EVENT_TYPES } from "./generated/models.js";
export type { CallOptions, ClientOptions } from "./caller.js";
export * from "./errors.js";
export { paginate, type PageOf } from "./pagination.js";
export { follow, type FollowOptions } from "./socket.js";
export { verifyWebhook, type VerifyOptions } from "./webhook.js";
export { Operations as Wharf } from "./generated/operations.js";
