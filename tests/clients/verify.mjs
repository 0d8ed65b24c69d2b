// Says for each line of JSON, {secret, headers, body}, whether the client takes it as a webhook: the type, or "refused".
import { createInterface } from "node:readline";
import { verifyWebhook, WebhookVerificationError } from "wharf-client";

for await (const line of createInterface({ input: process.stdin })) {
  const { secret, headers, body } = JSON.parse(line);
  try {
    console.log((await verifyWebhook(secret, headers, body)).type);
  } catch (error) {
    if (!(error instanceof WebhookVerificationError)) throw error;
    console.log("refused");
  }
}
