/** What buttons start: on its way, done or failed. `Outcome` shows it and tells it to screen readers. */
import { asApiError, type ApiError } from "./api";

export class Action {
  /** What is on its way, in the words of the button; empty when nothing is. */
  working = $state("");
  /** What came of it. */
  done = $state("");
  error = $state<ApiError | null>(null);

  get busy(): boolean {
    return this.working !== "";
  }

  /** `work` may give a sentence that says what came of it. One thing at a time: a second press does nothing. */
  async run(words: string, work: () => Promise<string | void>): Promise<void> {
    if (this.busy) return;
    this.working = words;
    this.done = "";
    this.error = null;
    try {
      this.done = (await work()) ?? "";
    } catch (thrown) {
      this.error = asApiError(thrown);
    } finally {
      this.working = "";
    }
  }

  /** What came of something that a dialog has done. */
  tell(sentence: string): void {
    this.error = null;
    this.done = sentence;
  }
}
