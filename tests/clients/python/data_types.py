"""Every data type as a user of python3-redis meets it; each reply is checked."""
import os

import redis
from harness import connect, eventually, expect, expect_error, scenario


@scenario("strings and expiry")
def strings(client):
    expect(client.set("flower", "cowslip", ex=100), True)
    expect(client.get("flower"), "cowslip")
    expect(client.ttl("flower"), 100)
    expect(client.set("flower", "other", nx=True), None)
    expect(client.set("flower", "primrose", xx=True, keepttl=True, get=True), "cowslip")
    expect(client.ttl("flower"), 100)
    expect(client.persist("flower"), True)
    expect((client.ttl("flower"), client.ttl("none")), (-1, -2))
    expect(client.mset({"a": 1, "b": 2}), True)
    expect(client.mget("a", "none", "b"), ["1", None, "2"])
    expect((client.incr("a", 41), client.decr("b"), client.incrbyfloat("a", 0.5)), (42, 1, 42.5))
    expect((client.append("flower", "!"), client.getrange("flower", 0, 2)), (9, "pri"))
    expect((client.setrange("flower", 8, "?"), client.strlen("flower")), (9, 9))
    expect((client.getex("flower", px=60000), client.getdel("flower"), client.exists("flower")),
           ("primrose?", "primrose?", 0))
    expect(client.set("brief", "x", px=20), True)
    eventually(lambda: client.get("brief") is None)
    expect((client.copy("a", "c"), client.rename("c", "d"), client.type("d")), (True, True, "string"))
    expect((client.unlink("a", "b"), client.keys("*"), client.dbsize()), (2, ["d"], 1))


@scenario("lists")
def lists(client):
    expect(client.rpush("list", "b", "c", "d"), 3)
    expect(client.lpush("list", "a"), 4)
    expect(client.lpushx("none", "a"), 0)
    expect(client.lrange("list", 0, -1), ["a", "b", "c", "d"])
    expect((client.lindex("list", -1), client.llen("list")), ("d", 4))
    expect((client.linsert("list", "before", "b", "a2"), client.linsert("list", "after", "none", "x")), (5, -1))
    expect((client.lset("list", 0, "A"), client.lrem("list", 0, "a2")), (True, 1))
    expect((client.lpop("list"), client.rpop("list", 2), client.rpop("none")), ("A", ["d", "c"], None))
    expect(client.rpush("list", "x", "b", "x", "b"), 5)
    expect((client.lpos("list", "b", rank=-1), client.lpos("list", "b", count=0)), (4, [0, 2, 4]))
    expect(client.lmove("list", "other", "LEFT", "RIGHT"), "b")
    expect(client.rpoplpush("list", "other"), "b")
    expect(client.lmpop(2, "none", "other", direction="LEFT", count=5), ["other", ["b", "b"]])
    expect((client.ltrim("list", 1, 1), client.lrange("list", 0, -1)), (True, ["b"]))
    expect(client.object("encoding", "list") in ("listpack", "quicklist"), True)


@scenario("hashes")
def hashes(client):
    expect(client.hset("hash", mapping={"name": "cowslip", "petals": 5}), 2)
    expect(client.hset("hash", "name", "primula"), 0)
    expect(client.hgetall("hash"), {"name": "primula", "petals": "5"})
    expect(client.hmget("hash", "petals", "none"), ["5", None])
    expect((client.hincrby("hash", "petals", 2), client.hincrbyfloat("hash", "petals", "0.5")), (7, 7.5))
    expect((client.hexists("hash", "name"), client.hsetnx("hash", "name", "x")), (True, 0))
    expect((sorted(client.hkeys("hash")), client.hlen("hash"), client.hstrlen("hash", "name")),
           (["name", "petals"], 2, 7))
    expect(sorted(client.hvals("hash")), ["7.5", "primula"])
    expect((client.hrandfield("hash") in ("name", "petals"), sorted(client.hrandfield("hash", 5))),
           (True, ["name", "petals"]))
    expect(len(client.hrandfield("hash", -5, withvalues=True)), 10)
    expect((client.hdel("hash", "name", "none"), client.hget("hash", "name")), (1, None))
    expect(client.object("encoding", "hash"), "listpack")
    client.hset("hash", mapping={f"field{i}": i for i in range(1000)})
    expect((client.object("encoding", "hash"), client.hget("hash", "field999")), ("hashtable", "999"))


@scenario("sets")
def sets(client):
    expect((client.sadd("a", 1, 2, 3), client.sadd("a", 3), client.sadd("b", 2, 3, 4)), (3, 0, 3))
    expect((client.smembers("a"), client.scard("a")), ({"1", "2", "3"}, 3))
    expect((client.sismember("a", 1), client.smismember("a", [1, 9])), (True, [1, 0]))
    expect((client.sinter("a", "b"), client.sdiff("a", "b")), ({"2", "3"}, {"1"}))
    expect((client.sunion("a", "b"), client.sintercard(2, ["a", "b"], 1)), ({"1", "2", "3", "4"}, 1))
    expect((client.sinterstore("c", "a", "b"), client.sunionstore("d", "a", "b"), client.sdiffstore("e", "a", "b")),
           (2, 4, 1))
    expect((client.smove("a", "b", "1"), client.srem("b", "1", "x")), (True, 1))
    expect((client.srandmember("c") in ("2", "3"), len(client.srandmember("c", -7))), (True, 7))
    expect(sorted(client.spop("d", 10)), ["1", "2", "3", "4"])
    expect((client.exists("d"), client.spop("d")), (0, None))
    expect(client.object("encoding", "a"), "intset")


@scenario("sorted sets")
def sorted_sets(client):
    expect(client.zadd("z", {"a": 1, "b": 2, "c": 3}), 3)
    expect(client.zadd("z", {"a": 0.5, "b": 9}, gt=True, ch=True), 1)
    expect(client.zadd("z", {"d": 4}, nx=True), 1)
    expect(client.zadd("z", {"d": 1}, incr=True), 5.0)
    expect(client.zrange("z", 0, -1, withscores=True), [("a", 1.0), ("c", 3.0), ("d", 5.0), ("b", 9.0)])
    expect(client.zrange("z", "(1", "+inf", byscore=True, offset=0, num=2), ["c", "d"])
    expect(client.zrange("z", "+inf", "-inf", byscore=True, desc=True, offset=1, num=2), ["d", "c"])
    expect(client.zrangebyscore("z", 3, 5, withscores=True), [("c", 3.0), ("d", 5.0)])
    expect((client.zrank("z", "b"), client.zrevrank("z", "b"), client.zrank("z", "none")), (3, 0, None))
    expect((client.zscore("z", "b"), client.zmscore("z", ["a", "none"])), (9.0, [1.0, None]))
    expect((client.zincrby("z", -0.5, "a"), client.zcard("z"), client.zcount("z", "-inf", "(5")), (0.5, 4, 2))
    expect(client.zadd("y", {"c": 10, "e": float("inf")}), 2)
    expect(client.zunion(["z", "y"], aggregate="MAX", withscores=True),
           [("a", 0.5), ("d", 5.0), ("b", 9.0), ("c", 10.0), ("e", float("inf"))])
    expect((client.zinter({"z": 2, "y": 1}, withscores=True), client.zdiff(["y", "z"])), ([("c", 16.0)], ["e"]))
    both = ["z", "y"]
    expect((client.zunionstore("u", both), client.zinterstore("i", both), client.zdiffstore("d", both)), (5, 1, 3))
    expect((client.zrangestore("r", "z", 1, 2), client.zrange("r", 0, -1)), (2, ["c", "d"]))
    expect((client.zpopmin("z"), client.zpopmax("z", 2)), ([("a", 0.5)], [("b", 9.0), ("d", 5.0)]))
    expect(client.zmpop(2, ["none", "z"], min=True, count=9), ["z", [["c", "3"]]])
    expect(client.zadd("lex", dict.fromkeys("abcde", 0)), 5)
    expect((client.zrange("lex", "[b", "(e", bylex=True), client.zlexcount("lex", "-", "+")), (["b", "c", "d"], 5))
    expect(client.zrevrangebylex("lex", "+", "[c"), ["e", "d", "c"])
    expect((client.zremrangebylex("lex", "[a", "[b"), client.zremrangebyrank("lex", 0, 0)), (2, 1))
    expect((client.zremrangebyscore("lex", 0, 0), client.zrem("u", "e", "none")), (2, 1))
    expect(len(client.zrandmember("u", -3, withscores=True)), 6)


@scenario("bitmaps")
def bitmaps(client):
    expect((client.setbit("bits", 7, 1), client.setbit("bits", 7, 1), client.getbit("bits", 7)), (0, 1, 1))
    expect((client.set("other", "\x0f"), client.bitop("xor", "both", "bits", "other")), (True, 1))
    expect(client.get("both"), "\x0e")
    expect((client.bitcount("both"), client.bitcount("both", 4, 5, "BIT"), client.bitpos("both", 1)), (3, 2, 4))
    fields = client.bitfield("counters", default_overflow="SAT")
    expect(fields.set("u8", "#0", 250).incrby("u8", "#0", 10).get("i4", 0).execute(), [0, 255, -1])


@scenario("hyperloglogs")
def hyperloglogs(client):
    expect((client.pfadd("one", *range(100)), client.pfadd("one", 1), client.pfadd("two", *range(50, 150))), (1, 0, 1))
    expect(abs(client.pfcount("one", "two") - 150) <= 5, True)
    expect((client.pfmerge("all", "one", "two"), client.pfcount("all") == client.pfcount("one", "two")), (True, True))


@scenario("geo")
def geo(client):
    expect(client.geoadd("sicily", (13.361389, 38.115556, "Palermo", 15.087269, 37.502669, "Catania")), 2)
    expect((client.geodist("sicily", "Palermo", "Catania", unit="km"), client.geodist("sicily", "Palermo", "none")),
           (166.2742, None))
    expect(client.geohash("sicily", "Palermo", "none"), ["sqc8b49rny0", None])
    (longitude, latitude), nowhere = client.geopos("sicily", "Palermo", "none")
    expect((round(longitude, 4), round(latitude, 4), nowhere), (13.3614, 38.1156, None))
    expect(client.geosearch("sicily", longitude=15, latitude=37, radius=200, unit="km", sort="ASC", withdist=True),
           [["Catania", 56.4413], ["Palermo", 190.4424]])
    expect(client.geosearch("sicily", member="Palermo", width=400, height=400, unit="km", count=1), ["Palermo"])
    expect(client.geosearchstore("near", "sicily", longitude=15, latitude=37, radius=100, unit="km"), 1)
    expect(client.georadius("sicily", 15, 37, 100, unit="km"), ["Catania"])
    expect(client.zrange("near", 0, -1), ["Catania"])


@scenario("scan iterators")
def scans(client):
    names = {f"member{i}" for i in range(1500)}
    client.sadd("set", *names)
    client.hset("hash", mapping=dict.fromkeys(names, "v"))
    client.zadd("zset", dict.fromkeys(names, 1.5))
    client.mset({f"string{i}": i for i in range(1500)})
    expect(set(client.scan_iter("string*", count=100)), {f"string{i}" for i in range(1500)})
    expect([set(client.scan_iter(_type=kind)) for kind in ("SET", "HASH", "ZSET")], [{"set"}, {"hash"}, {"zset"}])
    expect(set(client.sscan_iter("set")), names)
    expect(dict(client.hscan_iter("hash", count=50)), dict.fromkeys(names, "v"))
    expect(dict(client.zscan_iter("zset", match="member1?")), {f"member1{i}": 1.5 for i in range(10)})


@scenario("sort")
def sort(client):
    client.rpush("ids", 3, 1, 2)
    client.mset({"weight_1": 30, "weight_2": 20, "weight_3": 10})
    for i in (1, 2, 3):
        client.hset(f"user:{i}", "name", f"user {i}")
    expect((client.sort("ids"), client.sort("ids", desc=True, start=0, num=2)), (["1", "2", "3"], ["3", "2"]))
    expect(client.sort("ids", by="weight_*", get=["#", "user:*->name"], groups=True),
           [("3", "user 3"), ("2", "user 2"), ("1", "user 1")])
    expect((client.sort("ids", by="nosort", store="copy"), client.lrange("copy", 0, -1)), (3, ["3", "1", "2"]))
    client.sadd("words", "pear", "apple")
    expect((client.sort("words", alpha=True), client.sort_ro("words", alpha=True)), (["apple", "pear"],) * 2)
    expect_error(redis.ResponseError, "One or more scores can't be converted into double", lambda: client.sort("words"))


@scenario("dump and restore")
def dump_and_restore(client):
    client.set("string", "x")
    client.rpush("list", *range(300))
    client.hset("hash", mapping={"f": "v", "empty": ""})
    client.sadd("intset", 1, 2)
    client.zadd("zset", {"a": 1.5})
    client.pfadd("loglog", *range(10))
    binary = connect(decode_responses=False)
    for key in ("string", "list", "hash", "intset", "zset", "loglog"):
        payload = binary.dump(key)
        expect(binary.restore(f"{key}2", 100000, payload), b"OK")
        expect(binary.dump(f"{key}2"), payload)
        expect(client.object("encoding", f"{key}2"), client.object("encoding", key))
        assert 0 < client.pttl(f"{key}2") <= 100000
        expect_error(redis.ResponseError, "BUSYKEY", lambda name=key, value=payload: binary.restore(name, 0, value))
        expect(binary.restore(key, 0, payload, replace=True), b"OK")
        broken = payload[:1] + bytes([payload[1] ^ 1]) + payload[2:]
        expect_error(redis.ResponseError, "DUMP payload version or checksum are wrong",
                     lambda value=broken: binary.restore("broken", 0, value))


@scenario("large and binary values")
def large_and_binary(client):
    binary = connect(decode_responses=False)
    large = os.urandom(1 << 20) * 16
    everything = bytes(range(256)) + b"\r\n$-1\r\n\0"
    expect((binary.set(everything, large), binary.strlen(everything), binary.get(everything)), (True, 1 << 24, large))
    expect(binary.hset("hash", everything, everything), 1)
    expect((binary.hgetall("hash"), binary.sadd("set", everything, b"")), ({everything: everything}, 2))
    expect((binary.smembers("set"), binary.zadd("zset", {everything: 1})), ({everything, b""}, 1))
    expect(binary.zrange("zset", 0, -1), [everything])
    elements = [str(i).encode() for i in range(100000)]
    expect((binary.rpush("list", *elements), binary.lrange("list", 0, -1)), (100000, elements))
    expect((client.set("ünïcode", "Schlüsselblume 🌼"), client.get("ünïcode")), (True, "Schlüsselblume 🌼"))
