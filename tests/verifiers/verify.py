"""Verifies deliveries with the official Python library.

Reads a JSON list of {"secret", "headers", "body"} and writes one of booleans.
"""
import json
import sys

from standardwebhooks import Webhook, WebhookVerificationError


def accepted(delivery):
    try:
        Webhook(delivery["secret"]).verify(delivery["body"], delivery["headers"])
        return True
    except WebhookVerificationError:
        return False


json.dump([accepted(delivery) for delivery in json.load(sys.stdin)], sys.stdout)
