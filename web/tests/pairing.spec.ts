import { createSession, events, expect, scanWithSandboxPhone, state, test } from "./support/console";

test("linking by code works from the phone panel", async ({ signedIn: page }) => {
  await createSession(page, "By code");
  await page.getByRole("button", { name: "Link by code instead" }).click();
  await expect(state(page)).toHaveText("Connected");
});

test("a phone that scans too late is told so, and the next code works", async ({ signedIn: page, service }) => {
  await createSession(page, "Too late");
  const number = await page.getByLabel("Its number").inputValue();
  const first = await page.getByTestId("qr").getAttribute("src");
  const fault = await fetch(`${service.sandbox}/faults`, {
    method: "POST",
    headers: { "content-type": "application/json" },
    body: JSON.stringify({ target: number, kind: "expire_qr" }),
  });
  expect(fault.status).toBe(201);
  await page.getByRole("button", { name: "Scan the QR code" }).click();
  await expect(page.getByRole("alert")).toContainText(/expired/i);
  await expect(page.getByTestId("qr")).toBeVisible();
  await expect(page.getByTestId("qr")).not.toHaveAttribute("src", first ?? "");
  await scanWithSandboxPhone(page);
});

test("a pair code is shown the way the phone asks for it", async ({ signedIn: page }) => {
  await createSession(page, "Code shown");
  await page.getByText("Link with the phone number instead").click();
  await page.getByLabel("Phone number").fill("+1 555 0177 4242");
  await page.getByRole("button", { name: "Get a code" }).click();
  await expect(page.getByTestId("pair-code")).toHaveText(/^[A-Z0-9]{4}-[A-Z0-9]{4}$/);
});

test("a phone that removes the device is told in plain words, and a new code can be had", async ({ signedIn: page }) => {
  await createSession(page, "Removed");
  await scanWithSandboxPhone(page);
  await page.getByRole("button", { name: /^Remove this device/ }).click();
  await expect(state(page)).toHaveText("Logged out");
  await expect(page.getByRole("region", { name: "Link a phone" })).toContainText("The device was removed");
  await page.getByRole("button", { name: "Show a new QR code" }).click();
  await expect(page.getByTestId("qr")).toBeVisible();
});

test("a session can be stopped, started and restarted and keeps its link", async ({ signedIn: page }) => {
  await createSession(page, "Stopped");
  await scanWithSandboxPhone(page);
  const actions = page.getByRole("group", { name: "Actions" });
  await actions.getByRole("button", { name: "Disconnect" }).click();
  await expect(state(page)).toHaveText("Disconnected");
  await actions.getByRole("button", { name: "Connect" }).click();
  await expect(state(page)).toHaveText("Connected");
  const known = await events(page, "connected").count();
  await actions.getByRole("button", { name: "Restart" }).click();
  await expect(events(page, "connected")).toHaveCount(known + 1);
  await expect(state(page)).toHaveText("Connected");
});

test("logging out and deleting ask first", async ({ signedIn: page }) => {
  await createSession(page, "Short-lived");
  await scanWithSandboxPhone(page);
  await page.getByRole("button", { name: "Log out…" }).click();
  await page.getByRole("dialog").getByRole("button", { name: "Cancel" }).click();
  await expect(state(page)).toHaveText("Connected");

  await page.getByRole("button", { name: "Log out…" }).click();
  await page.getByRole("dialog").getByRole("button", { name: "Log out" }).click();
  await expect(state(page)).toHaveText("Logged out");

  await page.getByRole("button", { name: "Delete…" }).click();
  await page.keyboard.press("Escape");
  await expect(page.getByRole("heading", { name: "Short-lived" })).toBeVisible();
  await page.getByRole("button", { name: "Delete…" }).click();
  await page.getByRole("dialog").getByRole("button", { name: "Delete" }).click();
  await expect(page.getByRole("heading", { name: "Sessions", level: 1 })).toBeVisible();
  await expect(page.getByRole("link", { name: /Short-lived/ })).toHaveCount(0);
});
