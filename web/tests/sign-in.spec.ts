import { ADMIN, expect, signIn, test } from "./support/console";

test("a wrong password shows an error and lets nobody in", async ({ page }) => {
  await page.goto("/");
  await page.getByLabel("User name").fill(ADMIN.username);
  await page.getByLabel("Password").fill("not-the-password");
  await page.getByRole("button", { name: "Sign in" }).click();
  await expect(page.getByRole("alert")).toContainText(/password/i);
  await expect(page.getByLabel("Password")).toHaveValue("");
  await expect(page.getByRole("navigation")).toHaveCount(0);
});

test("a reload keeps the sign-in, and no access token is stored", async ({ signedIn: page }) => {
  await page.reload();
  await expect(page.getByRole("heading", { name: "Sessions", level: 1 })).toBeVisible();
  const stored = await page.evaluate(() => JSON.stringify([{ ...localStorage }, { ...sessionStorage }, document.cookie]));
  // A JWT is three parts of base64 that begin with `{"`.
  expect(stored).not.toMatch(/eyJ[\w-]+\.[\w-]+\.[\w-]+/);
});

test("signing out ends the refresh token at the service", async ({ signedIn: page, service }) => {
  const refresh_token = await page.evaluate(() => sessionStorage.getItem("wharf.refresh_token"));
  expect(refresh_token).toBeTruthy();
  const told = page.waitForResponse("**/v1/auth/logout");
  await page.getByRole("button", { name: "Sign out" }).click();
  await expect(page.getByRole("heading", { name: "Sign in" })).toBeVisible();
  expect((await told).ok()).toBe(true);
  const again = await fetch(`${service.url}/v1/auth/refresh`, {
    method: "POST",
    headers: { "content-type": "application/json" },
    body: JSON.stringify({ refresh_token }),
  });
  expect(again.status).toBe(401);
});

test("two tabs with the same sign-in do not end each other's", async ({ signedIn: page }) => {
  // A duplicated tab starts with a copy of the session storage: the same refresh token, used twice.
  const token = await page.evaluate(() => sessionStorage.getItem("wharf.refresh_token"));
  const twin = await page.context().newPage();
  await twin.addInitScript((copy) => sessionStorage.getItem("wharf.refresh_token") ?? sessionStorage.setItem("wharf.refresh_token", copy ?? ""), token);
  await twin.goto("/");
  await expect(twin.getByRole("heading", { name: "Sessions", level: 1 })).toBeVisible();
  await page.reload();
  await expect(page.getByRole("heading", { name: "Sessions", level: 1 })).toBeVisible();
  await twin.reload();
  await expect(twin.getByRole("heading", { name: "Sessions", level: 1 })).toBeVisible();
});

test("the banner says SANDBOX before and after the sign-in, on every page", async ({ page }) => {
  await page.goto("/");
  await expect(page.getByRole("note")).toContainText("SANDBOX");
  await signIn(page);
  for (const path of ["/#/sessions", "/#/webhooks", "/#/nowhere"]) {
    await page.goto(path);
    await expect(page.getByRole("note")).toContainText("SANDBOX");
  }
});

test("a setup link creates the user and leaves no token in the address", async ({ page }) => {
  // A sandbox on loopback has its first user already, so the service's part is played here.
  let asked: unknown;
  await page.route("**/v1/setup", async (route) => {
    asked = route.request().postDataJSON();
    await route.fulfill({ status: 204 });
  });
  await page.goto("/#/setup?token=one-time-word");
  await expect(page.getByRole("heading", { name: "Welcome to Wharf" })).toBeVisible();
  expect(page.url()).not.toContain("one-time-word");

  await page.getByLabel("Password", { exact: true }).fill(ADMIN.password);
  await page.getByLabel("Password again").fill("something else");
  await page.getByRole("button", { name: "Create the user" }).click();
  await expect(page.getByText("The two passwords differ.")).toBeVisible();
  expect(asked).toBeUndefined();

  await page.getByLabel("Password again").fill(ADMIN.password);
  await page.getByRole("button", { name: "Create the user" }).click();
  await expect(page.getByRole("heading", { name: "Sessions", level: 1 })).toBeVisible();
  expect(asked).toEqual({ token: "one-time-word", ...ADMIN });
});
