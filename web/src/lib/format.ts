/** Numbers and times as people write them. */

const timeOfDay = new Intl.DateTimeFormat(undefined, { hour: "2-digit", minute: "2-digit", second: "2-digit" });
const dayAndTime = new Intl.DateTimeFormat(undefined, { dateStyle: "medium", timeStyle: "short" });
const relative = new Intl.RelativeTimeFormat("en", { numeric: "auto" });

export const clockTime = (iso: string) => timeOfDay.format(new Date(iso));
export const dateTime = (iso: string) => dayAndTime.format(new Date(iso));

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

/** `4915112345678` → `+4915112345678`; what is no number stays as it is. */
export const phone = (digits: string) => (/^\d+$/.test(digits) ? `+${digits}` : digits);

/** `ABCD1234` → `ABCD-1234`, as the phone shows it. */
export const pairCode = (code: string) => (code.length === 8 ? `${code.slice(0, 4)}-${code.slice(4)}` : code);

/** A word of the API as a label: `need_scan` → `Need scan`. */
export function label(word: string): string {
  const spaced = word.replace(/[_.]/g, " ");
  return spaced.charAt(0).toUpperCase() + spaced.slice(1);
}
