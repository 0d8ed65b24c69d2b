/** Random values that also work without HTTPS, where `crypto.randomUUID` does not exist. */

export function idempotencyKey(): string {
  return Array.from(crypto.getRandomValues(new Uint8Array(16)), (byte) => byte.toString(16).padStart(2, "0")).join("");
}

/** A number that no operator gives out: 1 555 01xx xxxx. Numbers ending in 000 are not on WhatsApp in the sandbox. */
export function sandboxNumber(): string {
  const [value = 0] = crypto.getRandomValues(new Uint32Array(1));
  const tail = (value % 999_999) + 1;
  return `155501${String(tail % 1000 === 0 ? tail + 1 : tail).padStart(6, "0")}`;
}

/** The person next door: a second number that is always the same for the first. */
export function neighbourOf(number: string): string {
  const next = BigInt(number) + 1n;
  return String(next % 1000n === 0n ? next + 1n : next);
}
