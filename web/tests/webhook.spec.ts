import { account, type Account } from "./support/account";
import { expect, test as base, type Page } from "./support/console";
import { poorContrasts } from "./support/contrast";
import { reach } from "./support/keyboard";
import { isSignedWith, startReceiver, type Receiver } from "./support/receiver";

interface Scene {
  receiver: Receiver;
  user: Account;
  session: { id: string; phone: string };
  /** The webhook of the receiver, for messages. */
  webhook: string;
  /** The page of that webhook. */
  opened: Page;
}

const test = base.extend<Scene>({
  receiver: async ({}, use) => {
    const receiver = await startReceiver();
    await use(receiver);
    await receiver.stop();
  },
  user: async ({ service }, use) => use(await account(service)),
  session: async ({ user }, use) => use(await user.linkedSession("Delivered")),
  webhook: async ({ user, receiver, session }, use) => {
    const id = await user.webhook(receiver.url, { sessions: [session.id] });
    await use(id);
    // What it still tries must not reach the receiver of the next test.
    await user.call("DELETE", `/v1/webhooks/${id}`).catch(() => undefined);
  },
  opened: async ({ signedIn: page, webhook }, use) => {
    await page.goto(`/#/webhooks/${webhook}`);
    await expect(health(page)).toBeVisible();
    await use(page);
  },
});

const health = (page: Page) => page.getByTestId("health");
const rows = (page: Page) => page.getByTestId("delivery");
const actions = (page: Page) => page.getByRole("group", { name: "Actions" });
const givenUp = (page: Page) => page.getByRole("group", { name: "What was given up" });

const EVIL = '<b id="evil">bold</b><script>document.title = "evil"</script>';

test("a delivery that fails first and then arrives shows both attempts, heads and bodies as text", async ({ opened: page, receiver, user, session }) => {
  await expect(health(page)).toHaveText("Healthy");
  // An hour until the next attempt: the one by hand comes first.
  receiver.answer(503, EVIL, { "content-type": "text/html", "x-trace": "trace-4711", "set-cookie": "secret=cookie", "retry-after": "3600" });
  await user.friendWrites(session, "Fails first");
  await expect(rows(page)).toHaveAttribute("data-state", "pending");
  await expect(rows(page)).toContainText(/1 attempt, next in (1 hour|\d+ minutes)/);
  await expect(health(page)).toHaveText("Failing");
  await expect(page.getByText("Failing since")).toBeVisible();
  await expect(page.getByTestId("pending")).toHaveText("1");

  receiver.answer(202, "thank you", { "content-type": "text/plain" });
  await rows(page).locator("summary").first().click();
  await expect(rows(page)).toContainText("message");
  await rows(page).getByRole("button", { name: "Deliver again" }).click();
  const attempts = rows(page).getByTestId("attempt");
  await expect(attempts).toHaveCount(2);
  await expect(rows(page)).toHaveAttribute("data-state", "delivered");
  await expect(health(page)).toHaveText("Healthy");

  const [second, first] = [attempts.nth(0), attempts.nth(1)];
  await expect(second).toContainText(/#2.*answered 202.*in \d+ ms, the head in \d+ ms, by hand/s);
  await expect(first).toContainText(/#1.*answered 503.*in \d+ ms/s);
  await second.getByText("Request and answer").click();
  await expect(second.getByRole("region", { name: "Body of the answer" })).toHaveText("thank you");

  await first.getByText("Request and answer").click();
  const request = first.getByRole("group", { name: "Request" });
  await expect(request).toContainText(`POST ${receiver.url}`);
  await expect(request).toContainText(`webhook-id: ${String(receiver.received[0]?.headers["webhook-id"])}`);
  await expect(request).not.toContainText(String(receiver.received[0]?.headers["webhook-signature"]));
  const answer = first.getByRole("group", { name: "Answer" });
  await expect(answer).toContainText("x-trace: trace-4711");
  await expect(answer).not.toContainText("secret=cookie");
  await expect(first.getByRole("region", { name: "Body of the answer" })).toHaveText(EVIL);
  await expect(page.locator("#evil")).toHaveCount(0);
  await expect(page).toHaveTitle("Webhook · Wharf");
});

test("a long answer is shown up to a bound, and what is left out is counted", async ({ opened: page, receiver, user, session }) => {
  receiver.answer(200, "x".repeat(10_000));
  await user.friendWrites(session, "Long answer");
  await expect(rows(page)).toHaveAttribute("data-state", "delivered");
  await rows(page).locator("summary").first().click();
  await rows(page).getByText("Request and answer").click();
  await expect(rows(page).getByRole("region", { name: "Body of the answer" })).toHaveText("x".repeat(4_000));
  await expect(rows(page)).toContainText("6,000 more characters are left out here");
});

test("a receiver that does not answer is left alone, and the page says when it is tried again", async ({ opened: page, receiver, user, session }) => {
  receiver.answer(503);
  await user.friendWrites(session, "one", "two", "three", "four", "five");
  await expect(health(page)).toHaveText("Does not answer");
  await expect(page.getByText(/\d attempts in a row brought no answer or a 5xx/)).toBeVisible();
  await expect(page.getByTestId("retry-at")).toHaveText(/in \d+ s, at/);
  await expect(page.getByTestId("pending")).toHaveText("5");
  await expect(rows(page).first()).toContainText(/held until \d/);
  await expect(page.locator('[aria-live="polite"].visually-hidden')).toContainText("Health: Does not answer");
  await page.goto("/#/webhooks");
  await expect(page.getByRole("link", { name: receiver.url })).toContainText("Does not answer");
});

test("a receiver that is gone is disabled with its reason, and comes back with what was given up", async ({ opened: page, receiver, user, session }) => {
  receiver.answer(410);
  await user.friendWrites(session, "To nobody");
  await expect(health(page)).toHaveText("Disabled");
  await expect(page.getByText("Your server answered 410")).toBeVisible();
  await expect(page.getByTestId("dead")).toHaveText("1");

  await rows(page).locator("summary").first().click();
  await rows(page).getByRole("button", { name: "Deliver again" }).click();
  await expect(rows(page).getByRole("alert")).toContainText("enable it first");

  receiver.answer(200);
  await actions(page).getByRole("button", { name: "Enable" }).click();
  await expect(page.getByText("Enabled. What has waited is sent now.")).toBeVisible();
  await expect(health(page)).toHaveText("Healthy");
  await givenUp(page).getByRole("button", { name: "Redeliver all" }).click();
  await expect(givenUp(page).getByRole("status")).toHaveText("Queued again: 1 delivery.");
  await expect(rows(page)).toHaveAttribute("data-state", "delivered");
  await expect(page.getByTestId("dead")).toHaveText("0");
  await expect(givenUp(page)).toContainText("Nothing was given up.");
  const ids = receiver.received.map(({ headers }) => headers["webhook-id"]);
  expect(new Set(ids).size, "the same id again").toBe(1);
});

test("what was given up is removed for good, after a question", async ({ opened: page, receiver, user, session }) => {
  receiver.answer(410);
  await user.friendWrites(session, "To be removed");
  await expect(page.getByTestId("dead")).toHaveText("1");
  await givenUp(page).getByRole("button", { name: "Remove all…" }).click();
  await page.keyboard.press("Escape");
  await expect(page.getByRole("dialog")).toHaveCount(0);
  await expect(rows(page)).toHaveCount(1);
  await givenUp(page).getByRole("button", { name: "Remove all…" }).click();
  await page.getByRole("dialog").getByRole("button", { name: "Remove" }).click();
  await expect(givenUp(page).getByRole("status")).toHaveText("Removed: 1 delivery.");
  await expect(rows(page)).toHaveCount(0);
  await expect(page.getByTestId("dead")).toHaveText("0");
});

test("a time is replayed under the same ids, and a time without events says so", async ({ opened: page, receiver, user, session }) => {
  await user.friendWrites(session, "First", "Second");
  await expect.poll(() => receiver.received.length).toBe(2);
  const form = page.getByRole("form", { name: "Replay a time" });
  await form.getByRole("button", { name: "Replay this time" }).click();
  await expect(form.getByRole("status")).toHaveText("Queued again: 2 deliveries.");
  await expect.poll(() => receiver.received.length).toBe(4);
  const ids = receiver.received.map(({ headers }) => headers["webhook-id"]);
  expect(new Set(ids.slice(2))).toEqual(new Set(ids.slice(0, 2)));

  await form.getByLabel("From").fill("2020-01-01T10:00");
  await form.getByLabel("To").fill("2020-01-01T11:00");
  await form.getByRole("button", { name: "Replay this time" }).click();
  await expect(form.getByRole("status")).toContainText("Nothing of that time is for this webhook");
  await form.getByLabel("To").fill("2019-01-01T11:00");
  await form.getByRole("button", { name: "Replay this time" }).click();
  await expect(form.getByRole("alert")).toContainText("must be before to");
});

test("deliveries are filtered by their state and turned page by page", async ({ opened: page, receiver, user, session }) => {
  await user.friendWrites(session, ...Array.from({ length: 27 }, (_, count) => `Message ${count}`));
  await expect.poll(() => receiver.received.length).toBe(27);
  const pages = page.getByRole("navigation", { name: "Pages of deliveries" });
  await expect(pages).toContainText("Page 1");
  await expect(rows(page)).toHaveCount(25);
  await pages.getByRole("button", { name: "Older" }).click();
  await expect(rows(page)).toHaveCount(2);
  await expect(pages).toContainText("Page 2");
  await expect(pages.getByRole("button", { name: "Older" })).toHaveAttribute("aria-disabled", "true");
  const oldest = String(receiver.received[0]?.headers["webhook-id"]);
  await expect(rows(page).last()).toContainText(oldest);
  await pages.getByRole("button", { name: "Newer" }).click();
  await expect(rows(page)).toHaveCount(25);

  receiver.answer(500);
  await user.friendWrites(session, "Waits");
  await page.getByLabel("Show").selectOption("Waiting");
  await expect(rows(page)).toHaveCount(1);
  await page.getByLabel("Show").selectOption("Given up");
  await expect(page.getByText("Nothing of this kind.")).toBeVisible();
});

test("a new secret is shown once and signs from then on", async ({ opened: page, receiver, user, session }) => {
  await actions(page).getByRole("button", { name: "New secret…" }).click();
  await page.getByRole("dialog").getByRole("button", { name: "Make a new secret" }).click();
  const secret = (await page.getByTestId("secret").textContent()) ?? "";
  await expect(page.getByText("Signs as well until")).toBeVisible();
  await page.getByRole("button", { name: "I have it" }).click();
  await expect(page.getByTestId("secret")).toHaveCount(0);
  await page.reload();
  await expect(health(page)).toBeVisible();
  await expect(page.locator("body")).not.toContainText("whsec_");
  await user.friendWrites(session, "Signed anew");
  await expect.poll(() => receiver.received.length).toBe(1);
  const [first] = receiver.received;
  expect(first && isSignedWith(secret, first)).toBe(true);
});

test("a test event tells how it was answered, also to a receiver that fails", async ({ opened: page, receiver }) => {
  receiver.answer(500, EVIL);
  await actions(page).getByRole("button", { name: "Send a test event" }).click();
  await expect(page.getByTestId("trial")).toContainText("The test event did not arrive. Your server answered 500");
  await expect(page.getByTestId("trial").locator("pre")).toHaveText(EVIL);
  receiver.answer(200);
  await actions(page).getByRole("button", { name: "Send a test event" }).click();
  await expect(page.getByTestId("trial")).toContainText("The test event arrived.");
});

test("the page shows what a webhook gets: types, sessions, chats, order", async ({ signedIn: page, receiver, user, session }) => {
  const id = await user.webhook(receiver.url, {
    types: ["message", "message.ack"],
    sessions: [session.id],
    chats: ["+49 151 2345678".replace(/\s/g, "")],
    ordering: "strict",
    headers: { "x-own": "a secret value" },
  });
  await page.goto(`/#/webhooks/${id}`);
  const filters = page.getByRole("region", { name: "What it gets" });
  await expect(filters).toContainText("message, message.ack");
  await expect(filters.getByRole("link", { name: session.id })).toBeVisible();
  await expect(filters).toContainText("491512345678@s.whatsapp.net");
  await expect(filters).toContainText("Strict");
  await expect(filters).toContainText("x-own");
  await expect(page.locator("body")).not.toContainText("a secret value");
});

test("each action tells screen readers that it is on its way, done, or failed", async ({ opened: page }) => {
  let release = () => {};
  let answer = 200;
  await page.route("**/replay", async (route) => {
    await new Promise<void>((resolve) => (release = resolve));
    if (answer === 200) await route.continue();
    else await route.fulfill({ status: answer, json: { code: "internal", detail: "Something broke.", request_id: "req_1" } });
  });
  const form = page.getByRole("form", { name: "Replay a time" });
  const button = form.getByRole("button");
  await button.click();
  await expect(form.getByRole("status")).toHaveText("Replaying…");
  await expect(button).toHaveAttribute("aria-disabled", "true");
  await expect(button).toBeFocused();
  release();
  await expect(form.getByRole("status")).toContainText("Nothing of that time");
  await expect(button).toHaveText("Replay this time");

  answer = 500;
  await button.click();
  await expect(form.getByRole("status")).toHaveText("Replaying…");
  release();
  await expect(form.getByRole("alert")).toContainText("Something broke.");
  await expect(form.getByRole("status")).toBeEmpty();
  await expect(button).toBeFocused();
});

test("a delivery is opened, read and sent again without a mouse", async ({ opened: page, receiver, user, session }) => {
  receiver.answer(410, "gone for good");
  await user.friendWrites(session, "By keyboard");
  await expect(rows(page)).toHaveAttribute("data-state", "dead");
  receiver.answer(200);
  await reach(page, "Enable");
  await page.keyboard.press("Enter");
  await expect(health(page)).toHaveText("Healthy");
  await expect(page.getByRole("button", { name: "Enable" })).toBeFocused();
  await reach(page, /^Given up/);
  await page.keyboard.press("Enter");
  await reach(page, /^Request and answer/);
  await page.keyboard.press("Space");
  await reach(page, "Body of the answer");
  await reach(page, "Deliver again");
  await page.keyboard.press("Enter");
  await expect(rows(page)).toHaveAttribute("data-state", "delivered");
  await expect(rows(page).getByRole("button", { name: "Deliver again" })).toBeFocused();
  await reach(page, "From");
  await reach(page, "Replay this time");
  await page.keyboard.press("Enter");
  await expect(page.getByText("Queued again: 1 delivery.")).toBeVisible();
});

for (const colorScheme of ["light", "dark"] as const) {
  test(`an opened delivery fits into 360 px and can be read in the ${colorScheme} scheme`, async ({ opened: page, receiver, user, session }) => {
    await page.setViewportSize({ width: 360, height: 740 });
    await page.emulateMedia({ colorScheme, reducedMotion: "reduce" });
    receiver.answer(410, "a-word-without-a-break-".repeat(40), { "x-long": "another-long-word-".repeat(20) });
    await user.friendWrites(session, "Narrow");
    await expect(health(page)).toHaveText("Disabled");
    await rows(page).locator("summary").first().click();
    await rows(page).getByText("What it tells").click();
    await rows(page).getByText("Request and answer").click();
    await expect(rows(page).getByRole("region", { name: "Body of the answer" })).toBeVisible();
    await rows(page).getByRole("button", { name: "Deliver again" }).click();
    await expect(rows(page).getByRole("alert")).toBeVisible();
    expect(await page.evaluate(() => document.documentElement.scrollWidth)).toBeLessThanOrEqual(360);
    expect(await poorContrasts(page)).toEqual([]);
  });
}
