/**
 * Where the user is, by the fragment of the address: `#/sessions/ses_…`.
 *
 * The fragment never reaches a server or its logs, so that it may carry the one-time setup token, and it cannot clash
 * with the paths of the API's dialects.
 */
export type Route =
  | { page: "setup"; token: string }
  | { page: "sessions" }
  | { page: "session"; id: string }
  | { page: "webhooks" }
  | { page: "webhook"; id: string }
  | { page: "missing" };

function parse(hash: string): Route {
  const [path = "", query = ""] = hash.replace(/^#\/?/, "").split("?");
  const [head = "", id, ...rest] = path.split("/").filter(Boolean).map(decodeURIComponent);
  if (rest.length > 0) return { page: "missing" };
  if (head === "setup") return { page: "setup", token: new URLSearchParams(query).get("token") ?? "" };
  if (head === "" || head === "sessions") return id ? { page: "session", id } : { page: "sessions" };
  if (head === "webhooks") return id ? { page: "webhook", id } : { page: "webhooks" };
  return { page: "missing" };
}

class Router {
  route = $state<Route>(parse(location.hash));

  constructor() {
    addEventListener("hashchange", () => (this.route = parse(location.hash)));
  }

  go(path: string): void {
    location.hash = path;
  }

  /** Takes what is secret out of the address bar and the history, and stays on the page. */
  clean(path: string): void {
    history.replaceState(null, "", path);
  }
}

export const router = new Router();

export const sessionPath = (id: string) => `#/sessions/${encodeURIComponent(id)}`;
export const webhookPath = (id: string) => `#/webhooks/${encodeURIComponent(id)}`;
