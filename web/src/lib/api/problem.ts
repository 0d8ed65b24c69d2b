/**
 * Every failure of a call, in one shape.
 *
 * The service answers with RFC 9457 problems; a service that does not answer at all looks the same to the pages.
 */
export class ApiError extends Error {
  constructor(
    /** HTTP status; 0 when there was no answer. */
    readonly status: number,
    /** The stable word of the API. */
    readonly code: string,
    /** A sentence for a person. */
    message: string,
    /** What was wrong with the input, by JSON pointer. */
    readonly fields: Record<string, string[]> = {},
    /** What to quote when asking for help. */
    readonly requestId?: string,
    readonly retryAfterSeconds?: number,
  ) {
    super(message);
    this.name = "ApiError";
  }

  /** The faults of one field, e.g. `url` for the pointer `/url`. */
  field(name: string): string | undefined {
    return this.fields[`/${name}`]?.join(" ");
  }
}

export const unreachable = () =>
  new ApiError(0, "unreachable", "The service does not answer. Check that it is running, then try again.");

/** The error that an answer carries. Answers that are no problem document (a proxy's page) still make sense. */
export async function problemOf(response: Response, parsed?: unknown): Promise<ApiError> {
  const body = parsed ?? (await response.json().catch(() => undefined));
  const problem = isRecord(body) ? body : {};
  const retryAfter = Number(response.headers.get("retry-after"));
  return new ApiError(
    response.status,
    text(problem.code) ?? `http_${response.status}`,
    text(problem.detail) ?? text(problem.title) ?? `The service answered ${response.status}.`,
    fieldsOf(problem.errors),
    text(problem.request_id) ?? response.headers.get("x-request-id") ?? undefined,
    Number.isFinite(retryAfter) && retryAfter > 0 ? retryAfter : undefined,
  );
}

/** Whatever was thrown, as an `ApiError`. A fault of the page itself must not look like one of the service. */
export function asApiError(thrown: unknown): ApiError {
  if (thrown instanceof ApiError) return thrown;
  console.error(thrown);
  return new ApiError(0, "page_fault", "Something went wrong in this page. Reload it and try again.");
}

function fieldsOf(errors: unknown): Record<string, string[]> {
  if (!isRecord(errors)) return {};
  return Object.fromEntries(
    Object.entries(errors).map(([pointer, faults]) => [
      pointer,
      (Array.isArray(faults) ? faults : [faults]).map(String),
    ]),
  );
}

function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

function text(value: unknown): string | undefined {
  return typeof value === "string" && value !== "" ? value : undefined;
}
