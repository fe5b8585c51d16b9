// What connections do, as a user of redigo meets it: pipelines to restarts; each reply is checked.
package main

import (
	"fmt"
	"strings"
	"time"

	"github.com/gomodule/redigo/redis"
)

var connections = []scenario{
	{"pipelines", pipelines},
	{"transactions", transactions},
	{"publish and subscribe", publishAndSubscribe},
	{"subscription after a lost connection", lostSubscription},
	{"blocking pops", blockingPops},
	{"client info", clientInfo},
	{"keyspace notifications", keyspaceNotifications},
	{"invalidation messages to another connection", tracking},
	{"restart with the snapshot", restart},
}

func pipelines(c redis.Conn) {
	for i := 0; i < 10000; i++ {
		want(error(nil))(c.Send("RPUSH", "list", i), nil)
	}
	want(error(nil))(c.Flush(), nil)
	for i := 0; i < 10000; i++ {
		want(i + 1)(redis.Int(c.Receive()))
	}
	want(error(nil))(c.Send("SET", "a", 1), nil)
	want(error(nil))(c.Send("INCR", "a"), nil)
	want([]string{"OK", "2"})(texts(c.Do("")))
}

// texts are replies of different types, as one compares them easily.
func texts(reply any, err error) ([]string, error) {
	all := []string{}
	for _, value := range must(redis.Values(reply, err)) {
		all = append(all, fmt.Sprintf("%v", value))
	}
	return all, nil
}

func transactions(c redis.Conn) {
	must(c.Do("MULTI"))
	want("QUEUED")(redis.String(c.Do("SET", "a", 1)))
	want("QUEUED")(redis.String(c.Do("INCR", "a")))
	want("QUEUED")(redis.String(c.Do("ZADD", "z", 1, "m")))
	want([]string{"OK", "2", "1"})(texts(c.Do("EXEC")))

	watched := func(disturb bool) (any, error) {
		must(c.Do("WATCH", "a"))
		if disturb {
			must(connect().Do("SET", "a", "disturbed"))
		}
		want(error(nil))(c.Send("MULTI"), nil)
		want(error(nil))(c.Send("SET", "a", 20), nil)
		return c.Do("EXEC")
	}
	want([]string{"OK"})(texts(watched(false)))
	want[any](nil)(watched(true))
	want("disturbed")(redis.String(c.Do("GET", "a")))

	must(c.Do("MULTI"))
	wantError("ERR unknown command")(c.Do("NOSUCH"))
	wantError("EXECABORT Transaction discarded because of previous errors.")(c.Do("EXEC"))
	must(c.Do("MULTI"))
	want("OK")(redis.String(c.Do("DISCARD")))
}

func publishAndSubscribe(c redis.Conn) {
	subscriber := redis.PubSubConn{Conn: connect()}
	want(error(nil))(subscriber.Subscribe("news"), nil)
	want(error(nil))(subscriber.PSubscribe("n?ws"), nil)
	want[any](redis.Subscription{Kind: "subscribe", Channel: "news", Count: 1})(subscriber.Receive(), nil)
	want[any](redis.Subscription{Kind: "psubscribe", Channel: "n?ws", Count: 2})(subscriber.Receive(), nil)
	want(2)(redis.Int(c.Do("PUBLISH", "news", "cowslip")))
	want[any](redis.Message{Channel: "news", Data: []byte("cowslip")})(subscriber.Receive(), nil)
	want[any](redis.Message{Channel: "news", Pattern: "n?ws", Data: []byte("cowslip")})(subscriber.Receive(), nil)
	want(map[string]int{"news": 1})(redis.IntMap(c.Do("PUBSUB", "NUMSUB", "news")))
	want(error(nil))(subscriber.Ping("still there?"), nil)
	want[any](redis.Pong{Data: "still there?"})(subscriber.Receive(), nil)
	want(error(nil))(subscriber.Unsubscribe(), nil)
	want[any](redis.Subscription{Kind: "unsubscribe", Channel: "news", Count: 1})(subscriber.Receive(), nil)
	want(error(nil))(subscriber.Close(), nil)
	eventually(func() bool { return must(redis.Int(c.Do("PUBSUB", "NUMPAT"))) == 0 })
}

func lostSubscription(c redis.Conn) {
	for _, text := range []string{"one", "two"} {
		subscriber := redis.PubSubConn{Conn: connect()}
		want(error(nil))(subscriber.Subscribe("news"), nil)
		want[any](redis.Subscription{Kind: "subscribe", Channel: "news", Count: 1})(subscriber.Receive(), nil)
		want(1)(redis.Int(c.Do("PUBLISH", "news", text)))
		want[any](redis.Message{Channel: "news", Data: []byte(text)})(subscriber.Receive(), nil)
		want(1)(redis.Int(c.Do("CLIENT", "KILL", "TYPE", "pubsub")))
		_, lost := subscriber.Receive().(error)
		want(true)(lost, nil)
	}
}

type reply struct {
	value any
	err   error
}

// whileBlocked tells what a command of another connection returns that blocks until `other` is done.
func whileBlocked(c redis.Conn, other func(), command string, args ...any) (any, error) {
	replies := make(chan reply, 1)
	go func() {
		value, err := redis.DoWithTimeout(connect(), 0, command, args...)
		replies <- reply{value, err}
	}()
	eventually(func() bool {
		return strings.Contains(must(redis.String(c.Do("INFO", "clients"))), "blocked_clients:1\r\n")
	})
	other()
	select {
	case got := <-replies:
		return got.value, got.err
	case <-time.After(patience):
		panic("the command did not return")
	}
}

func blockingPops(c redis.Conn) {
	want[any](nil)(c.Do("BLPOP", "none", 0.05))
	doing := func(command string, args ...any) func() { return func() { must(c.Do(command, args...)) } }
	want([]string{"b", "x"})(redis.Strings(whileBlocked(c, doing("RPUSH", "b", "x"), "BLPOP", "a", "b", 0)))
	want("y")(redis.String(whileBlocked(c, doing("RPUSH", "a", "y"), "BLMOVE", "a", "b", "LEFT", "RIGHT", 0)))
	want("z")(redis.String(whileBlocked(c, doing("RPUSH", "a", "z"), "BRPOPLPUSH", "a", "b", 0)))
	want([]string{"b", "y"})(redis.Strings(c.Do("BRPOP", "b", 0)))
	want([]string{"z", "n", "2"})(redis.Strings(
		whileBlocked(c, doing("ZADD", "z", 1, "m", 2, "n"), "BZPOPMAX", "z", 0)))
	popped := must(redis.Values(whileBlocked(c, doing("RPUSH", "q", 1, 2), "BLMPOP", 0, 1, "q", "RIGHT", "COUNT", 5)))
	want([]int{2, 1})(redis.Ints(popped[1], nil))
	popped = must(redis.Values(whileBlocked(c, doing("ZADD", "y", 1, "m"), "BZMPOP", 0, 1, "y", "MIN")))
	want("y")(redis.String(popped[0], nil))
}

func clientInfo(c redis.Conn) {
	named := connect(redis.DialClientName("worker-7"), redis.DialDatabase(3))
	info := must(redis.String(named.Do("CLIENT", "INFO")))
	for _, field := range []string{" name=worker-7 ", " db=3 ", " cmd=client|info "} {
		want(true)(strings.Contains(info, field), nil)
	}
	want("OK")(redis.String(named.Do("CLIENT", "SETNAME", "other")))
	want(true)(strings.Contains(must(redis.String(c.Do("CLIENT", "LIST"))), " name=other "), nil)
	want("OK")(redis.String(named.Do("SET", "key", 1)))
	want(true)(redis.Bool(named.Do("MOVE", "key", 0)))
	want(1)(redis.Int(c.Do("GET", "key")))
}

func keyspaceNotifications(c redis.Conn) {
	must(c.Do("CONFIG", "SET", "notify-keyspace-events", "KEA"))
	subscriber := redis.PubSubConn{Conn: connect()}
	want(error(nil))(subscriber.PSubscribe("__keyevent@0__:*"), nil)
	subscriber.Receive()
	must(c.Do("RPUSH", "list", 1))
	must(c.Do("LPOP", "list"))
	must(c.Do("SADD", "set", "m"))
	must(c.Do("PSETEX", "brief", 10, "x"))
	for _, event := range []string{"rpush list", "lpop list", "del list", "sadd set", "set brief", "expire brief",
		"expired brief"} {
		message := subscriber.Receive().(redis.Message)
		want(event)(strings.Split(message.Channel, ":")[1]+" "+string(message.Data), nil)
	}
	must(c.Do("CONFIG", "SET", "notify-keyspace-events", ""))
}

func tracking(c redis.Conn) {
	invalidations, reader := connect(), connect()
	listener := must(redis.Int(invalidations.Do("CLIENT", "ID")))
	must(invalidations.Do("SUBSCRIBE", "__redis__:invalidate"))
	next := func() ([]string, error) {
		message, err := redis.Values(invalidations.Receive())
		return must(redis.Strings(message[2], err)), nil
	}
	want("OK")(redis.String(reader.Do("CLIENT", "TRACKING", "ON", "REDIRECT", listener)))
	must(reader.Do("SMEMBERS", "set"))
	must(c.Do("SADD", "set", "unasked for"))
	want([]string{"set"})(next())
	must(reader.Do("CLIENT", "TRACKING", "OFF"))
	must(reader.Do("CLIENT", "TRACKING", "ON", "REDIRECT", listener, "BCAST", "PREFIX", "user:"))
	must(c.Do("MSET", "other", 1, "user:1", 1))
	want([]string{"user:1"})(next())
	want(listener)(redis.Int(reader.Do("CLIENT", "GETREDIR")))
}

func restart(redis.Conn) {
	pool := redis.Pool{
		Dial: func() (redis.Conn, error) { return redis.Dial("tcp", address) },
		TestOnBorrow: func(c redis.Conn, _ time.Time) error {
			_, err := c.Do("PING")
			return err
		},
	}
	defer pool.Close()
	c := pool.Get()
	must(c.Do("SET", "string", "kept", "EX", 1000))
	must(c.Do("RPUSH", redis.Args{}.Add("list").AddFlat(numbers(1, 1000))...))
	must(c.Do("HSET", "hash", "f", "v"))
	must(c.Do("SADD", "set", "a", "b"))
	must(c.Do("ZADD", "zset", 1.5, "m"))
	runID := func(c redis.Conn) string {
		info, _ := redis.String(c.Do("INFO", "server"))
		_, after, _ := strings.Cut(info, "run_id:")
		return strings.SplitN(after, "\r\n", 2)[0]
	}
	before := runID(c)
	_, err := c.Do("SHUTDOWN", "SAVE")
	want(true)(err != nil, nil)
	c.Close()
	eventually(func() bool {
		c = pool.Get()
		return c.Err() == nil
	})
	want(true)(runID(c) != before && runID(c) != "", nil)
	want("kept")(redis.String(c.Do("GET", "string")))
	want(1000)(len(must(redis.Ints(c.Do("LRANGE", "list", 0, -1)))), nil)
	want(map[string]string{"f": "v"})(redis.StringMap(c.Do("HGETALL", "hash")))
	wantSorted("a", "b")(redis.Strings(c.Do("SMEMBERS", "set")))
	want([]member{{"m", 1.5}})(members(c.Do("ZRANGE", "zset", 0, -1, "WITHSCORES")))
	want(true)(must(redis.Int(c.Do("TTL", "string"))) > 0, nil)
	c.Close()
}
