/** One way to call the service: signed, JSON, and every failure an `ApiError`. */
import { auth } from "../auth.svelte";
import { problemOf, unreachable } from "./problem";

interface Options {
  body?: unknown;
  query?: Record<string, string | number | undefined>;
  headers?: Record<string, string>;
}

/** Calls `path` as the user who is signed in. */
export async function request<T>(method: string, path: string, options: Options = {}): Promise<T> {
  const url = new URL(path, location.origin);
  for (const [key, value] of Object.entries(options.query ?? {})) {
    if (value !== undefined) url.searchParams.set(key, String(value));
  }
  const send = async () => {
    const headers: Record<string, string> = { accept: "application/json", ...options.headers };
    headers.authorization = `Bearer ${await auth.token()}`;
    if (options.body !== undefined) headers["content-type"] = "application/json";
    const init: RequestInit = { method, headers };
    if (options.body !== undefined) init.body = JSON.stringify(options.body);
    return fetch(url, init).catch(() => Promise.reject(unreachable()));
  };
  let response = await send();
  if (response.status === 401) {
    // The token was revoked or the service's key changed: one new token, one more try.
    await auth.refresh();
    response = await send();
  }
  if (!response.ok) throw await problemOf(response);
  return (response.status === 204 ? undefined : await response.json()) as T;
}
