import { createSession, events, expect, scanWithSandboxPhone, state, test } from "./support/console";
import { isSignedWith, startReceiver } from "./support/receiver";

test("the main job: a webhook, a session, a scan, a message in, a message out, a delivery", async ({ signedIn: page }) => {
  const receiver = await startReceiver();
  try {
    await page.getByRole("link", { name: "Webhooks" }).click();
    await page.getByRole("button", { name: "New webhook" }).click();
    await page.getByLabel("Address").fill(receiver.url);
    await page.getByLabel("All events").uncheck();
    await page.getByRole("button", { name: "Create the webhook" }).click();
    const secret = (await page.getByTestId("secret").textContent()) ?? "";
    expect(secret).toMatch(/^whsec_/);

    await page.getByRole("link", { name: "Sessions" }).click();
    await createSession(page, "Main job");
    await expect(page.getByTestId("qr-index")).toHaveText("Code 1");
    await expect(page.getByTestId("qr-countdown")).toHaveText(/renews in \d+ s/);
    await expect(page.getByTestId("qr")).toHaveAttribute("src", /^data:image\/png;base64,/);

    const account = await scanWithSandboxPhone(page);
    await expect(page.getByText("Connected as Alex.")).toBeVisible();
    await expect(events(page, "connected").first()).toBeVisible();

    await page.getByLabel("Robin writes").fill("Is anybody there?");
    await page.getByRole("button", { name: "Write to the session" }).click();
    await expect(events(page, "message").first()).toContainText("Is anybody there?");
    await expect(page.getByTestId("phone-chat")).toContainText("Is anybody there?");

    await page.getByLabel("Text", { exact: true }).fill("Yes, the session is.");
    await page.getByRole("button", { name: "Send", exact: true }).click();
    await expect(page.getByTestId("sent")).toContainText("Message id");
    await expect(page.getByTestId("phone-chat").locator('[data-own="false"]')).toContainText("Yes, the session is.");
    await expect(page.getByTestId("sent")).toContainText(/Delivered|Read/);

    await expect.poll(() => receiver.received.length).toBeGreaterThan(0);
    const [first] = receiver.received;
    if (!first) throw new Error("the receiver got nothing");
    expect(isSignedWith(secret, first)).toBe(true);
    expect(JSON.parse(first.body)).toMatchObject({ type: "message" });
    expect(first.body).toContain("Is anybody there?");

    await page.getByRole("link", { name: "Webhooks" }).click();
    await page.getByRole("link", { name: receiver.url }).click();
    const delivery = page.getByTestId("delivery").filter({ hasText: String(first.headers["webhook-id"]) });
    await expect(delivery).toHaveAttribute("data-state", "delivered");
    await delivery.locator("summary").click();
    await expect(delivery.getByRole("list", { name: "Attempts" })).toContainText("answered 200");

    const before = receiver.received.length;
    await delivery.getByRole("button", { name: "Deliver again" }).click();
    await expect.poll(() => receiver.received.length).toBeGreaterThan(before);
    expect(receiver.received.at(-1)?.headers["webhook-id"]).toBe(first.headers["webhook-id"]);

    await page.getByRole("link", { name: "Sessions" }).click();
    const row = page.getByRole("link", { name: /Main job/ });
    await expect(row).toContainText("Connected");
    await expect(row).toContainText(`+${account}`);
  } finally {
    await receiver.stop();
  }
});

test("the list follows a session live, without a reload", async ({ signedIn: page, context }) => {
  await createSession(page, "Watched");
  const storage = await page.evaluate(() => sessionStorage.getItem("wharf.refresh_token"));
  const list = await context.newPage();
  await list.addInitScript((copy) => sessionStorage.getItem("wharf.refresh_token") ?? sessionStorage.setItem("wharf.refresh_token", copy ?? ""), storage);
  await list.goto("/#/sessions");
  const row = list.getByRole("link", { name: /Watched/ });
  await expect(row).toContainText("Waiting for a scan");
  await scanWithSandboxPhone(page);
  await expect(row).toContainText("Connected");
});

test("a message that cannot be sent says why", async ({ signedIn: page }) => {
  await createSession(page, "Refused");
  await scanWithSandboxPhone(page);
  await page.getByLabel("To", { exact: true }).fill("not a number");
  await page.getByRole("button", { name: "Send", exact: true }).click();
  await expect(page.getByRole("alert")).toBeVisible();
  await expect(page.getByTestId("sent")).toHaveCount(0);
  await expect(state(page)).toHaveText("Connected");
});
