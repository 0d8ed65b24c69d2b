"""`wstest -m fuzzingclient -s SPEC`, for peers that do not echo as well.

A server of the spec with `"mute": true` greets with one text message and answers none. For it a case expects what it
expects of an echo, without the messages: pings are answered, faults fail the connection, closes are answered, with the
codes that the suite wants. Anything that such a peer says beyond its greeting fails the case. Where the suite closes
once the echo is there, it closes after the time in which the echo would have had to come.
"""

from autobahntestsuite import fuzzing, wstest
from autobahntestsuite.case.case import Case

on_message = Case.onMessage
finish_when_done = Case.finishWhenDone
on_connection_lost = Case.onConnectionLost
kill = fuzzing.FuzzingProtocol.executeKillAfter


def is_mute(case):
    return case.p.factory.spec["servers"][case.p.factory.currServer].get("mute", False)


def expect_no_message(case):
    if is_mute(case):
        for grade, events in case.expected.items():
            case.expected[grade] = [event for event in events if event[0] != "message"]


def message(case, text, binary):
    if is_mute(case) and not binary and not hasattr(case, "greeting"):
        case.greeting = text
    else:
        on_message(case, text, binary)


def finish(case):
    expect_no_message(case)
    finish_when_done(case)


def lost(case, failed_by_me):
    expect_no_message(case)
    on_connection_lost(case, failed_by_me)


def time_is_up(protocol):
    case = protocol.runCase
    if protocol.state == protocol.STATE_OPEN and is_mute(case):
        # Closes if nothing but the echo was missing.
        case.finishWhenDone()
    if protocol.state == protocol.STATE_OPEN:
        kill(protocol)


Case.onMessage = message
Case.finishWhenDone = finish
Case.onConnectionLost = lost
fuzzing.FuzzingProtocol.executeKillAfter = time_is_up

wstest.run()
