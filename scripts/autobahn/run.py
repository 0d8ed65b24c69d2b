"""Runs the suite against bare axum and against the service, side by side, and compares what each case saw.

    run.py REPORTS BARE WHARF        a folder, ws://host:port, http://host:port

Ends with 1 where the service gets a worse verdict than the bare socket that says and answers the same.
"""

import collections
import json
import pathlib
import subprocess
import sys
import urllib.request

# 9 measures speed, 12 and 13 compression, which neither side offers.
CASES = ["1.*", "2.*", "3.*", "4.*", "5.*", "6.*", "7.*", "10.*"]
GROUPS = {
    "1": "Framing",
    "2": "Pings, pongs",
    "3": "Reserved bits",
    "4": "Opcodes",
    "5": "Fragments",
    "6": "UTF-8",
    "7": "Closing",
    "10": "Fragments of its own",
}
YARDSTICK, OURS = "bare axum, mute", ("wharf /ws", "wharf /ws/{id}")
# From good to bad; what is not here failed.
GRADES = ("OK", "INFORMATIONAL", "NON-STRICT")
# What a case saw of the other side, besides its verdict.
SEEN = ("received", "rxFrameStats", "remoteCloseCode", "remoteCloseReason", "closedByMe", "droppedByMe", "wasClean")
MINUTES = 15


def main():
    reports, bare, wharf = pathlib.Path(sys.argv[1]), sys.argv[2], sys.argv[3]
    token, session = sign_in(wharf)
    sockets = wharf.replace("http", "ws", 1)
    peers = {
        "bare axum, echo": {"url": f"{bare}/echo"},
        YARDSTICK: {"url": f"{bare}/mute", "mute": True},
        OURS[0]: {"url": f"{sockets}/ws?token={token}", "mute": True},
        OURS[1]: {"url": f"{sockets}/ws/{session}?token={token}", "mute": True},
    }
    runs = [start(reports, index, name, peer) for index, (name, peer) in enumerate(peers.items())]
    for run in runs:
        if run.wait(MINUTES * 60) != 0:
            sys.exit(f"run.py: {' '.join(run.args)} failed")
    results = {name: read(reports / str(index)) for index, name in enumerate(peers)}
    print(table(results))
    sys.exit(compare(results))


def sign_in(wharf):
    def post(path, body, token=None):
        headers = {"content-type": "application/json"} | ({"authorization": f"Bearer {token}"} if token else {})
        request = urllib.request.Request(wharf + path, json.dumps(body).encode(), headers)
        return json.load(urllib.request.urlopen(request))

    token = post("/v1/auth/login", {"username": "admin", "password": "admin123"})["access_token"]
    return token, post("/v1/sessions", {}, token)["id"]


def start(reports, index, name, peer):
    """All at once: a case mostly waits."""
    folder = reports / str(index)
    folder.mkdir(parents=True)
    spec = folder / "spec.json"
    spec.write_text(json.dumps({"outdir": str(folder), "cases": CASES, "servers": [{"agent": name} | peer]}))
    fuzz = pathlib.Path(__file__).with_name("fuzz.py")
    with (folder / "log").open("w") as log:
        command = [sys.executable, str(fuzz), "-m", "fuzzingclient", "-s", str(spec)]
        return subprocess.Popen(command, stdout=log, stderr=log)


def read(folder):
    (cases,) = json.loads((folder / "index.json").read_text()).values()
    return {case: json.loads((folder / short["reportfile"]).read_text()) for case, short in cases.items()}


def verdict(case):
    """The worse of what the case saw until the close and at the close."""
    grades = [GRADES.index(grade) if grade in GRADES else len(GRADES) for grade in (case["behavior"], case["behaviorClose"])]
    return max(grades)


def table(results):
    lines = ["| group | cases | " + " | ".join(results) + " |", "|---|---|" + "---|" * len(results)]
    for group, title in {**GROUPS, "": "all"}.items():
        counts = [tally(cases, group) for cases in results.values()]
        lines.append(f"| {group} {title} | {counts[0].total()} | ".replace("|  ", "| ") + " | ".join(map(said, counts)) + " |")
    return "\n".join(lines)


def tally(cases, group):
    return collections.Counter(verdict(case) for name, case in cases.items() if group in ("", name.split(".")[0]))


def said(count):
    names = ("passed", "informational", "non-strict", "failed")
    return ", ".join(f"{count[grade]} {names[grade]}" for grade in sorted(count))


def compare(results):
    yardstick, worse = results[YARDSTICK], 0
    for name in OURS:
        if results[name].keys() != yardstick.keys():
            sys.exit(f"run.py: {name} was not asked the same as {YARDSTICK}")
        differences = collections.defaultdict(list)
        for number, case in sorted(results[name].items(), key=lambda item: [int(part) for part in item[0].split(".")]):
            bare = yardstick[number]
            if verdict(case) > verdict(bare):
                worse = 1
                print(f"WORSE {name} {number}: {case['behavior']}/{case['behaviorClose']}, {case['resultClose']}")
            seen = [f"{what} {case[what]!r}, not {bare[what]!r}" for what in SEEN if case[what] != bare[what]]
            if seen:
                differences["; ".join(seen)].append(number)
        for difference, cases in differences.items():
            print(f"\n{name} differs in {len(cases)}: {difference}\n  {' '.join(cases)}")
    print("\nworse than bare axum" if worse else "\nnowhere worse than bare axum")
    return worse


if __name__ == "__main__":
    main()
