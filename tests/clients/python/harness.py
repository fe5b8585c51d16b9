"""What the Python programs share: scenarios that print a line each, and expectations that say what came instead."""
import sys
import time
import traceback

import redis

PORT = int(sys.argv[1])
PATIENCE_S = 30  # only what never comes reaches it

_scenarios = []


def scenario(name):
    """Registers a function as a scenario; it gets a client of an empty server."""

    def register(function):
        _scenarios.append((name, function))
        return function

    return register


def connect(**options):
    options.setdefault("decode_responses", True)
    return redis.Redis(port=PORT, **options)


def expect(actual, wanted):
    assert actual == wanted, f"got {actual!r:.300}, wanted {wanted!r:.300}"


def expect_error(kind, start, call):
    try:
        reply = call()
    except kind as error:
        assert str(error).startswith(start), f"got the error {str(error)!r}, wanted {start!r}"
    else:
        raise AssertionError(f"got {reply!r}, wanted the error {start!r}")


def eventually(question):
    """The first true answer to the question, which is asked until there is one."""
    deadline = time.monotonic() + PATIENCE_S
    while not (answer := question()):
        assert time.monotonic() < deadline, "waited in vain"
        time.sleep(0.01)
    return answer


def run(client_name):
    """Runs all scenarios and ends the program: with 1 when one failed."""
    failed = 0
    for name, function in _scenarios:
        try:
            with connect() as client:
                client.flushall()
                function(client)
            print(f"ok      {client_name}: {name}", flush=True)
        except Exception as error:  # whatever a client throws is a failure to report
            traceback.print_exc()
            print(f"FAILED  {client_name}: {name}: {error}", flush=True)
            failed += 1
    sys.exit(failed > 0)
