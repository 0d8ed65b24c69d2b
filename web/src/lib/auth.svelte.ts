/**
 * Who is signed in, and the two tokens behind it.
 *
 * The access token (15 minutes) lives in memory only: a script that reads the storage finds none. The refresh token
 * lives in `sessionStorage`, so that a reload does not sign out, yet it ends with the tab. The service rotates it at
 * every use and revokes the family when an old one comes back. A duplicated tab starts with a copy of it, so
 * refreshing is serialised over all tabs (Web Locks) and each rotation is told to the others (BroadcastChannel).
 */
import { ApiError, problemOf, unreachable } from "./api/problem";
import type { components } from "./api/schema";

type SignedIn = components["schemas"]["LoginResponse"];

const STORED_AS = "wharf.refresh_token";
/** Renew this long before the end, so that no call leaves with a token that dies on the way. */
const MARGIN_MS = 60_000;

class Auth {
  status = $state<"starting" | "signed_out" | "signed_in">("starting");
  user = $state<SignedIn["user"] | null>(null);
  /** Why the user was signed out, when it was not their own wish. */
  notice = $state<string | null>(null);

  #access: { token: string; expiresAt: number } | null = null;
  #refreshing: Promise<void> | null = null;
  #timer: ReturnType<typeof setTimeout> | undefined;
  #otherTabs = new BroadcastChannel("wharf.refresh");

  constructor() {
    this.#otherTabs.onmessage = ({ data }: MessageEvent<{ from: string; to: string }>) => {
      if (sessionStorage.getItem(STORED_AS) === data.from) sessionStorage.setItem(STORED_AS, data.to);
    };
  }

  /** Takes up the sign-in of before a reload, if there is one. */
  async resume(): Promise<void> {
    if (!sessionStorage.getItem(STORED_AS)) {
      this.status = "signed_out";
      return;
    }
    try {
      await this.refresh();
    } catch (error) {
      if (this.status === "starting") this.status = "signed_out";
      if (error instanceof ApiError && error.status === 0) this.notice = error.message;
    }
  }

  async signIn(username: string, password: string): Promise<void> {
    const response = await call("/v1/auth/login", json({ username, password }));
    this.#keep((await response.json()) as SignedIn);
    this.notice = null;
  }

  /** Signs out here and at the service; a failure there must not keep anyone in. */
  async signOut(): Promise<void> {
    const access = await this.token().catch(() => null);
    const refresh_token = sessionStorage.getItem(STORED_AS);
    this.#forget();
    if (!refresh_token || !access) return;
    const request = json({ refresh_token });
    await call("/v1/auth/logout", {
      ...request,
      headers: { ...request.headers, authorization: `Bearer ${access}` },
    }).catch(() => undefined);
  }

  /** A token that is good for at least a few seconds more. */
  async token(): Promise<string> {
    if (!this.#access || this.#access.expiresAt - Date.now() < 5_000) await this.refresh();
    if (!this.#access) throw new ApiError(401, "signed_out", "You are signed out. Sign in again.");
    return this.#access.token;
  }

  /** Trades the refresh token for a new pair. Callers at the same time share one trade. */
  refresh(): Promise<void> {
    this.#refreshing ??= exclusively(() => this.#rotate()).finally(() => (this.#refreshing = null));
    return this.#refreshing;
  }

  async #rotate(): Promise<void> {
    const old = sessionStorage.getItem(STORED_AS);
    if (!old) throw new ApiError(401, "signed_out", "You are signed out. Sign in again.");
    try {
      const response = await call("/v1/auth/refresh", json({ refresh_token: old }));
      const tokens = (await response.json()) as SignedIn;
      this.#keep(tokens);
      this.#otherTabs.postMessage({ from: old, to: tokens.refresh_token });
    } catch (error) {
      // Only a clear no ends the sign-in; a service that restarts must not.
      if (error instanceof ApiError && (error.status === 400 || error.status === 401)) {
        const wasIn = this.status === "signed_in";
        this.#forget();
        if (wasIn) this.notice = "Your sign-in has ended. Sign in again to go on.";
      }
      throw error;
    }
  }

  #keep(tokens: SignedIn): void {
    const lifetime = tokens.expires_in * 1000;
    this.#access = { token: tokens.access_token, expiresAt: Date.now() + lifetime };
    sessionStorage.setItem(STORED_AS, tokens.refresh_token);
    this.user = tokens.user;
    this.status = "signed_in";
    clearTimeout(this.#timer);
    this.#timer = setTimeout(() => void this.refresh().catch(() => undefined), Math.max(lifetime - MARGIN_MS, lifetime / 2));
  }

  #forget(): void {
    clearTimeout(this.#timer);
    sessionStorage.removeItem(STORED_AS);
    this.#access = null;
    this.user = null;
    this.status = "signed_out";
  }
}

function json(body: unknown) {
  return { method: "POST", headers: { "content-type": "application/json" }, body: JSON.stringify(body) };
}

async function call(path: string, init: RequestInit): Promise<Response> {
  const response = await fetch(path, init).catch(() => Promise.reject(unreachable()));
  if (!response.ok) throw await problemOf(response);
  return response;
}

/** Web Locks exist on HTTPS and localhost only; elsewhere a duplicated tab may have to sign in again. */
async function exclusively(work: () => Promise<void>): Promise<void> {
  if (!("locks" in navigator)) return work();
  const done = await navigator.locks.request("wharf.refresh", { ifAvailable: true }, async (lock) => {
    if (lock) await work();
    return lock !== null;
  });
  if (done) return;
  await navigator.locks.request("wharf.refresh", async () => {
    // Another tab has just rotated; its message with the new token may arrive a moment after the lock.
    await new Promise((arrived) => setTimeout(arrived, 50));
    await work();
  });
}

export const auth = new Auth();
