"""The datasets and the commands of scripts/bench types.

Small aggregates: many keys with a few elements each. Big ones: one key with all elements. In a command, {key} is a
random small key or the big one, {element} a fixed element of the small key or a random one of the big key, and {new} an
element that may be there or not. Random numbers are redis-benchmark's __rand_int__: twelve digits.
"""

from dataclasses import dataclass

from lib.resp import encode

SMALL_KEYS = 100_000
SMALL_ELEMENTS = 16
BIG_ELEMENTS = 1_000_000
RANDOM = "__rand_int__"
# Elements of a request that fills.
ELEMENTS_AT_ONCE = 100


def number(value):
    return f"{value:012d}"


@dataclass(frozen=True)
class Type:
    """How elements of a type are written: `element` is a format of a number, `words` what one takes in a request."""

    name: str
    add: str
    element: str
    words: object

    def requests(self, key, elements):
        """The requests that make `key` with so many elements."""
        for first in range(0, elements, ELEMENTS_AT_ONCE):
            words = [self.add, key]
            for i in range(first, min(first + ELEMENTS_AT_ONCE, elements)):
                words += self.words(self.element.format(number(i)), i)
            yield encode(*words)


TYPES = {
    type_.name: type_
    for type_ in [
        Type("list", "RPUSH", "element:{}", lambda name, i: [name]),
        Type("hash", "HSET", "field:{}", lambda name, i: [name, f"value:{i * 7919 % 1_000_003:010d}"]),
        Type("set", "SADD", "member:{}", lambda name, i: [name]),
        Type("intset", "SADD", "{}", lambda name, i: [str(1_000_000 + i * 3)]),
        Type("zset", "ZADD", "member:{}", lambda name, i: [str(i * 7919 % 1_000_003), name]),
        Type("geo", "GEOADD", "place:{}", lambda name, i: [f"{-180 + i * 7919 % 360_000 / 1000:.3f}",
                                                         f"{-80 + i * 104_729 % 160_000 / 1000:.3f}", name]),
    ]
}  # fmt: skip


def small_key(type_name, which):
    return f"small-{type_name}:{which}"


def big_key(type_name):
    return f"big-{type_name}"


def fill(client, type_name, big_elements=BIG_ELEMENTS, small_keys=SMALL_KEYS):
    """Makes the small keys and the big one of a type."""
    type_ = TYPES[type_name]
    send_all(client, (request for i in range(small_keys)
                      for request in type_.requests(small_key(type_name, number(i)), SMALL_ELEMENTS)))  # fmt: skip
    send_all(client, type_.requests(big_key(type_name), big_elements))


def send_all(client, requests, at_once=500):
    """Sends requests, some at a time, and reads their replies."""
    batch = []
    for request in requests:
        batch.append(request)
        if len(batch) == at_once:
            send_batch(client, batch)
            batch = []
    send_batch(client, batch)


def send_batch(client, batch):
    client.send(b"".join(batch))
    for _ in batch:
        client.read_reply()


@dataclass(frozen=True)
class Workload:
    """A command of a type, on aggregates of one size, as redis-benchmark takes it."""

    type: str
    size: str  # "small", "big", or "" for values that are neither
    name: str
    words: tuple
    keyspace: int  # of __rand_int__


BOTH, SMALL, BIG = ("small", "big"), ("small",), ("big",)

# type, sizes, command. Those that take elements away follow those that add as many, and come after those that need
# small aggregates to be as long as they began.
TEMPLATES = [
    ("list", BOTH, "LLEN {key}"),
    ("list", BOTH, "LINDEX {key} 3"),
    ("list", BIG, "LINDEX {key} {middle}"),
    ("list", SMALL, "LSET {key} 3 {new}"),
    ("list", BIG, "LSET {key} {middle} {new}"),
    ("list", BOTH, "LRANGE {key} 0 9"),
    ("list", BIG, "LRANGE {key} 0 99"),
    ("list", BOTH, "LMOVE {key} {key} LEFT RIGHT"),
    ("list", BOTH, "LPUSH {key} {new}"),
    ("list", BOTH, "LPOP {key}"),
    ("list", BOTH, "RPUSH {key} {new}"),
    ("list", BOTH, "RPOP {key}"),
    ("hash", BOTH, "HSET {key} {element} value:0000000001"),
    ("hash", BOTH, "HSET {key} {new} value:0000000001"),
    ("hash", BOTH, "HDEL {key} {new}"),
    ("hash", BOTH, "HGET {key} {element}"),
    ("hash", BOTH, "HMGET {key} {element} {element} {element} {element}"),
    ("hash", BOTH, "HEXISTS {key} {element}"),
    ("hash", BOTH, "HLEN {key}"),
    ("hash", SMALL, "HGETALL {key}"),
    ("hash", BOTH, "HINCRBY {key} counter:{random} 1"),
    ("hash", BOTH, "HRANDFIELD {key}"),
    ("hash", BIG, "HSCAN {key} {index} COUNT 10"),
    ("set", BOTH, "SADD {key} {new}"),
    ("set", BOTH, "SREM {key} {new}"),
    ("set", BOTH, "SISMEMBER {key} {element}"),
    ("set", BOTH, "SMISMEMBER {key} {element} {new}"),
    ("set", BOTH, "SCARD {key}"),
    ("set", BOTH, "SRANDMEMBER {key}"),
    ("set", SMALL, "SMEMBERS {key}"),
    ("set", SMALL, "SINTER {key} {key}"),
    ("set", BIG, "SADD pop-set {new}"),
    ("set", BIG, "SPOP pop-set"),
    ("intset", SMALL, "SADD {key} 1000010"),
    ("intset", SMALL, "SISMEMBER {key} 1000012"),
    ("intset", SMALL, "SREM {key} 1000010"),
    ("zset", BOTH, "ZADD {key} {index} {element}"),
    ("zset", BOTH, "ZADD {key} {index} {new}"),
    ("zset", BOTH, "ZREM {key} {new}"),
    ("zset", BOTH, "ZINCRBY {key} 1 {element}"),
    ("zset", BOTH, "ZSCORE {key} {element}"),
    ("zset", BOTH, "ZRANK {key} {element}"),
    ("zset", BOTH, "ZRANGE {key} 0 9"),
    ("zset", BOTH, "ZRANGE {key} 0 9 REV WITHSCORES"),
    ("zset", BIG, "ZRANGE {key} {index} +inf BYSCORE LIMIT 0 10"),
    ("zset", BOTH, "ZCOUNT {key} {index} +inf"),
    ("zset", BOTH, "ZCARD {key}"),
    ("zset", BIG, "ZADD pop-zset {index} {new}"),
    ("zset", BIG, "ZPOPMIN pop-zset"),
    ("geo", BOTH, "GEOADD {key} 13.361 38.115 {element}"),
    ("geo", BOTH, "GEOPOS {key} {element}"),
    ("geo", SMALL, "GEODIST {key} {element} place:000000000003"),
    ("geo", BIG, "GEOSEARCH {key} FROMLONLAT 15 37 BYRADIUS 50 km ASC COUNT 10"),
    ("bitmap", ("",), "SETBIT bits {middle} 1"),
    ("bitmap", ("",), "GETBIT bits {middle}"),
    ("bitmap", ("",), "BITCOUNT bits 0 999"),
    ("bitmap", ("",), "BITFIELD bits INCRBY u8 {middle} 1"),
    ("hyperloglog", ("",), "PFADD hll {new}"),
    ("hyperloglog", ("",), "PFCOUNT hll"),
    ("pubsub", ("",), "PUBLISH channel message"),
]


def make_workload(type_name, size, template):
    big = size != "small"
    form = TYPES[type_name].element if type_name in TYPES else "{}"
    values = {
        "key": big_key(type_name) if big else small_key(type_name, RANDOM),
        "element": form.format(RANDOM if big else number(7)),
        "new": f"new:{RANDOM}",
        "index": RANDOM,
        "middle": str(BIG_ELEMENTS // 2),  # where a number with leading zeros is none
        "random": RANDOM,
    }
    words = tuple(word.format(**values) for word in template.split())
    shown = template.replace("{key} ", "").replace(" {key}", "")
    return Workload(type_name, size, shown, words, BIG_ELEMENTS if big else SMALL_KEYS)


def workloads(types):
    return [
        make_workload(type_name, size, template)
        for type_name, sizes, template in TEMPLATES
        for size in sizes
        if type_name in types
    ]


ALL_TYPES = list(dict.fromkeys(type_name for type_name, _, _ in TEMPLATES))
