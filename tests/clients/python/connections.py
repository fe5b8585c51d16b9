"""What connections do, as a user of python3-redis meets it: pipelines to restarts; each reply is checked."""
import threading

import redis
from harness import PATIENCE_S, connect, eventually, expect, expect_error, scenario


@scenario("errors")
def errors(client):
    wrong_type = "WRONGTYPE Operation against a key holding the wrong kind of value"
    client.set("string", "text")
    expect_error(redis.ResponseError, wrong_type, lambda: client.lpush("string", 1))
    expect_error(redis.ResponseError, wrong_type, lambda: client.zadd("string", {"a": 1}))
    expect_error(redis.ResponseError, "value is not an integer or out of range", lambda: client.incr("string"))
    expect_error(redis.ResponseError, "no such key", lambda: client.rename("none", "other"))
    expect_error(redis.ResponseError, "unknown command 'NOSUCH'", lambda: client.execute_command("NOSUCH", 1))
    expect_error(redis.ResponseError, "wrong number of arguments for 'get' command",
                 lambda: client.execute_command("GET"))
    expect((client.get("string"), client.ping()), ("text", True))


@scenario("passwords")
def passwords(client):
    client.ping()
    expect(client.config_set("requirepass", "secret"), True)
    try:
        expect(connect(password="secret").ping(), True)
        expect_error(redis.AuthenticationError, "Authentication required", lambda: connect().ping())
        expect_error(redis.ResponseError, "WRONGPASS", lambda: connect(password="guess").ping())
    finally:
        connect(password="secret").config_set("requirepass", "")
    expect(connect().ping(), True)


@scenario("pipelines")
def pipelines(client):
    with client.pipeline(transaction=False) as pipe:
        for i in range(10000):
            pipe.rpush("list", i)
        expect(pipe.execute(), list(range(1, 10001)))
        pipe.set("a", 1).lpush("a", 2).incr("a")
        replies = pipe.execute(raise_on_error=False)
    expect((replies[0], type(replies[1]), replies[2]), (True, redis.ResponseError, 2))


@scenario("transactions")
def transactions(client):
    with client.pipeline() as pipe:
        expect(pipe.set("a", 1).incr("a").hset("h", "f", 1).zadd("z", {"m": 1}).execute(), [True, 2, 1, 1])
        pipe.watch("a")
        value = int(pipe.get("a"))
        pipe.multi()
        pipe.set("a", value * 10)
        expect(pipe.execute(), [True])
        pipe.watch("a")
        connect().set("a", "disturbed")
        pipe.multi()
        pipe.set("a", "never")
        expect_error(redis.WatchError, "Watched variable changed", pipe.execute)
    expect(client.get("a"), "disturbed")
    client.set("count", 0)

    def increment(pipe):
        count = int(pipe.get("count"))
        if count == 0:
            connect().incr("count")
        pipe.multi()
        pipe.set("count", count + 1)

    expect((client.transaction(increment, "count"), client.get("count")), ([True], "2"))


def next_message(pubsub):
    return eventually(lambda: pubsub.get_message(timeout=0.1))


@scenario("publish and subscribe")
def publish_and_subscribe(client):
    pubsub = connect().pubsub()
    pubsub.subscribe("news")
    pubsub.psubscribe("new?")
    expect([next_message(pubsub)["type"] for _ in range(2)], ["subscribe", "psubscribe"])
    expect(client.publish("news", "cowslip"), 2)
    expect(next_message(pubsub), {"type": "message", "pattern": None, "channel": "news", "data": "cowslip"})
    expect(next_message(pubsub), {"type": "pmessage", "pattern": "new?", "channel": "news", "data": "cowslip"})
    expect((client.pubsub_channels(), client.pubsub_numsub("news"), client.pubsub_numpat()),
           (["news"], [("news", 1)], 1))

    # The connection is lost; the client subscribes anew by itself.
    expect(client.client_kill_filter(_type="pubsub"), 1)
    expect_error(redis.ConnectionError, "", lambda: eventually(lambda: pubsub.get_message(timeout=0.1)))
    expect(sorted(next_message(pubsub)["type"] for _ in range(2)), ["psubscribe", "subscribe"])
    expect((client.publish("news", "again"), next_message(pubsub)["data"]), (2, "again"))
    expect(next_message(pubsub)["data"], "again")
    pubsub.unsubscribe()
    expect((next_message(pubsub)["type"], client.publish("news", "x")), ("unsubscribe", 1))
    pubsub.close()


def wait_for_blocked(client, count=1):
    eventually(lambda: client.info("clients")["blocked_clients"] == count)


def while_blocked(client, blocking, other):
    """What a call of another connection returns that blocks until `other` is done."""
    replies = []
    thread = threading.Thread(target=lambda: replies.append(blocking(connect())))
    thread.start()
    wait_for_blocked(client)
    other()
    thread.join(PATIENCE_S)
    expect(len(replies), 1)
    return replies[0]


@scenario("blocking pops")
def blocking(client):
    expect((client.blpop("none", timeout=0.05), client.bzpopmin("none", timeout=0.05)), (None, None))
    client.rpush("ready", 1, 2)
    expect((client.blpop(["none", "ready"]), client.brpop("ready")), (("ready", "1"), ("ready", "2")))
    expect(while_blocked(client, lambda c: c.blpop(["a", "b"]), lambda: client.rpush("b", "x")), ("b", "x"))
    expect(while_blocked(client, lambda c: c.blmove("a", "b", 0), lambda: client.rpush("a", "y")), "y")
    expect(client.lrange("b", 0, -1), ["y"])
    expect(while_blocked(client, lambda c: c.brpoplpush("a", "c"), lambda: client.rpush("a", "z")), "z")
    expect(while_blocked(client, lambda c: c.blmpop(0, 1, "a", direction="LEFT"), lambda: client.rpush("a", 1)),
           ["a", ["1"]])
    expect(while_blocked(client, lambda c: c.bzpopmax("z"), lambda: client.zadd("z", {"m": 1.5, "n": 2})),
           ("z", "n", 2.0))
    expect(while_blocked(client, lambda c: c.bzmpop(0, 1, ["y"], min=True), lambda: client.zadd("y", {"m": 1})),
           ["y", [["m", "1"]]])
    waiting = connect(single_connection_client=True)
    number = waiting.client_id()
    expect(while_blocked(client, lambda _: waiting.blpop("a"), lambda: client.client_unblock(number)), None)

    # First come, first served.
    order, threads = [], []
    for name in ("first", "second"):
        threads.append(threading.Thread(target=lambda n=name: order.append((n, connect().blpop("queue")[1]))))
        threads[-1].start()
        wait_for_blocked(client, len(threads))
    client.rpush("queue", 1, 2)
    for thread in threads:
        thread.join(PATIENCE_S)
    expect(sorted(order), [("first", "1"), ("second", "2")])


@scenario("client info")
def client_info(client):
    named = connect(client_name="worker-7", single_connection_client=True)
    info = named.client_info()
    expect((info["name"], info["db"], info["cmd"]), ("worker-7", 0, "client|info"))
    expect((named.client_setname("other"), named.client_getname()), (True, "other"))
    expect([entry["name"] for entry in client.client_list(client_id=[str(named.client_id())])], ["other"])
    second = connect(db=3)
    expect((second.set("key", 1), client.exists("key"), second.move("key", 0), client.get("key")), (True, 0, True, "1"))


@scenario("keyspace notifications")
def keyspace_notifications(client):
    expect(client.config_set("notify-keyspace-events", "KEA"), True)
    pubsub = connect().pubsub(ignore_subscribe_messages=True)
    pubsub.psubscribe("__keyevent@0__:*", "__keyspace@0__:watched")
    pubsub.get_message(timeout=PATIENCE_S)
    pubsub.get_message(timeout=PATIENCE_S)
    client.rpush("list", 1)
    client.lpop("list")
    client.zadd("watched", {"m": 1})
    client.set("brief", 1, px=10)
    seen = [next_message(pubsub) for _ in range(8)]
    expect([(m["channel"].split(":")[1], m["data"]) for m in seen],
           [("rpush", "list"), ("lpop", "list"), ("del", "list"), ("watched", "zadd"), ("zadd", "watched"),
            ("set", "brief"), ("expire", "brief"), ("expired", "brief")])
    expect(client.config_set("notify-keyspace-events", ""), True)
    pubsub.close()


@scenario("invalidation messages to another connection")
def tracking(client):
    invalidations = connect(single_connection_client=True)
    pubsub = connect().pubsub()
    pubsub.subscribe("__redis__:invalidate")
    expect(next_message(pubsub)["type"], "subscribe")
    listener = int(client.client_list(_type="pubsub")[0]["id"])
    expect(invalidations.client_tracking_on(clientid=listener), "OK")
    expect((invalidations.hget("hash", "field"), invalidations.client_getredir()), (None, listener))
    client.hset("hash", "field", 1)
    expect(next_message(pubsub)["data"], ["hash"])
    client.hset("hash", "field", 2)
    expect((pubsub.get_message(timeout=0.05), invalidations.client_tracking_off()), (None, "OK"))
    pubsub.close()


@scenario("restart with the snapshot")
def restart(client):
    client.set("string", "kept")
    client.rpush("list", *range(1000))
    client.hset("hash", mapping={"f": "v"})
    client.sadd("set", "a", "b")
    client.zadd("zset", {"m": 1.5})
    client.expire("string", 1000)
    before = client.info("server")["run_id"]
    client.shutdown(save=True)

    def after():
        try:
            return client.info("server")["run_id"]
        except redis.ConnectionError:
            return None

    assert eventually(after) != before
    expect((client.get("string"), client.lrange("list", 0, -1)), ("kept", [str(i) for i in range(1000)]))
    expect((client.hgetall("hash"), client.smembers("set")), ({"f": "v"}, {"a", "b"}))
    expect(client.zrange("zset", 0, -1, withscores=True), [("m", 1.5)])
    assert 0 < client.ttl("string") <= 1000
