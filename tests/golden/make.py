#!/usr/bin/env python3
"""Makes the golden RDB files of this folder, and beside each what it holds, as JSON.

  tests/golden/make.py            writes *.rdb and *.json
  tests/golden/make.py --check    loads each *.rdb that redis-server can load and compares with its *.json

redis-7.0-*.rdb are saved by Debian's redis-server 7.0.15, with every encoding at its thresholds. old-*.rdb are put
together by old_forms.py; redis-server loads them, and what it holds then has to be what was meant. Version 11 is beyond
it: that file rests on the format's description alone.

The JSON: a list of keys {db, key, type, rdb_type, expire_at_ms, value}; strings are bytes as Latin-1, or {"repeat":
[text, count]}; scores are text. Sets and hashes are sorted, sorted sets by score and member.
"""

import json
import socket
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import old_forms as old

HERE = Path(__file__).resolve().parent
FAR_MS = 4102444800123  # in 2100


class Redis:
    def __init__(self, snapshot=None):
        self.folder = tempfile.TemporaryDirectory()
        path = Path(self.folder.name)
        if snapshot is not None:
            (path / "dump.rdb").write_bytes(snapshot)
        self.process = subprocess.Popen(
            ["redis-server", "--port", "0", "--unixsocket", path / "socket", "--dir", path, "--save", ""]
            + ["--enable-debug-command", "yes", "--logfile", path / "log"]
        )
        for _ in range(200):
            if (path / "socket").exists() or self.process.poll() is not None:
                break
            time.sleep(0.02)
        if self.process.poll() is not None:
            raise SystemExit((path / "log").read_text())
        self.socket = socket.socket(socket.AF_UNIX)
        self.socket.connect(str(path / "socket"))
        self.stream = self.socket.makefile("rb")

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.socket.close()
        self.process.terminate()
        self.process.wait()
        self.folder.cleanup()

    def __call__(self, *arguments):
        words = [a if isinstance(a, bytes) else str(a).encode() for a in arguments]
        self.socket.sendall(b"*%d\r\n" % len(words) + b"".join(b"$%d\r\n%s\r\n" % (len(w), w) for w in words))
        return self.reply()

    def reply(self):
        line = self.stream.readline()[:-2]
        kind, rest = line[:1], line[1:]
        if kind == b"-":
            raise SystemExit(f"redis-server replied {rest.decode()}")
        if kind == b"$":
            return None if rest == b"-1" else self.stream.read(int(rest) + 2)[:-2]
        if kind == b"*":
            return [self.reply() for _ in range(int(rest))]
        return int(rest) if kind == b":" else rest

    def save(self):
        self("SAVE")
        return (Path(self.folder.name) / "dump.rdb").read_bytes()

    # ---- what it holds ----

    def contents(self):
        keys = []
        for db in range(16):
            self("SELECT", db)
            for key in sorted(self("KEYS", "*")):
                kind = self("TYPE", key).decode()
                keys.append(
                    {
                        "db": db,
                        "key": as_text(key),
                        "type": kind,
                        "rdb_type": self("DUMP", key)[0],
                        "expire_at_ms": self("PEXPIRETIME", key),
                        "value": self.value(key, kind),
                    }
                )
        self("SELECT", 0)
        return keys

    def value(self, key, kind):
        if kind == "string":
            return as_text(self("GET", key))
        if kind == "list":
            return [as_text(e) for e in self("LRANGE", key, 0, -1)]
        if kind == "set":
            return [as_text(e) for e in sorted(self("SMEMBERS", key))]
        words = self("HGETALL", key) if kind == "hash" else self("ZRANGE", key, 0, -1, "WITHSCORES")
        pairs = list(zip(words[::2], words[1::2]))
        if kind == "hash":
            return [[as_text(f), as_text(v)] for f, v in sorted(pairs)]
        return scores((m, float(s)) for m, s in pairs)


def as_text(data):
    text = data.decode("latin-1")
    if len(text) > 80 and text == text[0] * len(text):
        return {"repeat": [text[0], len(text)]}
    return text


def scores(pairs):
    return [[as_text(m), "%.17g" % s] for m, s in sorted(pairs, key=lambda pair: (pair[1], pair[0]))]


# ---- made by redis-server ----

TEXTS = [b"", b"a", b"text", b"\x00\xff\r\n", b"007", b"-0", b"1.5", b"9223372036854775808"]
INTEGERS = [0, 12, 13, 127, 128, -1, -128, -129, 4095, 4096, -4096, -4097, 32767, 32768, -32768, -32769, 8388607]
INTEGERS += [8388608, -8388608, -8388609, 2147483647, 2147483648, -2147483648, -2147483649]
INTEGERS += [9223372036854775807, -9223372036854775808]
LENGTHS = [62, 63, 64, 65, 125, 126, 127, 253, 254, 255, 4095, 4096, 4097, 16377, 16378, 16379]
ELEMENTS = TEXTS + [b"%d" % n for n in INTEGERS] + [b"x" * n for n in LENGTHS]
# Those that matter to ziplists and zipmaps, whose lengths change their form at 64, 254 and 16384 bytes.
SHORTER = [e for e in ELEMENTS if len(e) < 300]
SCORES = [0, -0.0, 1, -1, 0.1, 1.5, 1e300, -1e300, 5e-324, 1e17, 123456789012345678, float("inf"), float("-inf")]


def lists(redis):
    redis("CONFIG", "SET", "list-max-listpack-size", 3)
    for count in (1, 2, 3, 4, 6, 7, 20):
        redis("RPUSH", f"count {count}", *(f"element {i}" for i in range(count)))
    redis("CONFIG", "SET", "list-max-listpack-size", -2)
    redis("RPUSH", "8 kilobytes a node", *ELEMENTS)
    redis("RPUSH", "one huge", "y" * 20000)
    redis("CONFIG", "SET", "list-max-listpack-size", -5, "list-compress-depth", 1)
    redis("RPUSH", "compressed inside", *ELEMENTS * 8)
    redis("CONFIG", "SET", "list-max-listpack-size", -1, "list-compress-depth", 0)
    redis("DEBUG", "QUICKLIST-PACKED-THRESHOLD", "100B")
    redis("RPUSH", "plain nodes", "a", "b" * 99, "c" * 100, "d" * 5000, "e", "f", *(b"%d" % n for n in INTEGERS))
    redis("LPUSH", "plain nodes", "z" * 200)
    redis("RPUSH", "only a plain node", "z" * 101)
    redis("PEXPIREAT", "count 1", FAR_MS)


def sets(redis):
    redis("CONFIG", "SET", "set-max-intset-entries", 4)
    for name, numbers in (("16", [1, -1]), ("32", [1, 70000]), ("64", [1, 1 << 40])):
        redis("SADD", f"intset of {name} bits", *numbers)
    redis("SADD", "intset at its limit", 1, 2, 3, 4)
    redis("SADD", "one above the limit", 1, 2, 3, 4, 5)
    redis("SADD", "extremes", -(1 << 63), (1 << 63) - 1, 0)
    redis("SADD", "text", "a", "b", "1")
    redis("SADD", "all", *ELEMENTS)


def sorted_sets(redis):
    redis("CONFIG", "SET", "zset-max-listpack-entries", 3, "zset-max-listpack-value", 10)
    redis("ZADD", "at the limit", 1, "a", 2, "b", 3, "c" * 10)
    redis("ZADD", "too many", 1, "a", 2, "b", 3, "c", 4, "d")
    redis("ZADD", "too long", 1, "a" * 11)
    redis("ZADD", "scores as doubles", *(w for s in SCORES for w in (repr(s), f"m{s}")))
    redis("ZADD", "equal scores", *(w for c in "dacb" for w in (7, c)))
    redis("CONFIG", "SET", "zset-max-listpack-entries", 1000, "zset-max-listpack-value", 100000)
    redis("ZADD", "scores as text", *(w for s in SCORES for w in (repr(s), f"m{s}")))
    redis("ZADD", "all members", *(w for i, e in enumerate(ELEMENTS) for w in (i / 4, e)))


def hashes(redis):
    redis("CONFIG", "SET", "hash-max-listpack-entries", 3, "hash-max-listpack-value", 10)
    redis("HSET", "at the limit", "a", 1, "b", "v" * 10, "c" * 10, 3)
    redis("HSET", "too many", "a", 1, "b", 2, "c", 3, "d", 4)
    redis("HSET", "too long", "a", "v" * 11)
    redis("HSET", "all in a table", *(w for i, e in enumerate(ELEMENTS) for w in (e, ELEMENTS[-i])))
    redis("CONFIG", "SET", "hash-max-listpack-entries", 1000, "hash-max-listpack-value", 100000)
    redis("HSET", "all in a listpack", *(w for i, e in enumerate(ELEMENTS) for w in (e, ELEMENTS[-i])))
    redis("SELECT", 9)
    redis("HSET", "elsewhere", "f", "v")
    redis("PEXPIREAT", "elsewhere", FAR_MS)


def plain_strings(redis):
    """No LZF, no checksum; a mixture of types."""
    redis("CONFIG", "SET", "rdbcompression", "no")
    for number in INTEGERS:
        redis("SET", f"integer {number}", number)
    redis("SET", "long", "s" * 5000)
    redis("RPUSH", "list", *SHORTER)
    redis("HSET", "hash", *(w for e in SHORTER for w in (e, e)))
    redis("SADD", "set", *SHORTER)


MADE_BY_REDIS = {
    "redis-7.0-lists": lists,
    "redis-7.0-sets": sets,
    "redis-7.0-sorted-sets": sorted_sets,
    "redis-7.0-hashes": hashes,
    "redis-7.0-uncompressed": plain_strings,
}


# ---- made by hand ----


class OldFile:
    """Collects entries, and what they mean."""

    def __init__(self, version):
        self.version, self.body, self.keys, self.db = version, b"", [], 0
        self.select(0)

    def select(self, db):
        self.db = db
        self.body += old.select(db)

    def add(self, rdb_type, key, encoded, kind, value, **expiry):
        self.body += old.entry(rdb_type, key.encode(), encoded, **expiry)
        at_ms = expiry["expire_s"] * 1000 if "expire_s" in expiry else expiry.get("expire_ms", -1)
        self.keys.append(
            {"db": self.db, "key": key, "type": kind, "rdb_type": rdb_type, "expire_at_ms": at_ms, "value": value}
        )

    def add_list(self, rdb_type, key, encoded, elements, **expiry):
        self.add(rdb_type, key, encoded, "list", [as_text(e) for e in elements], **expiry)

    def add_set(self, rdb_type, key, encoded, members):
        self.add(rdb_type, key, encoded, "set", [as_text(m) for m in sorted(members)])

    def add_hash(self, rdb_type, key, encoded, pairs):
        self.add(rdb_type, key, encoded, "hash", [[as_text(f), as_text(v)] for f, v in sorted(pairs)])

    def add_sorted_set(self, rdb_type, key, encoded, pairs):
        self.add(rdb_type, key, encoded, "zset", scores(pairs))

    def bytes(self):
        return old.file(self.version, self.body)

    def contents(self):
        return sorted(self.keys, key=lambda k: (k["db"], k["key"].encode("latin-1")))


PAIRS = [(b"field", b"value"), (b"", b""), (b"12", b"-5"), (b"l" * 300, b"w" * 253), (b"k" * 253, b"v" * 254)]
SCORED = [(b"m%d" % i, float(s)) for i, s in enumerate(SCORES)]


def add_plain_forms(file):
    file.add_list(1, "list", old.plain(SHORTER), SHORTER)
    numbers = old.length(3) + b"".join(map(old.integer_string, (5, -300, 70000)))
    file.add_list(1, "numbers", numbers, [b"5", b"-300", b"70000"])
    file.add_set(2, "set", old.plain(SHORTER), SHORTER)
    file.add_hash(4, "hash", old.plain_pairs(PAIRS), PAIRS)
    file.add_sorted_set(3, "sorted set", old.text_scores(SCORED), SCORED)


def version_1():
    file = OldFile(1)
    add_plain_forms(file)
    file.add_hash(9, "zipmap", old.string(old.zipmap(PAIRS)), PAIRS)
    file.add_hash(9, "zipmap with holes", old.string(old.zipmap(PAIRS, unused=3)), PAIRS)
    many = [(b"f%d" % i, b"%d" % i) for i in range(300)]
    file.add_hash(9, "zipmap of more than 253", old.string(old.zipmap(many)), many)
    file.select(3)
    file.add_list(1, "mortal", old.plain([b"a"]), [b"a"], expire_s=2000000000)
    return file


def add_ziplists(file, small_integers):
    def pack(elements, **options):
        return old.string(old.ziplist(elements, small_integers, **options))

    file.add_list(10, "list", pack(SHORTER), SHORTER)
    long = [b"x" * 16383, b"y" * 16384, b"z"]
    file.add_list(10, "long", pack(long), long)
    wide = [b"a", b"b", b"12", b"c" * 300, b"d"]
    file.add_list(10, "wide lengths", pack(wide, wide_before=(0, 1, 2, 3)), wide)
    file.add_set(11, "intset 16", old.string(old.intset([3, -1, 2])), [b"3", b"-1", b"2"])
    file.add_set(11, "intset 32", old.string(old.intset([3, 100000])), [b"3", b"100000"])
    file.add_set(11, "intset 64", old.string(old.intset([3, -(1 << 63)])), [b"3", b"%d" % -(1 << 63)])
    ranked = sorted(SCORED, key=lambda pair: (pair[1], pair[0]))
    file.add_sorted_set(12, "sorted set", pack(old.flat((m, b"%.17g" % s) for m, s in ranked)), SCORED)
    file.add_hash(13, "hash", pack(old.flat(PAIRS)), PAIRS)


def version_2():
    file = OldFile(2)
    add_ziplists(file, small_integers=False)
    return file


def version_4():
    file = OldFile(4)
    add_ziplists(file, small_integers=True)
    file.add_list(1, "milliseconds", old.plain([b"a"]), [b"a"], expire_ms=FAR_MS)
    return file


def version_6():
    file = OldFile(6)
    add_plain_forms(file)
    packed = old.ziplist(old.flat(PAIRS))
    file.add_hash(13, "compressed hash", old.lzf_string(packed), PAIRS)
    file.add_hash(9, "compressed zipmap", old.lzf_string(old.zipmap(PAIRS)), PAIRS)
    return file


def version_7():
    file = OldFile(7)
    nodes = [SHORTER[:5], SHORTER[5:30], SHORTER[30:]]
    encoded = old.length(3) + b"".join(old.string(old.ziplist(node)) for node in nodes)
    file.add_list(14, "quicklist", encoded, SHORTER)
    holes = old.length(4) + b"".join(old.string(old.ziplist(node)) for node in ([], [b"a"], [], [b"2"]))
    file.add_list(14, "quicklist with empty nodes", holes, [b"a", b"2"])
    return file


def version_9():
    file = OldFile(9)
    file.add_sorted_set(5, "binary scores", old.binary_scores(SCORED), SCORED)
    nodes = old.length(2) + old.lzf_string(old.ziplist(SHORTER)) + old.string(old.ziplist([b"z"]))
    file.add_list(14, "compressed quicklist", nodes, SHORTER + [b"z"])
    add_ziplists(file, small_integers=True)
    return file


def version_10():
    file = OldFile(10)
    file.add_hash(16, "hash", old.string(old.listpack(old.flat(PAIRS))), PAIRS)
    nodes = [b"\x02" + old.string(old.listpack(SHORTER)), b"\x01" + old.string(b"p" * 20000)]
    nodes += [b"\x02" + old.string(old.listpack([])), b"\x01" + old.string(b"1")]
    file.add_list(18, "list", old.length(len(nodes)) + b"".join(nodes), SHORTER + [b"p" * 20000, b"1"])
    return file


def version_11():
    file = OldFile(11)
    members = SHORTER + [b"x" * 4096, b"x" * 16378]
    file.add_set(20, "set", old.string(old.listpack(members)), members)
    file.add_set(20, "compressed set", old.lzf_string(old.listpack(SHORTER)), SHORTER)
    return file


MADE_BY_HAND = [version_1, version_2, version_4, version_6, version_7, version_9, version_10, version_11]
REDIS_KNOWS_VERSION = 10


def as_redis_keeps(keys):
    """Redis turns old forms into new ones, and forgets the sign of -0 in a listpack."""
    kept = []
    for key in keys:
        value = key["value"]
        if key["type"] == "zset":
            value = [[member, "0" if score == "-0" else score] for member, score in value]
        kept.append({name: what for name, what in key.items() if name != "rdb_type"} | {"value": value})
    return kept


def check(name, snapshot, expected):
    with Redis(snapshot) as redis:
        if as_redis_keeps(redis.contents()) != as_redis_keeps(expected):
            raise SystemExit(f"{name}: redis-server holds something else after loading it")


def write(name, snapshot, keys):
    (HERE / f"{name}.rdb").write_bytes(snapshot)
    rows = ",\n ".join(json.dumps(key) for key in keys)
    (HERE / f"{name}.json").write_text(f"[{rows}]\n")
    print(f"{name}: {len(keys)} keys, {len(snapshot)} bytes")


def main():
    if sys.argv[1:] == ["--check"]:
        for path in sorted(HERE.glob("*.rdb")):
            snapshot = path.read_bytes()
            if int(snapshot[5:9]) <= REDIS_KNOWS_VERSION:
                check(path.stem, snapshot, json.loads(path.with_suffix(".json").read_text()))
                print(f"{path.stem}: as expected")
        return
    for name, fill in MADE_BY_REDIS.items():
        with Redis() as redis:
            fill(redis)
            write(name, redis.save(), redis.contents())
    for make in MADE_BY_HAND:
        file = make()
        name = f"old-version-{file.version:02}"
        if file.version <= REDIS_KNOWS_VERSION:
            check(name, file.bytes(), file.contents())
        write(name, file.bytes(), file.contents())


if __name__ == "__main__":
    main()
