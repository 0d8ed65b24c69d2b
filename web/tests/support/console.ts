/** What every test has: a running service, a page that fails the test on any fault of its own, and the usual steps. */
import { test as base, expect, type Page } from "@playwright/test";
import { startService, type Service } from "./service";

export { expect };
export type { Page };

export const ADMIN = { username: "admin", password: "admin123" };

interface Fixtures {
  /** The page of someone who has signed in. */
  signedIn: Page;
}

export const test = base.extend<Fixtures, { service: Service }>({
  service: [
    async ({}, use) => {
      const service = await startService();
      await use(service);
      await service.stop();
    },
    { scope: "worker", timeout: 60_000 },
  ],
  baseURL: async ({ service }, use) => use(service.url),
  page: async ({ page }, use) => {
    const faults: string[] = [];
    page.on("pageerror", (error) => faults.push(error.message));
    // Chromium writes a blocked script, style or image to the console; answers with 4xx are there too, and are no fault.
    page.on("console", (message) => {
      if (message.type() === "error" && !message.text().startsWith("Failed to load resource")) faults.push(message.text());
    });
    await use(page);
    expect(faults, "faults of the page").toEqual([]);
  },
  signedIn: async ({ page }, use) => {
    await signIn(page);
    await use(page);
  },
});

export async function signIn(page: Page): Promise<void> {
  await page.goto("/");
  await page.getByLabel("User name").fill(ADMIN.username);
  await page.getByLabel("Password").fill(ADMIN.password);
  await page.getByRole("button", { name: "Sign in" }).click();
  await expect(page.getByRole("heading", { name: "Sessions", level: 1 })).toBeVisible();
}

/** Creates a session on the page and waits for its first QR code. */
export async function createSession(page: Page, name: string): Promise<void> {
  await page.getByRole("button", { name: "New session" }).or(page.getByRole("button", { name: "Create the first session" })).first().click();
  await page.getByLabel("Name (optional)").fill(name);
  await page.getByRole("button", { name: "Create and connect" }).click();
  await expect(page.getByRole("heading", { name, level: 1 })).toBeVisible();
  await expect(page.getByTestId("qr")).toBeVisible();
}

/** Lets the sandbox phone scan the QR code and waits until the session is connected, without a reload. */
export async function scanWithSandboxPhone(page: Page): Promise<string> {
  const number = await page.getByLabel("Its number").inputValue();
  await page.getByRole("button", { name: "Scan the QR code" }).click();
  await expect(state(page)).toHaveText("Connected");
  await expect(page.getByTestId("account-phone")).toHaveText(`+${number}`);
  return number;
}

export const state = (page: Page) => page.getByTestId("state");

/** The event rows of one type. */
export const events = (page: Page, type: string) => page.locator(`[data-testid="event"][data-type="${type}"]`);
