/** One way to call the service: typed by its own description, signed, and every failure an `ApiError`. */
import createClient from "openapi-fetch";
import { auth } from "../auth.svelte";
import { problemOf, unreachable } from "./problem";
import type { paths } from "./schema";

const reach = (request: Request) => fetch(request).catch(() => Promise.reject(unreachable()));

/** Sends as the user who is signed in. */
async function signed(request: Request): Promise<Response> {
  const again = request.clone();
  request.headers.set("authorization", `Bearer ${await auth.token()}`);
  const response = await reach(request);
  if (response.status !== 401) return response;
  // The token was revoked or the service's key changed: one new token, one more try.
  await auth.refresh();
  again.headers.set("authorization", `Bearer ${await auth.token()}`);
  return reach(again);
}

const baseUrl = location.origin;

/** For what needs a sign-in. */
export const api = createClient<paths>({ baseUrl, fetch: signed });
/** For what needs none. */
export const open = createClient<paths>({ baseUrl, fetch: reach });

/** What was asked for, or the problem thrown. */
export async function answer<T>(call: Promise<{ data?: T; error?: unknown; response: Response }>): Promise<T> {
  const { data, error, response } = await call;
  if (!response.ok) throw await problemOf(response, error);
  return data as T;
}

/** For paths that the description leaves out: those of the sandbox. */
export async function request<T>(method: string, path: string, body?: unknown): Promise<T> {
  const init: RequestInit = { method };
  if (body !== undefined) {
    init.headers = { "content-type": "application/json" };
    init.body = JSON.stringify(body);
  }
  const response = await signed(new Request(new URL(path, baseUrl), init));
  if (!response.ok) throw await problemOf(response);
  return (await response.json()) as T;
}
