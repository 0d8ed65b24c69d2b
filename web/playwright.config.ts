import { defineConfig } from "@playwright/test";

// The tests drive a sandbox build of the service that they start themselves (tests/support/service.ts).
// Build it first: `npm run build`, then `cargo build --features sandbox`.
export default defineConfig({
  testDir: "tests",
  outputDir: "test-results",
  // One service and one browser at a time: the machines that run this have two cores.
  workers: 1,
  retries: 0,
  timeout: 60_000,
  expect: { timeout: 15_000 },
  forbidOnly: Boolean(process.env.CI),
  reporter: [["list"]],
  use: {
    viewport: { width: 1200, height: 900 },
    // A trace of every test costs a fifth of their time: `TRACE=1 npx playwright test …` keeps those of what fails.
    trace: process.env.TRACE ? "retain-on-failure" : "off",
    screenshot: "only-on-failure",
    launchOptions: {
      executablePath: process.env.CHROMIUM_BIN ?? "/usr/bin/chromium-headless-shell",
      // Chromium refuses to run as root with its sandbox on, and containers that build are root.
      args: process.getuid?.() === 0 ? ["--no-sandbox"] : [],
    },
  },
});
