/** The time, once a second, for countdowns and "3 minutes ago". Corrected by the service's clock. */
import { createSubscriber } from "svelte/reactivity";

/** A difference below this is the way of the answer, not a wrong clock. */
const TOLERANCE_MS = 2_000;

class Clock {
  #offset = 0;
  #subscribe = createSubscriber((update) => {
    const timer = setInterval(update, 1_000);
    return () => clearInterval(timer);
  });

  /** Reading it in a template or an effect runs that again each second. */
  get now(): number {
    this.#subscribe();
    return Date.now() + this.#offset;
  }

  /** Takes the service's time as the right one: a computer's clock may be minutes off, and QR codes live 20 s. */
  learn(serverTime: string): void {
    const difference = Date.parse(serverTime) - Date.now();
    if (Number.isFinite(difference)) this.#offset = Math.abs(difference) < TOLERANCE_MS ? 0 : difference;
  }
}

export const clock = new Clock();
