# SPDX-License-Identifier: ISC
"""TAP output: one line a check, the log of the programs under test behind a failure."""
import os
import signal
import sys
import time
import traceback

count = 0
failed = 0
diagnosers = []  # called after a failure, return text
_told = False


class Skip(Exception):
    pass


def _say(text):
    sys.stdout.write(text + "\n")
    sys.stdout.flush()


def note(text):
    for line in str(text).splitlines():
        _say("# " + line)


def ok(condition, name, why=None):
    """One check. why: text, or a function that makes it, shown when the check fails."""
    global count, failed
    count += 1
    name = name.replace("#", "\\#")
    if condition:
        _say("ok %d - %s" % (count, name))
        return True
    failed += 1
    _say("not ok %d - %s" % (count, name))
    if why is not None:
        note(why() if callable(why) else why)
    global _told
    if not _told:
        for diagnose in list(diagnosers):
            note(diagnose())
    _told = True  # once for each function of a test is enough
    return False


def todo(condition, name, reason):
    """A check of what is known to be missing: shown as an expected failure until it is there, then a check like any other."""
    global count
    if condition:
        return ok(True, name)
    count += 1
    _say("not ok %d - %s # TODO %s" % (count, name.replace("#", "\\#"), reason))
    return False


def eq(got, wanted, name):
    def show(value):
        text = repr(value)
        return text if len(text) < 400 else text[:200] + " … " + text[-200:]

    return ok(got == wanted, name, lambda: "got    %s\nwanted %s" % (show(got), show(wanted)))


def within(value, low, high, name):
    return ok(low <= value <= high, name, "%r is not within %r and %r" % (value, low, high))


def quickest(action, enough=0.9, attempts=5):
    """Repeats what should take no time until it took less than `enough` seconds, since any machine may be slow once.
    Gives the last result, and whether it was that quick."""
    for _ in range(attempts):
        began = time.monotonic()
        result = action()
        if time.monotonic() - began < enough:
            return result, True
    return result, False


def skip(name, why):
    global count
    count += 1
    _say("ok %d - %s # SKIP %s" % (count, name, why))


def skip_all(why):
    _say("1..0 # SKIP " + why)
    sys.exit(0)


def rounds(name, default):
    """A count that an environment variable may raise; ROUNDS is for all of them."""
    return int(os.environ.get(name) or os.environ.get("ROUNDS") or default)


def _alarm(signum, frame):
    raise TimeoutError("the test took too long")


def run(functions, seconds=120):
    """Runs the functions in order (those named on the command line, if any), then writes the plan."""
    signal.signal(signal.SIGALRM, _alarm)
    signal.signal(signal.SIGTERM, lambda s, f: sys.exit(1))
    chosen = sys.argv[1:]
    global _told
    for function in functions:
        name = function.__name__
        if chosen and name not in chosen:
            continue
        _told = False
        title = (function.__doc__ or name).strip().splitlines()[0]
        _say("# " + title)
        signal.alarm(seconds)
        try:
            function()
        except Skip as e:
            skip(title, str(e))
        except Exception:
            ok(False, name + " ran to its end", traceback.format_exc())
        finally:
            signal.alarm(0)
    _say("1..%d" % count)
    sys.exit(1 if failed else 0)
