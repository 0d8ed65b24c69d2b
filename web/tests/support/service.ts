/** Starts a sandbox build of the service of its own for a worker: free ports, an empty data folder, no internet. */
import { spawn, type ChildProcess } from "node:child_process";
import { once } from "node:events";
import { existsSync, mkdtempSync, rmSync } from "node:fs";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { dirname, join, resolve } from "node:path";
import { fileURLToPath } from "node:url";

const repository = resolve(dirname(fileURLToPath(import.meta.url)), "../../..");

export interface Service {
  url: string;
  /** The sandbox's own control API. */
  sandbox: string;
  stop: () => Promise<void>;
}

function binary(): string {
  const path = process.env.WHARF_BIN ?? join(process.env.CARGO_TARGET_DIR ?? join(repository, "target"), "debug/wharf");
  if (!existsSync(path)) {
    throw new Error(`no service at ${path}: run \`cargo build --features sandbox\`, or name one in WHARF_BIN`);
  }
  return path;
}

/** One that the system gives to no connection, so that it is still free when the service wants it. */
async function freePort(): Promise<number> {
  for (;;) {
    const port = 7000 + Math.floor(Math.random() * 3000);
    const server = createServer().listen(port, "127.0.0.1");
    try {
      await once(server, "listening");
    } catch {
      continue;
    }
    server.close();
    await once(server, "close");
    return port;
  }
}

export async function startService(): Promise<Service> {
  const data = mkdtempSync(join(tmpdir(), "wharf-web-"));
  const port = await freePort();
  const url = `http://127.0.0.1:${port}`;
  const sandboxPort = await freePort();
  const child = spawn(binary(), ["serve"], {
    cwd: data,
    // Nothing of the caller's environment may change what is tested.
    env: {
      PATH: process.env.PATH,
      HOST: "127.0.0.1",
      PORT: String(port),
      DATA_DIR: data,
      WHARF_SANDBOX__LISTEN: `127.0.0.1:${sandboxPort}`,
      RUST_LOG: "info",
    },
    stdio: ["ignore", "pipe", "pipe"],
  });
  const log = collect(child);
  try {
    await ready(url, child, log);
  } catch (error) {
    child.kill("SIGKILL");
    throw error;
  }
  return {
    url,
    sandbox: `http://127.0.0.1:${sandboxPort}/sandbox`,
    stop: async () => {
      if (child.exitCode === null) {
        child.kill("SIGTERM");
        await once(child, "exit");
      }
      rmSync(data, { recursive: true, force: true });
    },
  };
}

/** The last lines of what the service says, for the message of a failed start. */
function collect(child: ChildProcess): () => string {
  let text = "";
  for (const stream of [child.stdout, child.stderr]) {
    stream?.on("data", (chunk: Buffer) => (text = (text + chunk.toString()).slice(-8_000)));
  }
  return () => text;
}

async function ready(url: string, child: ChildProcess, log: () => string): Promise<void> {
  const deadline = Date.now() + 30_000;
  while (Date.now() < deadline) {
    if (child.exitCode !== null) throw new Error(`the service ended with ${child.exitCode}:\n${log()}`);
    const answer = await fetch(`${url}/readyz`).catch(() => null);
    if (answer?.ok) return;
    await new Promise((again) => setTimeout(again, 100));
  }
  throw new Error(`the service was not ready after 30 s:\n${log()}`);
}
