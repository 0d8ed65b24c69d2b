/** Sends requests: the credential, retries that cannot do a thing twice, errors. The generated operations call it. */
import { problemOf, ProblemError } from "./errors.js";

export interface ClientOptions {
  /** Where the service is, such as `https://wharf.example.org`. */
  url: string;
  /** An API key (`wk_…`) or an access token; a function is asked for each request. */
  token?: string | (() => string | Promise<string>);
  /** How often a request is repeated that may be repeated. */
  retries?: number;
  /** How long one attempt may take. Sending a message waits up to ten seconds for WhatsApp. */
  timeoutMs?: number;
  fetch?: typeof fetch;
}

export interface CallOptions {
  signal?: AbortSignal | undefined;
}

export interface Call {
  verb: string;
  path: string;
  query?: Record<string, string | number | boolean | null | undefined>;
  headers?: Record<string, string | number | null | undefined>;
  body?: unknown;
  accept?: string;
  /** A repeated request is known by its `Idempotency-Key`; one is made up if none is given. */
  keyed?: boolean;
}

/** What may go well a moment later. */
const PASSING = new Set([429, 502, 503, 504]);
/** The longest that a `Retry-After` is obeyed instead of handed to the caller. */
const PATIENCE_MS = 30_000;
const FIRST_WAIT_MS = 250;

/** A part of a path: whatever stands in it stays one part. */
export function segment(text: string): string {
  return encodeURIComponent(text);
}

/** Waits, unless it is told to stop. */
export function pause(ms: number, signal?: AbortSignal | null): Promise<void> {
  return new Promise((resolve, reject) => {
    signal?.throwIfAborted();
    const stop = () => {
      clearTimeout(timer);
      reject(signal?.reason as Error);
    };
    const timer = setTimeout(() => {
      signal?.removeEventListener("abort", stop);
      resolve();
    }, ms);
    signal?.addEventListener("abort", stop, { once: true });
  });
}

export abstract class Caller {
  readonly url: string;
  readonly #token: ClientOptions["token"];
  readonly #retries: number;
  readonly #timeoutMs: number;
  readonly #fetch: typeof fetch;

  constructor(options: ClientOptions) {
    this.url = options.url.replace(/\/+$/, "");
    this.#token = options.token;
    this.#retries = options.retries ?? 2;
    this.#timeoutMs = options.timeoutMs ?? 60_000;
    this.#fetch = options.fetch ?? ((input, init) => fetch(input, init));
  }

  protected async json<T>(call: Call, options: CallOptions): Promise<T> {
    const response = await this.raw({ accept: "application/json", ...call }, options);
    return (await response.json()) as T;
  }

  protected async nothing(call: Call, options: CallOptions): Promise<void> {
    const response = await this.raw(call, options);
    await response.body?.cancel();
  }

  /** The answer as it is, once it is a success. */
  protected async raw(call: Call, options: CallOptions): Promise<Response> {
    const request = this.#request(call);
    const stream = call.body instanceof ReadableStream;
    const repeatable = (call.verb === "GET" || call.keyed === true) && !stream;
    for (let attempt = 0; ; attempt += 1) {
      const last = attempt >= this.#retries || !repeatable;
      let wait = FIRST_WAIT_MS * 2 ** attempt * (0.5 + Math.random());
      try {
        const response = await this.#send(call, request, options);
        if (response.ok) return response;
        const problem = await problemOf(response);
        wait = problem.retryAfterMs ?? wait;
        if (last || !PASSING.has(response.status) || wait > PATIENCE_MS) throw problem;
      } catch (error) {
        if (last || error instanceof ProblemError || options.signal?.aborted) throw error;
      }
      await pause(wait, options.signal);
    }
  }

  #request(call: Call): RequestInit & { headers: Headers } {
    const headers = new Headers();
    for (const [name, value] of Object.entries(call.headers ?? {})) {
      if (value !== undefined && value !== null) headers.set(name, String(value));
    }
    headers.set("accept", call.accept ?? "*/*");
    if (call.keyed && !headers.has("idempotency-key")) headers.set("idempotency-key", crypto.randomUUID());
    const init: RequestInit & { headers: Headers; duplex?: "half" } = { method: call.verb, headers };
    if (call.body === undefined) return init;
    if (call.body instanceof FormData) {
      init.body = call.body;
    } else if (call.body instanceof Blob || call.body instanceof Uint8Array || call.body instanceof ReadableStream) {
      init.body = call.body as Blob;
      const kind = call.body instanceof Blob ? call.body.type : "";
      headers.set("content-type", kind || "application/octet-stream");
      if (call.body instanceof ReadableStream) init.duplex = "half";
    } else {
      init.body = JSON.stringify(call.body);
      headers.set("content-type", "application/json");
    }
    return init;
  }

  async #send(call: Call, request: RequestInit & { headers: Headers }, options: CallOptions): Promise<Response> {
    const token = typeof this.#token === "function" ? await this.#token() : this.#token;
    if (token) request.headers.set("authorization", `Bearer ${token}`);
    const url = new URL(this.url + call.path);
    for (const [name, value] of Object.entries(call.query ?? {})) {
      if (value !== undefined && value !== null) url.searchParams.set(name, String(value));
    }
    // Until the head has come: a file may take longer than that to read.
    const stop = new AbortController();
    const late = () => stop.abort(new DOMException(`no answer within ${this.#timeoutMs} ms`, "TimeoutError"));
    const timer = setTimeout(late, this.#timeoutMs);
    const signal = options.signal ? AbortSignal.any([options.signal, stop.signal]) : stop.signal;
    try {
      return await this.#fetch(url, { ...request, signal });
    } finally {
      clearTimeout(timer);
    }
  }
}
