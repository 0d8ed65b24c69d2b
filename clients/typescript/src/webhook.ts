/** Webhooks: who sent it (Standard Webhooks), and which event it is. */
import type { WebhookBody } from "./generated/models.js";
import { WebhookVerificationError } from "./errors.js";

type HeadersLike = Headers | Record<string, string | string[] | undefined>;

export interface VerifyOptions {
  /** How far the clocks may be apart. */
  toleranceS?: number;
  /** Now, in milliseconds since 1970. */
  now?: () => number;
}

const PREFIX = "whsec_";
const VERSION = "v1,";

function header(headers: HeadersLike, name: string): string {
  const value = headers instanceof Headers ? headers.get(name) : headers[name];
  const one = Array.isArray(value) ? value[0] : value;
  if (!one) throw new WebhookVerificationError(`the header ${name} is missing`);
  return one;
}

function bytes(base64: string): Uint8Array<ArrayBuffer> | null {
  try {
    return Uint8Array.from(atob(base64), (letter) => letter.charCodeAt(0));
  } catch {
    return null;
  }
}

/**
 * The event of a request, once one of the secrets has signed it. `body` is the body as it came: parsed and written again it
 * is another one.
 *
 * `webhook-id` is the same on every retry: remember it to handle an event once. A newer service may tell types that
 * `WebhookBody` does not have yet, so a `switch` over `type` needs a `default`.
 */
export async function verifyWebhook(
  secret: string | readonly string[],
  headers: HeadersLike,
  body: string | Uint8Array<ArrayBuffer>,
  options: VerifyOptions = {},
): Promise<WebhookBody> {
  const id = header(headers, "webhook-id");
  const sentAt = header(headers, "webhook-timestamp");
  const apart = Math.abs((options.now ?? Date.now)() / 1000 - Number(sentAt));
  if (!/^\d+$/.test(sentAt) || apart > (options.toleranceS ?? 300)) {
    throw new WebhookVerificationError("webhook-timestamp is not now: it is an old request, or a clock is wrong");
  }
  const offered = header(headers, "webhook-signature")
    .split(" ")
    .filter((one) => one.startsWith(VERSION))
    .flatMap((one) => bytes(one.slice(VERSION.length)) ?? []);
  const content = typeof body === "string" ? new TextEncoder().encode(body) : body;
  const head = new TextEncoder().encode(`${id}.${sentAt}.`);
  const signed = new Uint8Array(head.length + content.length);
  signed.set(head);
  signed.set(content, head.length);
  for (const one of typeof secret === "string" ? [secret] : secret) {
    const raw = bytes(one.startsWith(PREFIX) ? one.slice(PREFIX.length) : one);
    if (!raw) throw new WebhookVerificationError("the secret is not one of a webhook: whsec_ and base64");
    const key = await crypto.subtle.importKey("raw", raw, { name: "HMAC", hash: "SHA-256" }, false, ["verify"]);
    for (const signature of offered) {
      // Compares in constant time.
      if (await crypto.subtle.verify("HMAC", key, signature, signed)) return parse(content);
    }
  }
  throw new WebhookVerificationError("no signature fits");
}

function parse(content: Uint8Array<ArrayBuffer>): WebhookBody {
  let event: unknown = null;
  try {
    event = JSON.parse(new TextDecoder().decode(content));
  } catch {
    // Said below.
  }
  if (typeof event !== "object" || event === null || !("type" in event) || !("data" in event)) {
    throw new WebhookVerificationError("the body is no event");
  }
  return event as WebhookBody;
}
