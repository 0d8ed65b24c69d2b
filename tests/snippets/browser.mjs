// A page of a guide in a real browser, opened from its file.
//
// Tells what the page writes to its console, and each code that a picture of the screen shows: `shown: <code>`. Ends with
// its stdin.

import { createRequire } from "node:module";
import { pathToFileURL } from "node:url";
import { codeOf } from "./qr.mjs";

const require = createRequire(`${process.env.TEST_SNIPPETS}/node/package.json`);
const { chromium } = require("playwright-core");

const browser = await chromium.launch({
  executablePath: process.env.CHROMIUM_BIN ?? "/usr/bin/chromium-headless-shell",
  // Chromium refuses to run as root with its sandbox on.
  args: process.getuid?.() === 0 ? ["--no-sandbox"] : [],
});
let open = true;
process.stdin.resume().on("end", () => (open = false));

const page = await browser.newPage();
page.on("console", (message) => console.log("console:", message.text()));
page.on("pageerror", (error) => console.log("error:", error.message));
await page.goto(pathToFileURL(process.argv[2]).href);
for (let last; open; await page.waitForTimeout(100)) {
  const code = codeOf(await page.screenshot());
  if (code && code !== last) console.log("shown:", (last = code));
}
await browser.close();
