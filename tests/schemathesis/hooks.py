"""Puts what really is there into the cases that Schemathesis makes up: they would meet nothing but 404 without it.

CASES_FIXTURE names a file of JSON: "token" and "spare_token" (credentials), and "real" (names to values). A quarter of the cases
keeps the ids that were made up. What ends or shuts out something is aimed at a spare one of its kind, so that the others
still find a session that is connected and a user who may ask.
"""

import json
import os
import zlib

import schemathesis

with open(os.environ["CASES_FIXTURE"], encoding="utf-8") as file:
    FIXTURE = json.load(file)
REAL = FIXTURE["real"]

# Whose path parameter `id` it is, by the first part of the path.
OWNERS = {
    "sessions": "session",
    "users": "user",
    "members": "member",
    "webhooks": "webhook",
    "deliveries": "delivery",
    "api-keys": "api_key",
}
# What they are aimed at is gone, shut out or cut off for the cases that come after them.
ENDS = {
    "delete_session",
    "disconnect_session",
    "logout_session",
    "restart_session",
    "update_session",
    "delete_webhook",
    "delete_user",
    "update_user",
    "set_quotas",
    "remove_member",
    "update_member",
}
# The same, within a session that goes on.
ENDS_WITHIN = {"delete_community": "community"}
# They end what the caller has signed in with.
ENDS_CREDENTIAL = {"logout", "change_password"}


def name_of(operation):
    return operation.definition.raw["operationId"]


def named(operation, name):
    """What the path parameter of an operation is called in the fixture."""
    if ENDS_WITHIN.get(name_of(operation)) == name:
        return f"spare_{name}"
    if name != "id":
        return name
    kind = OWNERS[operation.path.split("/")[2]]
    return f"spare_{kind}" if name_of(operation) in ENDS else kind


def chance(case, of):
    """The same answer for the same case, whatever was before it."""
    return zlib.crc32(repr((case.path_parameters, case.body)).encode()) % of


@schemathesis.hook
def before_call(context, case, kwargs):
    operation = case.operation
    made_up = not chance(case, 4)
    for name, value in (case.path_parameters or {}).items():
        real = REAL.get(named(operation, name))
        # Schemathesis remembers the ids that it was answered, and those that must stay are among them.
        kept = named(operation, name).startswith("spare_") and value in REAL.values()
        if real is not None and (kept or not made_up):
            case.path_parameters[name] = real
    if isinstance(case.body, dict) and "to" in case.body and not made_up:
        case.body["to"] = REAL["chat"]
    token = "spare_token" if name_of(operation) in ENDS_CREDENTIAL else "token"
    case.headers["Authorization"] = f"Bearer {FIXTURE[token]}"
