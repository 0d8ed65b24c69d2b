"""Says for each line of JSON, {secret, headers, body}, whether the client takes it as a webhook: the type, or "refused"."""

import json
import sys

from wharf_client import WebhookVerificationError, verify_webhook

for line in sys.stdin:
    given = json.loads(line)
    try:
        print(verify_webhook(given["secret"], given["headers"], given["body"])["type"])
    except WebhookVerificationError:
        print("refused")
