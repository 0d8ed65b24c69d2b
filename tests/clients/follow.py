"""Follows the messages of a session from the beginning of its log, and says each. Ends after the one that says "enough"."""

import os
import sys

from wharf_client import Wharf, follow

with Wharf(os.environ["WHARF_URL"], os.environ["WHARF_TOKEN"]) as wharf:
    try:
        next(follow(wharf, since=0))
        sys.exit("one number was taken for many sessions")
    except ValueError:
        pass
    for frame in follow(wharf, session=sys.argv[1], since=0, types=["message"]):
        if frame["type"] != "message":
            continue
        print(frame["data"]["text"]["body"], flush=True)
        if frame["data"]["text"]["body"] == "enough":
            break
