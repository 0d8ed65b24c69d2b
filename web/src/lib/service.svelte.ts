/** What the service says about itself: its version, and whether this is the sandbox. */
import { service as calls, type Info } from "./api";

class Service {
  info = $state<Info | null>(null);

  get isSandbox(): boolean {
    return this.info?.build === "sandbox";
  }

  async load(): Promise<void> {
    // Nothing depends on it but the banner and the phone; the pages tell by themselves when the service is away.
    this.info = await calls.info().catch(() => null);
    if (!this.info) setTimeout(() => void this.load(), 5_000);
  }
}

export const service = new Service();
