"""What the jobs of rq_application.py do, in a module that rq's work horses import."""
import redis


def add(left, right):
    return left + right


def fail():
    raise ValueError("on purpose")


def fail_twice(port):
    """Fails until it is called for the third time."""
    if redis.Redis(port=port).incr("calls") < 3:
        raise ValueError("not yet")
    return "at last"


def note(port, text):
    redis.Redis(port=port).rpush("notes", text)
