/** The browser's own `EventSource` on the stream of a session, over a line that breaks. */
import { once } from "node:events";
import { connect, createServer, type AddressInfo, type Socket } from "node:net";
import { account } from "./support/account";
import { expect, test } from "./support/console";

/** A line to the service that can be cut. */
async function line(to: string) {
  const { hostname, port } = new URL(to);
  const open = new Set<Socket>();
  let connections = 0;
  const server = createServer((browser) => {
    connections += 1;
    const service = connect(Number(port), hostname);
    for (const [one, other] of [[browser, service], [service, browser]] as const) {
      open.add(one);
      one.on("error", () => other.destroy());
      one.on("close", () => (open.delete(one), other.destroy()));
      one.pipe(other);
    }
  }).listen(0, "127.0.0.1");
  await once(server, "listening");
  const cut = () => open.forEach((socket) => socket.resetAndDestroy());
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    connections: () => connections,
    cut,
    close: () => (cut(), server.close()),
  };
}

interface Heard {
  id: number;
  type: string;
}

test("an EventSource that is cut again and again hears the log, once and in order", async ({ page, service }) => {
  const CUTS = 6;
  const user = await account(service);
  const session = await user.linkedSession("Followed");
  const { token } = await user.call<{ token: string }>("POST", `/v1/sessions/${session.id}/link-tokens`, { expires_in_s: 600 });
  const start = await user.lastSeq(session.id);
  const wire = await line(service.url);
  await page.goto(`${wire.url}/healthz`);
  await page.evaluate((path) => {
    const heard: Heard[] = [];
    const source = new EventSource(path);
    for (const type of ["message", "message.ack", "gap"]) {
      source.addEventListener(type, (event) => heard.push({ id: Number((event as MessageEvent).lastEventId), type }));
    }
    Object.assign(window, { heard, source });
  }, `/v1/sessions/${session.id}/events?types=message&token=${token}`);
  const ready = () => page.evaluate(() => (window as unknown as { source: EventSource }).source.readyState);
  await expect.poll(ready).toBe(1);

  for (let cut = 0; cut < CUTS; cut += 1) {
    await user.friendWrites(session, `before cut ${cut}`);
    wire.cut();
    await user.friendWrites(session, `after cut ${cut}`, `and once more ${cut}`);
    await expect.poll(ready).toBe(1);
  }

  const logged = `/v1/sessions/${session.id}/events?after=${start}&types=message&limit=200`;
  const { data } = await user.call<{ data: { seq: number; type: string }[] }>("GET", logged);
  expect(data).toHaveLength(3 * CUTS);
  const heard = () => page.evaluate(() => (window as unknown as { heard: Heard[] }).heard);
  await expect.poll(heard).toEqual(data.map(({ seq, type }) => ({ id: seq, type })));
  expect(wire.connections()).toBeGreaterThan(CUTS);
  wire.close();
});
