"""Ports autobahntestsuite 25.10.1, which is Python 2 throughout, to Python 3, where pip has put it.

The syntax is left to 2to3. What 2to3 cannot see is that the suite's strings are octets. They become strings of the
characters 0 to 255, so that no case has to be touched, and are turned into bytes and back where they meet the library:
in `latin.py`, which this adds. The edits by hand each have to be found; a suite that is another one stops here.
"""

import importlib.util
import pathlib
import sys

from fissix import refactor

FIXES = ("except", "has_key", "import", "numliterals", "print", "raise", "unicode", "xrange")

# What is not imported by `wstest -m fuzzingclient` stays as it is.
LEFT_OUT = ("wamp", "wsperf", "testdb", "testrun")

LATIN = '''\
"""Octets as strings of the characters 0 to 255, and back."""

import binascii

from autobahn.websocket.utf8validator import Utf8Validator


def octets(text):
   return text.encode("latin-1") if isinstance(text, str) else text


def latin(data):
   return data.decode("latin-1") if isinstance(data, (bytes, bytearray)) else data


def b2a_hex(data):
   return binascii.b2a_hex(octets(data)).decode()


def validate(validator, text):
   return validator.validate(octets(text))


class Boundary:
   """Between the fuzzer, which has strings, and the library, which has bytes."""

   def sendFrame(self, opcode, payload = b"", payload_len = None, **more):
      payload = octets(payload)
      if payload_len:
         # The library would divide by a fraction.
         payload = (payload * (payload_len // len(payload) + 1))[:payload_len]
      super().sendFrame(opcode, payload, **more)

   def sendMessage(self, payload, *args, **more):
      super().sendMessage(octets(payload), *args, **more)

   def sendMessageFrameData(self, payload, sync = False):
      return super().sendMessageFrameData(octets(payload), sync)

   def sendCloseFrame(self, code = None, reasonUtf8 = None, isReply = False):
      super().sendCloseFrame(code, octets(reasonUtf8), isReply)
'''

# file, before, after
EDITS = (
    # Octets.
    ("case/*.py", "binascii.b2a_hex", "b2a_hex"),
    ("case/*.py", "import binascii", "from autobahntestsuite.latin import b2a_hex, validate"),
    ("case/case6_x_x.py", "v.validate(vss[:i])", "validate(v, vss[:i])"),
    ("case/case6_x_x.py", ".tostring()", ".tobytes().decode('latin-1')"),
    ("fuzzing.py", "binascii.b2a_hex", "b2a_hex"),
    ("fuzzing.py", "import autobahntestsuite\n", "import autobahntestsuite\nfrom .latin import Boundary, b2a_hex, latin, octets\n"),
    ("fuzzing.py", "class FuzzingProtocol:", "class FuzzingProtocol(Boundary):"),
    ("fuzzing.py", "return dd.decode('utf8', errors", "return octets(dd).decode('utf8', errors"),
    ("fuzzing.py", "dd = data[:maxlen] + ellipses", "dd = latin(data)[:maxlen] + ellipses"),
    ("fuzzing.py", "p = ''.join(payload)", "p = b''.join(payload)"),
    ("fuzzing.py", "self.runCase.onPong(payload)", "self.runCase.onPong(latin(payload))"),
    ("fuzzing.py", "self.runCase.onMessage(msg, binary)", "self.runCase.onMessage(latin(msg), binary)"),
    ("fuzzing.py", "self.http_request_data if", "latin(self.http_request_data) if"),
    ("fuzzing.py", "self.http_response_data if", "latin(self.http_response_data) if"),
    ("fuzzing.py", ').encode("utf-8"))', "))"),
    ("fuzzing.py", "ll.encode('utf8')", "ll"),
    ("fuzzing.py", "json.dumps(case, sort_keys", "json.dumps(case, default = latin, sort_keys"),
    # It no longer guesses which of the two it is to drive.
    ("fuzzing.py", "import autobahn\n", "import txaio\ntxaio.use_twisted()\nimport autobahn\n"),
    # Plain sockets alone: no OpenSSL to install.
    ("fuzzing.py", "import reactor, ssl", "import reactor"),
    ("fuzzing.py", "ssl.ClientContextFactory()", "None"),
    # A pickle tells apart what is one string twice and what is two that are equal.
    ("case/case.py", "pickle.dumps(obj1) == pickle.dumps(obj2)", "obj1 == obj2"),
    # Another mode of wstest, which asks for the tests of the library.
    ("wstest.py", "from . import serializer\n", ""),
    # Asks for what zope has no more, and is none of the cases that are run.
    ("case/__init__.py", "from .case9_9_1 import *\n", ""),
    # Every class derives from object now.
    ("case/*.py", "(object, Case, )", "(Case, )"),
    ("case/case10_1_1.py", "len(self.payload) / ", "len(self.payload) // "),
)


def main():
    package = pathlib.Path(importlib.util.find_spec("autobahntestsuite").origin).parent
    if (package / "latin.py").exists():
        return
    edited = {path: port(path, package) for path in sources(package)}
    for pattern, before, after in EDITS:
        found = [path for path in package.glob(pattern) if path in edited and before in edited[path]]
        if not found:
            sys.exit(f"port.py: {pattern} has no {before!r}")
        for path in found:
            edited[path] = edited[path].replace(before, after)
    for path, text in edited.items():
        path.write_text(text, "ascii")
    (package / "latin.py").write_text(LATIN, "ascii")


def sources(package):
    for path in sorted(package.rglob("*.py")):
        if not path.relative_to(package).parts[0].startswith(LEFT_OUT):
            yield path


def port(path, package):
    """2to3; every octet beyond ASCII in a literal becomes the escape of that octet."""
    text = path.read_bytes().decode("latin-1").replace("\r\n", "\n")
    text = "".join(c if c < "\x80" else f"\\x{ord(c):02x}" for c in text)
    return str(TOOL.refactor_string(text + "\n", str(path)))


TOOL = refactor.RefactoringTool([f"fissix.fixes.fix_{name}" for name in FIXES])

if __name__ == "__main__":
    main()
