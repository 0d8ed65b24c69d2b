import { createSession, events, expect, scanWithSandboxPhone, state, test } from "./support/console";

test("a new QR code takes the place of the old one by itself", async ({ signedIn: page }) => {
  // WhatsApp renews the first code after a minute. The second one is sent into the live socket here instead.
  let push = (_: string) => {};
  await page.routeWebSocket(/\/ws\/ses_/, (socket) => {
    const service = socket.connectToServer();
    service.onMessage((message) => socket.send(message));
    socket.onMessage((message) => service.send(message));
    push = (text) => socket.send(text);
  });
  await createSession(page, "Renewed");
  const first = await page.getByTestId("qr").getAttribute("src");
  const image = "data:image/png;base64,iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAAAAAA6fptVAAAACklEQVR4nGNgAAAAAgABSK+kcQAAAABJRU5ErkJggg==";
  const at = Date.now();
  push(
    JSON.stringify({
      type: "qr",
      at: new Date(at).toISOString(),
      data: { code: "the second code", image, expires_at: new Date(at + 3_000).toISOString(), index: 2 },
    }),
  );
  await expect(page.getByTestId("qr-index")).toHaveText("Code 2");
  await expect(page.getByTestId("qr")).toHaveAttribute("src", image);
  expect(image).not.toBe(first);
  await expect(page.getByTestId("qr-countdown")).toHaveText(/renews in [1-3] s/);
  await expect(page.getByTestId("qr-countdown")).toHaveText("a new one is on its way");
});

test("a cut line heals by itself and misses nothing", async ({ signedIn: page }) => {
  let cut = () => {};
  let mend = () => {};
  const mended = new Promise<void>((resolve) => (mend = resolve));
  let connections = 0;
  await page.routeWebSocket(/\/ws\/ses_/, async (socket) => {
    connections += 1;
    if (connections > 1) await mended;
    const service = socket.connectToServer();
    service.onMessage((message) => socket.send(message));
    socket.onMessage((message) => service.send(message));
    cut = () => void socket.close({ code: 1012 });
  });
  await createSession(page, "Cut off");
  await scanWithSandboxPhone(page);
  cut();
  await page.getByLabel("Robin writes").fill("Said while the line was down");
  await page.getByRole("button", { name: "Write to the session" }).click();
  await expect(page.getByTestId("phone-chat")).toContainText("Said while the line was down");
  await expect(events(page, "message")).toHaveCount(0);
  mend();
  await expect(events(page, "message")).toHaveCount(1);
  await expect(events(page, "message")).toContainText("Said while the line was down");
  expect(connections).toBeGreaterThan(1);
});

const ENDINGS = [
  { state: "expired", reason: "qr_timeout", title: "No phone scanned in time", label: "Linking ended" },
  { state: "expired", reason: "pairing_failed", title: "The pairing did not work", label: "Linking ended" },
  { state: "logged_out", reason: "device_removed", title: "The device was removed", label: "Logged out" },
  { state: "degraded", reason: "temporary_ban", title: "WhatsApp has paused the account", label: "Having trouble" },
  { state: "degraded", reason: "server_not_trusted", title: "The server is not WhatsApp", label: "Having trouble" },
];

for (const ending of ENDINGS) {
  test(`${ending.state} by ${ending.reason} is explained in plain words`, async ({ signedIn: page }) => {
    await createSession(page, "Ended");
    // These endings take minutes or a real ban, so the service's answer is changed on its way.
    await page.route(/\/v1\/sessions\/ses_[^/]+$/, async (route) => {
      const response = await route.fetch();
      await route.fulfill({ response, json: { ...(await response.json()), state: ending.state, reason: ending.reason } });
    });
    await page.reload();
    await expect(state(page)).toHaveText(ending.label);
    await expect(page.getByRole("region", { name: "Link a phone" })).toContainText(ending.title);
    await expect(page.getByRole("button", { name: "Show a new QR code" })).toHaveCount(ending.state === "degraded" ? 0 : 1);
  });
}

test("a session that does not exist is told so", async ({ signedIn: page }) => {
  await page.goto("/#/sessions/ses_nobody");
  await expect(page.getByRole("heading", { name: "There is no such session" })).toBeVisible();
});

test("a service that is away is told so, and the page recovers by hand", async ({ signedIn: page }) => {
  await page.route("**/v1/webhooks?*", (route) => route.abort());
  await page.getByRole("link", { name: "Webhooks" }).click();
  await expect(page.getByRole("alert")).toContainText("The service does not answer");
  await page.unroute("**/v1/webhooks?*");
  await page.getByRole("button", { name: "Try again" }).click();
  await expect(page.getByRole("alert")).toHaveCount(0);
  await expect(page.getByRole("heading", { name: "Webhooks", level: 1 })).toBeVisible();
});
