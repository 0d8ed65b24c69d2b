// What the guide calls "path-to-your-sdk/main": the client of npm, with what the guide has no argument for: the
// address, the token of the account, which was the only one then, and the user agent of its version, which was never on npm.
import { createWasender as create } from "wasenderapi";

const AGENT = "wasender-typescript-sdk/0.3.2";

const asThatVersion: typeof fetch = (url, options) =>
  fetch(url, { ...options, headers: { ...options?.headers, "User-Agent": AGENT } });

export const createWasender = (apiKey: string) =>
  create(apiKey, apiKey, process.env.WASENDER_BASE_URL, asThatVersion);

export type { Wasender } from "wasenderapi";
