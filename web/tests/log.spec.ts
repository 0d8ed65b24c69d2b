import type { WebSocketRoute } from "@playwright/test";
import { account, type Account } from "./support/account";
import { events, expect, test as base, type Page } from "./support/console";
import { poorContrasts } from "./support/contrast";
import { reach } from "./support/keyboard";

interface Scene {
  user: Account;
  session: { id: string; phone: string };
  /** The page of that session. */
  opened: Page;
}

const test = base.extend<Scene>({
  user: async ({ service }, use) => use(await account(service)),
  session: async ({ user }, use) => use(await user.linkedSession("Logged")),
  opened: async ({ signedIn: page, session }, use) => {
    await open(page, session.id);
    await use(page);
  },
});

async function open(page: Page, session: string): Promise<void> {
  await page.goto(`/#/sessions/${session}`);
  await expect(events(page, "connected").first()).toBeVisible();
}

const rows = (page: Page) => page.getByTestId("event");
const chip = (page: Page, type: string) => page.getByRole("checkbox", { name: type, exact: true });
const numbers = (page: Page) => rows(page).evaluateAll((all) => all.map((row) => Number((row as HTMLElement).dataset.seq)));
const counting = (from: number, to: number) => Array.from({ length: from - to + 1 }, (_, place) => from - place);

/** Stands between the page and the service: it can say something of its own, and cut the line. */
async function between(page: Page) {
  const line = { urls: [] as string[], socket: null as WebSocketRoute | null, mended: Promise.resolve() };
  await page.routeWebSocket(/\/ws\/ses_/, async (socket) => {
    line.urls.push(socket.url());
    await line.mended;
    const service = socket.connectToServer();
    service.onMessage((message) => socket.send(message));
    socket.onMessage((message) => service.send(message));
    line.socket = socket;
  });
  return {
    urls: line.urls,
    say: (frame: object) => line.socket?.send(JSON.stringify({ at: new Date().toISOString(), ...frame })),
    /** Gives what mends it. */
    cut: (): (() => void) => {
      let mend = () => {};
      line.mended = new Promise<void>((resolve) => (mend = resolve));
      void line.socket?.close({ code: 1012 });
      return mend;
    },
  };
}

test("the log is filtered by several types and by text, and says how much is shown", async ({ opened: page, user, session }) => {
  await user.friendWrites(session, "Apples are red", "Pears are green");
  await expect(events(page, "message")).toHaveCount(2);
  await chip(page, "message").check();
  await expect(rows(page)).toHaveCount(2);
  await chip(page, "connected").check();
  await expect(events(page, "connected").first()).toBeVisible();
  await expect(events(page, "message")).toHaveCount(2);
  await expect(events(page, "qr")).toHaveCount(0);
  await page.getByLabel("Search").fill("PEARS");
  await expect(rows(page)).toHaveCount(1);
  await expect(rows(page)).toContainText("Pears are green");
  await expect(page.getByTestId("shown")).toHaveText(/^1 of \d+ shown$/);
  await page.getByLabel("Search").fill("nothing like that");
  await expect(page.getByText("No event passes these filters yet.")).toBeVisible();
  await page.getByRole("button", { name: "Show all" }).click();
  await expect(page.getByLabel("Search")).toHaveValue("");
  await expect(chip(page, "message")).not.toBeChecked();
  await expect(events(page, "qr").first()).toBeVisible();
});

test("pausing holds the list still and counts what comes; resuming has lost nothing", async ({ opened: page, user, session }) => {
  const before = await numbers(page);
  await page.getByRole("button", { name: "Pause" }).click();
  await user.friendWrites(session, "Unseen 1", "Unseen 2", "Unseen 3");
  const last = await user.lastSeq(session.id);
  const came = last - (before[0] ?? 0);
  expect(came).toBeGreaterThanOrEqual(3);
  await expect(page.getByRole("button", { name: `Resume (${came} new)` })).toBeVisible();
  expect(await numbers(page)).toEqual(before);
  await page.getByRole("button", { name: "Resume" }).click();
  await expect(events(page, "message")).toHaveCount(3);
  expect(await numbers(page)).toEqual(counting(last, before.at(-1) ?? 1));
  await expect(page.locator('[aria-live="polite"].visually-hidden')).toContainText(`Resumed, ${came} new events`);
});

test("a line that is lost during a pause resumes after the last event, once each", async ({ signedIn: page, user, session }) => {
  const line = await between(page);
  await open(page, session.id);
  await page.getByRole("button", { name: "Pause" }).click();
  const [newest] = await numbers(page);
  const mend = line.cut();
  await expect(page.getByText("Live updates are interrupted")).toBeVisible();
  await user.friendWrites(session, "While the line was down");
  const last = await user.lastSeq(session.id);
  mend();
  await expect(page.getByRole("button", { name: `Resume (${last - (newest ?? 0)} new)` })).toBeVisible();
  expect(new URL(line.urls.at(-1) ?? "").searchParams.get("since")).toBe(String(newest));
  await page.getByRole("button", { name: "Resume" }).click();
  const all = await numbers(page);
  expect(all).toEqual(counting(last, all.at(-1) ?? 1));
});

test("a gap is shown as one, told to screen readers, and hidden by no filter", async ({ signedIn: page, session }) => {
  const line = await between(page);
  await open(page, session.id);
  const [newest = 0] = await numbers(page);
  // The log keeps its events for days, so the service's word is said in its place.
  line.say({ type: "gap", session: session.id, data: { from: newest + 1, to: newest + 40 } });
  line.say({ type: "presence", seq: newest + 41, id: "evt_1", session: session.id, data: {} });
  await expect(page.getByTestId("gap")).toContainText(`Gap: events ${newest + 1} to ${newest + 40} are missing here.`);
  await expect(page.locator('[aria-live="polite"].visually-hidden')).toContainText(`Events ${newest + 1} to ${newest + 40} are missing`);
  await chip(page, "presence").check();
  await page.getByLabel("Search").fill("presence");
  await expect(rows(page)).toHaveCount(1);
  await expect(page.getByTestId("gap")).toBeVisible();
});

test("the page keeps the last 500 events, also those that came during a pause", async ({ signedIn: page, session }) => {
  const line = await between(page);
  await open(page, session.id);
  const [newest = 0] = await numbers(page);
  const say = (count: number) => line.say({ type: "presence", seq: newest + count, id: `evt_${count}`, session: session.id, data: {} });
  for (let count = 1; count <= 510; count += 1) say(count);
  await expect(rows(page).first()).toHaveAttribute("data-seq", String(newest + 510));
  await expect(rows(page)).toHaveCount(500);
  await page.getByRole("button", { name: "Pause" }).click();
  for (let count = 511; count <= 1_020; count += 1) say(count);
  await expect(page.getByRole("button", { name: "Resume (510 new)" })).toBeVisible();
  await expect(rows(page).first()).toHaveAttribute("data-seq", String(newest + 510));
  await page.getByRole("button", { name: "Resume" }).click();
  await expect(rows(page).first()).toHaveAttribute("data-seq", String(newest + 1_020));
  await expect(rows(page)).toHaveCount(500);
  expect(await numbers(page)).toEqual(counting(newest + 1_020, newest + 521));
});

test("older events are read from the log of the service, without a hole", async ({ signedIn: page, user, session }) => {
  await user.friendWrites(session, ...Array.from({ length: 50 }, (_, count) => `Message ${count}`));
  await page.goto(`/#/sessions/${session.id}`);
  await expect(rows(page)).toHaveCount(50);
  const [newest = 0] = await numbers(page);
  await page.getByRole("button", { name: "Read older ones" }).click();
  await expect(page.getByText(/^Read: \d+ older events\.$/)).toBeVisible();
  expect(await numbers(page)).toEqual(counting(newest, 1));
  await expect(page.getByRole("button", { name: "Read older ones" })).toHaveAttribute("aria-disabled", "true");
});

test("an event opens to its JSON, as text", async ({ opened: page, user, session }) => {
  await user.friendWrites(session, '<b id="evil">bold</b>');
  const row = events(page, "message");
  await row.locator("summary").click();
  const json = JSON.parse((await row.locator("pre").textContent()) ?? "") as { type: string; session: string };
  expect(json).toMatchObject({ type: "message", session: session.id, data: { text: { body: '<b id="evil">bold</b>' } } });
  await expect(page.locator("#evil")).toHaveCount(0);
  await events(page, "qr").first().locator("summary").click();
  await expect(events(page, "qr").first().locator("pre")).toContainText("left out here");
});

test("the log is filtered, paused and opened without a mouse", async ({ opened: page, user, session }) => {
  await user.friendWrites(session, "By keyboard");
  await expect(events(page, "message")).toHaveCount(1);
  await reach(page, "Pause");
  await page.keyboard.press("Enter");
  await expect(page.getByRole("button", { name: "Resume" })).toBeFocused();
  await page.keyboard.press("Enter");
  await reach(page, "message");
  await page.keyboard.press("Space");
  await expect(rows(page)).toHaveCount(1);
  await reach(page, "Search");
  await page.keyboard.type("keyboard");
  await reach(page, "Event list");
  await reach(page, /By keyboard$/);
  await page.keyboard.press("Enter");
  await expect(rows(page).locator("pre")).toBeVisible();
  await reach(page, /^Event \d+ as JSON$/);
  await reach(page, "Show all");
  await page.keyboard.press("Enter");
  await expect(events(page, "qr").first()).toBeVisible();
});

for (const colorScheme of ["light", "dark"] as const) {
  test(`the log with its filters fits into 360 px and can be read in the ${colorScheme} scheme`, async ({ signedIn: page, user, session }) => {
    await page.setViewportSize({ width: 360, height: 740 });
    await page.emulateMedia({ colorScheme, reducedMotion: "reduce" });
    const line = await between(page);
    await open(page, session.id);
    await user.friendWrites(session, "a-word-without-a-break-".repeat(20));
    await events(page, "message").locator("summary").click();
    await chip(page, "message").check();
    line.say({ type: "gap", session: session.id, data: { from: 1_000_001, to: 1_999_999 } });
    await expect(page.getByTestId("gap")).toBeVisible();
    expect(await page.evaluate(() => document.documentElement.scrollWidth)).toBeLessThanOrEqual(360);
    expect(await poorContrasts(page)).toEqual([]);
  });
}
