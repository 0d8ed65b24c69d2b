/** Numbers and times as people write them. */

const timeOfDay = new Intl.DateTimeFormat(undefined, { hour: "2-digit", minute: "2-digit", second: "2-digit" });
const dayAndTime = new Intl.DateTimeFormat(undefined, { dateStyle: "medium", timeStyle: "short" });
const relative = new Intl.RelativeTimeFormat("en", { numeric: "auto" });

export const clockTime = (iso: string) => timeOfDay.format(new Date(iso));
export const dateTime = (iso: string) => dayAndTime.format(new Date(iso));

/** A moment as a `datetime-local` field wants it, in the time of the reader. */
export function localMinute(at: number): string {
  const date = new Date(at);
  return new Date(at - date.getTimezoneOffset() * 60_000).toISOString().slice(0, 16);
}

const STEPS: [Intl.RelativeTimeFormatUnit, number][] = [
  ["day", 86_400_000],
  ["hour", 3_600_000],
  ["minute", 60_000],
];

/** "3 minutes ago", "in 2 hours", "just now". */
export function ago(iso: string, now: number): string {
  const distance = Date.parse(iso) - now;
  for (const [unit, size] of STEPS) {
    if (Math.abs(distance) >= size) return relative.format(Math.round(distance / size), unit);
  }
  return distance > 5_000 ? "in a moment" : "just now";
}

/** How long until then, to the second when it is close: "in 25 s", "in 3 minutes". */
export function until(iso: string, now: number): string {
  const seconds = Math.ceil((Date.parse(iso) - now) / 1000);
  if (seconds <= 0) return "now";
  return seconds < 60 ? `in ${seconds} s` : ago(iso, now);
}

/** `1` → "1 delivery", `2` → "2 deliveries", as it is counted. */
export const counted = (number: number, one: string, many = `${one}s`) =>
  `${number.toLocaleString("en")} ${number === 1 ? one : many}`;

/** `4915112345678` → `+4915112345678`; what is no number stays as it is. */
export const phone = (digits: string) => (/^\d+$/.test(digits) ? `+${digits}` : digits);

/** `ABCD1234` → `ABCD-1234`, as the phone shows it. */
export const pairCode = (code: string) => (code.length === 8 ? `${code.slice(0, 4)}-${code.slice(4)}` : code);

/** A word of the API as a label: `need_scan` → `Need scan`. */
export function label(word: string): string {
  const spaced = word.replace(/[_.]/g, " ");
  return spaced.charAt(0).toUpperCase() + spaced.slice(1);
}
