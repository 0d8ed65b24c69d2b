/** The last events of a session, a bounded number of them. Holding it still loses nothing. */
import { sessions } from "../api";
import type { Frame } from "./frames";

/** How many events are kept; what is older is in the log of the service. */
export const EVENTS_KEPT = 500;
/** How many older ones are read at a time. */
const OLDER = 100;
/** How many are kept at most, when older ones were asked for. */
const MOST = 2_000;

export class EventLog {
  /** Newest first; with `gap` frames where the service had no more. */
  rows = $state.raw<Frame[]>([]);
  paused = $state(false);
  /** How many came since it was paused. */
  meanwhile = $state(0);
  /** The first event that the service still holds. */
  first = $state(1);
  #waiting: Frame[] = [];
  #kept = EVENTS_KEPT;

  take(frame: Frame): void {
    if (!this.paused) {
      this.rows = this.#bounded([frame], this.rows);
      return;
    }
    // Only the newest are kept. Resuming then leaves out what is older, without a hole between: `readOlder` goes on there.
    this.#waiting = this.#bounded([frame], this.#waiting);
    this.meanwhile += 1;
  }

  pause(): void {
    this.paused = true;
  }

  resume(): void {
    this.rows = this.#bounded(this.#waiting, this.rows);
    this.#waiting = [];
    this.meanwhile = 0;
    this.paused = false;
  }

  #bounded(newer: Frame[], older: Frame[]): Frame[] {
    return [...newer, ...older].slice(0, this.#kept);
  }

  /** The number of the oldest event that is shown. */
  get oldest(): number | null {
    return this.rows.findLast((row) => typeof row.seq === "number")?.seq ?? null;
  }

  get hasOlder(): boolean {
    return this.oldest !== null && this.oldest > this.first && this.rows.length + OLDER <= MOST;
  }

  /** Reads what came before the oldest one that is shown; gives how many. */
  async readOlder(session: string): Promise<number> {
    const before = this.oldest;
    if (before === null) return 0;
    const page = await sessions.events(session, Math.max(0, before - 1 - OLDER), OLDER);
    this.first = page.first_seq;
    const older = page.data.filter((event) => event.seq < before).reverse();
    this.#kept = Math.min(MOST, Math.max(this.#kept, this.rows.length + older.length));
    this.rows = this.#bounded(this.rows, older);
    return older.length;
  }
}
