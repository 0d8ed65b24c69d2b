import { ADMIN, createSession, expect, scanWithSandboxPhone, signIn, test, type Page } from "./support/console";
import { poorContrasts } from "./support/contrast";
import { reach } from "./support/keyboard";

/** Every page, in each state that looks different. */
async function everyPage(page: Page, look: (name: string) => Promise<void>): Promise<void> {
  await page.goto("/");
  await expect(page.getByRole("heading", { name: "Sign in" })).toBeVisible();
  await look("sign-in");
  await signIn(page);
  await look("sessions");
  await createSession(page, "A session with a name that is rather long for a small screen");
  await look("QR");
  await scanWithSandboxPhone(page);
  await page.getByLabel("Robin writes").fill("https://example.org/a-very-long-word-without-any-break-that-goes-on-and-on-and-on");
  await page.getByRole("button", { name: "Write to the session" }).click();
  await expect(page.getByTestId("event").filter({ hasText: "a-very-long-word" })).toBeVisible();
  await page.getByTestId("event").first().locator("summary").click();
  await look("connected");
  await page.getByRole("button", { name: "Delete…" }).click();
  await look("dialog");
  await page.keyboard.press("Escape");
  await page.goto("/#/webhooks");
  await page.getByRole("button", { name: "New webhook" }).click();
  await page.getByLabel("All events").uncheck();
  await look("new webhook");
  await page.getByLabel("Address").fill(`http://127.0.0.1:9/${"long-path/".repeat(12)}`);
  await page.getByRole("button", { name: "Create the webhook" }).click();
  await expect(page.getByTestId("secret")).toBeVisible();
  await look("secret");
  await page.getByRole("link", { name: /long-path/ }).first().click();
  await page.getByRole("button", { name: "Send a test event" }).click();
  await expect(page.getByTestId("trial")).toContainText("did not arrive");
  await look("webhook");
  await page.goto("/#/nowhere");
  await look("missing");
}

test("nothing scrolls sideways at 360 px", async ({ page }) => {
  await page.setViewportSize({ width: 360, height: 740 });
  await everyPage(page, async (name) => {
    const width = await page.evaluate(() => document.documentElement.scrollWidth);
    expect(width, name).toBeLessThanOrEqual(360);
  });
});

for (const colorScheme of ["light", "dark"] as const) {
  test(`every text has enough contrast in the ${colorScheme} scheme`, async ({ page }) => {
    await page.emulateMedia({ colorScheme, reducedMotion: "reduce" });
    await everyPage(page, async (name) => expect(await poorContrasts(page), name).toEqual([]));
    const ground = await page.evaluate(() => getComputedStyle(document.body).backgroundColor);
    const [red = 0] = (ground.match(/\d+/g) ?? []).map(Number);
    expect(red < 128, "the page is dark in the dark scheme only").toBe(colorScheme === "dark");
  });
}

test("signing in and creating a session need no mouse", async ({ page }) => {
  await page.goto("/");
  await reach(page, "User name");
  await page.keyboard.type(ADMIN.username);
  await page.keyboard.press("Tab");
  await page.keyboard.type(ADMIN.password);
  await page.keyboard.press("Enter");
  await expect(page.getByRole("heading", { name: "Sessions", level: 1 })).toBeVisible();

  await reach(page, "New session");
  await page.keyboard.press("Enter");
  await expect(page.getByLabel("Name (optional)")).toBeFocused();
  await page.keyboard.type("By keyboard");
  await page.keyboard.press("Enter");
  await expect(page.getByTestId("qr")).toBeVisible();

  await reach(page, "Scan the QR code");
  await page.keyboard.press("Space");
  await expect(page.getByTestId("state")).toHaveText("Connected");
});

test("a state that changes by itself is told to screen readers", async ({ signedIn: page }) => {
  await createSession(page, "Announced");
  await expect(page.locator('[aria-live="polite"].visually-hidden')).toContainText("QR code 1 is shown");
  await scanWithSandboxPhone(page);
  await expect(page.locator('[aria-live="polite"].visually-hidden')).toContainText("Connected");
});
