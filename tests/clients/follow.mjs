// Follows the messages of a session from the beginning of its log, and says each. Ends after the one that says "enough".
import assert from "node:assert";
import { follow, Wharf } from "wharf-client";

const wharf = new Wharf({ url: process.env.WHARF_URL, token: process.env.WHARF_TOKEN });
const [, , session] = process.argv;
await assert.rejects(follow(wharf, { since: 0 }).next(), TypeError);
for await (const frame of follow(wharf, { session, since: 0, types: ["message"], onReconnect: () => console.error("again") })) {
  if (frame.type !== "message") continue;
  console.log(frame.data.text.body);
  if (frame.data.text.body === "enough") break;
}
