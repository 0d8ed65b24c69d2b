/** What can go wrong, as classes: `instanceof` tells the kind, `code` the exact word of the API. */
import type { Problem } from "./generated/models.js";

/** The service answered, and said no. */
export class ProblemError extends Error {
  override name = "ProblemError";
  readonly status: number;
  /** A stable word, such as `session_not_connected`. */
  readonly code: string;
  readonly detail: string;
  /** JSON pointers to faults. */
  readonly errors: Readonly<Record<string, readonly string[]>>;
  /** What to quote when asking about it. */
  readonly requestId: string | null;
  /** When to try again, in milliseconds, if the service says so. */
  readonly retryAfterMs: number | null;

  constructor(status: number, problem: Partial<Problem>, retryAfterMs: number | null) {
    super(`${status} ${problem.code ?? "unknown"}: ${problem.detail ?? problem.title ?? "no details"}`);
    this.status = status;
    this.code = problem.code ?? "unknown";
    this.detail = problem.detail ?? "";
    this.errors = (problem.errors ?? {}) as Record<string, string[]>;
    this.requestId = problem.request_id ?? null;
    this.retryAfterMs = retryAfterMs;
  }
}

/** 400 and 422: the request is wrong; `errors` says where. */
export class InvalidRequestError extends ProblemError {
  override name = "InvalidRequestError";
}
/** 401: the credential is missing, wrong or has ended. */
export class UnauthorizedError extends ProblemError {
  override name = "UnauthorizedError";
}
/** 403: the credential does not allow it. */
export class ForbiddenError extends ProblemError {
  override name = "ForbiddenError";
}
/** 404: it is not there, or not yours. */
export class NotFoundError extends ProblemError {
  override name = "NotFoundError";
}
/** 409: not as things are; the session is not connected, for instance. */
export class ConflictError extends ProblemError {
  override name = "ConflictError";
}
/** 429: too much at once; `retryAfterMs` says when to come back. */
export class RateLimitedError extends ProblemError {
  override name = "RateLimitedError";
}
/** 5xx. */
export class ServerError extends ProblemError {
  override name = "ServerError";
}

const CLASSES: Record<number, typeof ProblemError> = {
  400: InvalidRequestError,
  401: UnauthorizedError,
  403: ForbiddenError,
  404: NotFoundError,
  409: ConflictError,
  422: InvalidRequestError,
  429: RateLimitedError,
};

/** The error of an answer that is no success. */
export async function problemOf(response: Response): Promise<ProblemError> {
  let problem: Partial<Problem> = {};
  try {
    const said: unknown = await response.json();
    if (typeof said === "object" && said !== null) problem = said;
  } catch {
    // Something between us and the service answered: there is only the status.
  }
  const kind = CLASSES[response.status] ?? (response.status >= 500 ? ServerError : ProblemError);
  const seconds = Number(response.headers.get("retry-after") ?? Number.NaN);
  return new kind(response.status, problem, Number.isFinite(seconds) ? seconds * 1000 : null);
}

/** A webhook that was not signed with this secret, or not now, or is no event. */
export class WebhookVerificationError extends Error {
  override name = "WebhookVerificationError";
}
