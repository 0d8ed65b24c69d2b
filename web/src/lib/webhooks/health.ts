/** Whether an endpoint answers, in plain words. The words of the API are fixed by its contract. */
import type { Webhook } from "../api";
import { clockTime, counted } from "../format";
import type { Tone } from "../words";

export interface HealthWords {
  label: string;
  tone: Tone;
  /** What is the matter, and what happens next. */
  what: string;
}

const DISABLED: Record<string, string> = {
  gone: "Your server answered 410, which says that this address is gone.",
  disabled_by_receiver: "Your server asked for it with the header webhook-delivery: disable.",
  failing: "For five days nothing but failures came of it.",
  exhausted: "Three events went through all their attempts in vain.",
  secret_unreadable: "Its signing secret cannot be read any more. Make a new one first.",
  disabled_by_owner: "It was switched off, here or by the API.",
};

/** A state or a reason that a newer service knows and this page does not is shown as it is. */
export function health(webhook: Webhook): HealthWords {
  if (webhook.state === "disabled") {
    const reason = webhook.disabled_reason ?? "";
    const why = DISABLED[reason] ?? (reason && `The service says: ${reason}.`);
    return { label: "Disabled", tone: "bad", what: `${why} Nothing is sent until you enable it again.`.trim() };
  }
  const { state, consecutive_failures, failed_attempts } = webhook.health;
  switch (state) {
    case "healthy":
      return { label: "Healthy", tone: "good", what: "Nothing has failed since the last delivery that arrived." };
    case "failing":
      return {
        label: "Failing",
        tone: "attention",
        what: `${counted(failed_attempts, "attempt")} failed, and none arrived since. Each delivery is tried again by itself.`,
      };
    case "open":
      return {
        label: "Does not answer",
        tone: "bad",
        what: `${counted(consecutive_failures, "attempt")} in a row brought no answer or a 5xx, so your server is left alone for a while. What waits loses no attempt.`,
      };
    case "half_open":
      return { label: "Being tried", tone: "busy", what: "One delivery is sent now, to find out whether your server is back." };
    default:
      return { label: String(state), tone: "quiet", what: "" };
  }
}

/** The service counts up to here. */
const COUNTED_TO = 10_000;

/** How many deliveries, as the service counts them. */
export const tally = (count: number) => count.toLocaleString("en") + (count >= COUNTED_TO ? " or more" : "");

/** Why nothing is sent just now, if that is so, and when it goes on. */
export function heldBack(webhook: Webhook): string | null {
  if (webhook.state === "disabled") return "held until the webhook is enabled";
  const { state, retry_at } = webhook.health;
  return state === "open" && retry_at ? `held until ${clockTime(retry_at)}` : null;
}
