/** One webhook, read again while its page is open: its health changes by itself. */
import { announcer } from "../announce.svelte";
import { asApiError, webhooks, type ApiError, type Webhook } from "../api";
import { poll } from "../poll";
import { health } from "./health";

/** Webhooks have no live stream of their own. */
export const EVERY_MS = 2_000;

export class Endpoint {
  webhook = $state.raw<Webhook | null>(null);
  error = $state<ApiError | null>(null);
  readonly id: string;
  /** Counts what actions have told: an answer that was on its way meanwhile is older than that. */
  #version = 0;
  #stop: () => void;

  constructor(id: string) {
    this.id = id;
    this.#stop = poll(EVERY_MS, () => this.load());
  }

  close(): void {
    this.#stop();
  }

  async load(): Promise<void> {
    const version = this.#version;
    try {
      const webhook = await webhooks.get(this.id);
      this.error = null;
      if (version === this.#version) this.#show(webhook);
    } catch (thrown) {
      this.error = asApiError(thrown);
      if (this.error.status !== 404) return;
      this.webhook = null;
      this.close();
    }
  }

  /** Takes over what an action has answered. */
  take(webhook: Webhook): void {
    this.#version += 1;
    this.#show(webhook);
  }

  #show(webhook: Webhook): void {
    const words = health(webhook);
    if (this.webhook && health(this.webhook).label !== words.label) announcer.say(`Health: ${words.label}`);
    this.webhook = webhook;
  }
}
