// Every data type as a user of redigo meets it; each reply is checked.
package main

import (
	"crypto/rand"
	"fmt"
	"math"
	"sort"
	"strings"

	"github.com/gomodule/redigo/redis"
)

const wrongType = "WRONGTYPE Operation against a key holding the wrong kind of value"

var dataTypes = []scenario{
	{"strings and expiry", stringsAndExpiry},
	{"lists", lists},
	{"hashes", hashes},
	{"sets", sets},
	{"sorted sets", sortedSets},
	{"bitmaps", bitmaps},
	{"hyperloglogs", hyperloglogs},
	{"geo", geo},
	{"scan iterators", scans},
	{"sort", sorts},
	{"dump and restore", dumpAndRestore},
	{"large and binary values", largeAndBinary},
	{"errors", errorReplies},
}

func stringsAndExpiry(c redis.Conn) {
	want("OK")(redis.String(c.Do("SET", "flower", "cowslip", "EX", 100)))
	want("cowslip")(redis.String(c.Do("GET", "flower")))
	want(100)(redis.Int(c.Do("TTL", "flower")))
	want[any](nil)(c.Do("SET", "flower", "other", "NX"))
	want("cowslip")(redis.String(c.Do("SET", "flower", "primrose", "XX", "KEEPTTL", "GET")))
	want(true)(redis.Bool(c.Do("PERSIST", "flower")))
	want([]int{-1, -2})([]int{must(redis.Int(c.Do("TTL", "flower"))), must(redis.Int(c.Do("TTL", "none")))}, nil)
	want("OK")(redis.String(c.Do("MSET", redis.Args{}.AddFlat(map[string]int{"a": 1, "b": 2})...)))
	want([]string{"1", "", "2"})(redis.Strings(c.Do("MGET", "a", "none", "b")))
	want(42)(redis.Int(c.Do("INCRBY", "a", 41)))
	want(42.5)(redis.Float64(c.Do("INCRBYFLOAT", "a", 0.5)))
	want(9)(redis.Int(c.Do("APPEND", "flower", "!")))
	want("pri")(redis.String(c.Do("GETRANGE", "flower", 0, 2)))
	want("primrose!")(redis.String(c.Do("GETEX", "flower", "PX", 60000)))
	want("primrose!")(redis.String(c.Do("GETDEL", "flower")))
	want("OK")(redis.String(c.Do("PSETEX", "brief", 20, "x")))
	eventually(func() bool { return must(c.Do("GET", "brief")) == nil })
	want(1)(redis.Int(c.Do("COPY", "a", "c")))
	want("OK")(redis.String(c.Do("RENAME", "c", "d")))
	wantSorted("a", "b", "d")(redis.Strings(c.Do("KEYS", "*")))
	want(2)(redis.Int(c.Do("UNLINK", "a", "b", "none")))
	want("string")(redis.String(c.Do("TYPE", "d")))
}

func lists(c redis.Conn) {
	want(3)(redis.Int(c.Do("RPUSH", redis.Args{}.Add("list").AddFlat([]string{"b", "c", "d"})...)))
	want(4)(redis.Int(c.Do("LPUSH", "list", "a")))
	want([]string{"a", "b", "c", "d"})(redis.Strings(c.Do("LRANGE", "list", 0, -1)))
	want("d")(redis.String(c.Do("LINDEX", "list", -1)))
	want(5)(redis.Int(c.Do("LINSERT", "list", "BEFORE", "b", "x")))
	want("OK")(redis.String(c.Do("LSET", "list", 0, "A")))
	want(1)(redis.Int(c.Do("LREM", "list", 0, "x")))
	want("A")(redis.String(c.Do("LPOP", "list")))
	want([]string{"d", "c"})(redis.Strings(c.Do("RPOP", "list", 2)))
	_, err := redis.String(c.Do("LPOP", "none"))
	want(redis.ErrNil)(err, nil)
	want("b")(redis.String(c.Do("LMOVE", "list", "other", "LEFT", "RIGHT")))
	want(4)(redis.Int(c.Do("RPUSH", "other", "x", "b", "c")))
	want([]int{0, 2})(redis.Ints(c.Do("LPOS", "other", "b", "COUNT", 0)))
	want("c")(redis.String(c.Do("RPOPLPUSH", "other", "other")))
	want("OK")(redis.String(c.Do("LTRIM", "other", 0, 1)))
	popped := must(redis.Values(c.Do("LMPOP", 2, "none", "other", "RIGHT", "COUNT", 9)))
	want("other")(redis.String(popped[0], nil))
	want([]string{"b", "c"})(redis.Strings(popped[1], nil))
}

func hashes(c redis.Conn) {
	type flower struct {
		Name   string  `redis:"name"`
		Petals float64 `redis:"petals"`
	}
	want(2)(redis.Int(c.Do("HSET", redis.Args{}.Add("hash").AddFlat(&flower{"cowslip", 5})...)))
	want(7)(redis.Int(c.Do("HINCRBY", "hash", "petals", 2)))
	want(7.5)(redis.Float64(c.Do("HINCRBYFLOAT", "hash", "petals", "0.5")))
	var read flower
	want(error(nil))(redis.ScanStruct(must(redis.Values(c.Do("HGETALL", "hash"))), &read), nil)
	want(flower{"cowslip", 7.5})(read, nil)
	want(map[string]string{"name": "cowslip", "petals": "7.5"})(redis.StringMap(c.Do("HGETALL", "hash")))
	want([]string{"7.5", ""})(redis.Strings(c.Do("HMGET", "hash", "petals", "none")))
	want(false)(redis.Bool(c.Do("HSETNX", "hash", "name", "x")))
	wantSorted("name", "petals")(redis.Strings(c.Do("HKEYS", "hash")))
	wantSorted("7.5", "cowslip")(redis.Strings(c.Do("HVALS", "hash")))
	want(10)(len(must(redis.Values(c.Do("HRANDFIELD", "hash", -5, "WITHVALUES")))), nil)
	want(1)(redis.Int(c.Do("HDEL", "hash", "name", "none")))
	fields := redis.Args{}.Add("hash")
	for i := 0; i < 1000; i++ {
		fields = fields.Add(fmt.Sprint("field", i), i)
	}
	want(1000)(redis.Int(c.Do("HSET", fields...)))
	want(999)(redis.Int(c.Do("HGET", "hash", "field999")))
	want("hashtable")(redis.String(c.Do("OBJECT", "ENCODING", "hash")))
}

func sets(c redis.Conn) {
	want(3)(redis.Int(c.Do("SADD", "a", 1, 2, 3)))
	want(3)(redis.Int(c.Do("SADD", "b", 2, 3, 4)))
	wantSorted("1", "2", "3")(redis.Strings(c.Do("SMEMBERS", "a")))
	want([]int{1, 0})(redis.Ints(c.Do("SMISMEMBER", "a", 1, 9)))
	wantSorted("2", "3")(redis.Strings(c.Do("SINTER", "a", "b")))
	wantSorted("1", "2", "3", "4")(redis.Strings(c.Do("SUNION", "a", "b")))
	wantSorted("1")(redis.Strings(c.Do("SDIFF", "a", "b")))
	want(2)(redis.Int(c.Do("SINTERSTORE", "c", "a", "b")))
	want(4)(redis.Int(c.Do("SUNIONSTORE", "d", "a", "b")))
	want(1)(redis.Int(c.Do("SDIFFSTORE", "e", "a", "b")))
	want(1)(redis.Int(c.Do("SINTERCARD", 2, "a", "b", "LIMIT", 1)))
	want(true)(redis.Bool(c.Do("SMOVE", "a", "b", 1)))
	want(1)(redis.Int(c.Do("SREM", "b", 1, "x")))
	want(7)(len(must(redis.Strings(c.Do("SRANDMEMBER", "c", -7)))), nil)
	wantSorted("1", "2", "3", "4")(redis.Strings(c.Do("SPOP", "d", 10)))
	want(false)(redis.Bool(c.Do("EXISTS", "d")))
}

type member struct {
	Name  string
	Score float64
}

func members(reply any, err error) (all []member, _ error) {
	err = redis.ScanSlice(must(redis.Values(reply, err)), &all)
	return all, err
}

func sortedSets(c redis.Conn) {
	want(3)(redis.Int(c.Do("ZADD", "z", 1, "a", 2, "b", 3, "c")))
	want(1)(redis.Int(c.Do("ZADD", "z", "GT", "CH", 0.5, "a", 9, "b")))
	want(5.0)(redis.Float64(c.Do("ZADD", "z", "INCR", 5, "d")))
	want([]member{{"a", 1}, {"c", 3}, {"d", 5}, {"b", 9}})(members(c.Do("ZRANGE", "z", 0, -1, "WITHSCORES")))
	want([]string{"c", "d"})(redis.Strings(c.Do("ZRANGE", "z", "(1", "+inf", "BYSCORE", "LIMIT", 0, 2)))
	want([]string{"b", "9", "d", "5"})(redis.Strings(c.Do("ZREVRANGEBYSCORE", "z", "+inf", "(3", "WITHSCORES")))
	want(3)(redis.Int(c.Do("ZRANK", "z", "b")))
	want([]float64{1, 0})(redis.Float64s(c.Do("ZMSCORE", "z", "a", "none")))
	want(math.Inf(-1))(redis.Float64(c.Do("ZINCRBY", "z", "-inf", "a")))
	want(2)(redis.Int(c.Do("ZCOUNT", "z", "-inf", "(5")))
	want(2)(redis.Int(c.Do("ZADD", "y", 10, "c", 11, "e")))
	want([]member{{"a", math.Inf(-1)}, {"c", 10}, {"d", 10}, {"e", 11}, {"b", 18}})(members(
		c.Do("ZUNION", 2, "z", "y", "WEIGHTS", 2, 1, "AGGREGATE", "MAX", "WITHSCORES")))
	want([]member{{"c", 13}})(members(c.Do("ZINTER", 2, "z", "y", "WITHSCORES")))
	want([]string{"e"})(redis.Strings(c.Do("ZDIFF", 2, "y", "z")))
	want(5)(redis.Int(c.Do("ZUNIONSTORE", "u", 2, "z", "y")))
	want(2)(redis.Int(c.Do("ZRANGESTORE", "r", "z", 1, 2)))
	want([]member{{"a", math.Inf(-1)}})(members(c.Do("ZPOPMIN", "z")))
	want([]member{{"b", 9}, {"d", 5}})(members(c.Do("ZPOPMAX", "z", 2)))
	popped := must(redis.Values(c.Do("ZMPOP", 2, "none", "z", "MIN")))
	want("z")(redis.String(popped[0], nil))
	want([]string{"c", "3"})(redis.Strings(popped[1].([]any)[0], nil))
	want(5)(redis.Int(c.Do("ZADD", "lex", 0, "a", 0, "b", 0, "c", 0, "d", 0, "e")))
	want([]string{"d", "c"})(redis.Strings(c.Do("ZRANGE", "lex", "(e", "[b", "BYLEX", "REV", "LIMIT", 0, 2)))
	want(2)(redis.Int(c.Do("ZREMRANGEBYLEX", "lex", "-", "[b")))
	want(1)(redis.Int(c.Do("ZREMRANGEBYRANK", "lex", 0, 0)))
	want(2)(redis.Int(c.Do("ZREMRANGEBYSCORE", "lex", 0, 0)))
}

func bitmaps(c redis.Conn) {
	want(0)(redis.Int(c.Do("SETBIT", "bits", 7, 1)))
	want("OK")(redis.String(c.Do("SET", "other", "\x0f")))
	want(1)(redis.Int(c.Do("BITOP", "XOR", "both", "bits", "other")))
	want([]byte{0x0e})(redis.Bytes(c.Do("GET", "both")))
	want(2)(redis.Int(c.Do("BITCOUNT", "both", 4, 5, "BIT")))
	want(4)(redis.Int(c.Do("BITPOS", "both", 1)))
	want([]int{0, 255})(redis.Ints(c.Do("BITFIELD", "f", "OVERFLOW", "SAT", "SET", "u8", 0, 250, "INCRBY", "u8", 0, 9)))
}

func hyperloglogs(c redis.Conn) {
	want(1)(redis.Int(c.Do("PFADD", redis.Args{}.Add("one").AddFlat(numbers(1, 100))...)))
	want(1)(redis.Int(c.Do("PFADD", redis.Args{}.Add("two").AddFlat(numbers(51, 150))...)))
	want("OK")(redis.String(c.Do("PFMERGE", "all", "one", "two")))
	count := must(redis.Int(c.Do("PFCOUNT", "all")))
	want(true)(145 <= count && count <= 155, nil)
	want(count)(redis.Int(c.Do("PFCOUNT", "one", "two")))
}

func geo(c redis.Conn) {
	want(2)(redis.Int(c.Do("GEOADD", "sicily", 13.361389, 38.115556, "Palermo", 15.087269, 37.502669, "Catania")))
	want(166.2742)(redis.Float64(c.Do("GEODIST", "sicily", "Palermo", "Catania", "km")))
	positions := must(redis.Positions(c.Do("GEOPOS", "sicily", "Palermo", "none")))
	want(true)(math.Abs(positions[0][0]-13.361389) < 1e-4 && positions[1] == nil, nil)
	want([]string{"sqc8b49rny0"})(redis.Strings(c.Do("GEOHASH", "sicily", "Palermo")))
	want([]string{"Catania", "Palermo"})(redis.Strings(
		c.Do("GEOSEARCH", "sicily", "FROMLONLAT", 15, 37, "BYRADIUS", 200, "km", "ASC")))
	want(1)(redis.Int(c.Do("GEOSEARCHSTORE", "near", "sicily", "FROMMEMBER", "Catania", "BYBOX", 10, 10, "km")))
	want([]string{"Palermo"})(redis.Strings(c.Do("GEORADIUSBYMEMBER", "sicily", "Palermo", 10, "km")))
}

// scanAll follows the cursor of a command to its end, and returns each element once.
func scanAll(c redis.Conn, command string, before []any, after ...any) []string {
	found, cursor := map[string]bool{}, "0"
	for {
		page := must(redis.Values(c.Do(command, append(append(before[:len(before):len(before)], cursor), after...)...)))
		for _, element := range must(redis.Strings(page[1], nil)) {
			found[element] = true
		}
		if cursor = must(redis.String(page[0], nil)); cursor == "0" {
			break
		}
	}
	elements := []string{}
	for element := range found {
		elements = append(elements, element)
	}
	sort.Strings(elements)
	return elements
}

func scans(c redis.Conn) {
	names := []string{}
	for i := 0; i < 1500; i++ {
		names = append(names, fmt.Sprint("member", i))
		want(error(nil))(c.Send("SET", names[i], "v"), nil)
		want(error(nil))(c.Send("SADD", "set", names[i]), nil)
		want(error(nil))(c.Send("HSET", "hash", names[i], "v"), nil)
		want(error(nil))(c.Send("ZADD", "zset", 1.5, names[i]), nil)
	}
	must(c.Do(""))
	sort.Strings(names)
	want(names)(scanAll(c, "SCAN", nil, "MATCH", "member*", "COUNT", 100), nil)
	want([]string{"zset"})(scanAll(c, "SCAN", nil, "TYPE", "zset"), nil)
	want(names)(scanAll(c, "SSCAN", []any{"set"}), nil)
	want(append(names, "v"))(scanAll(c, "HSCAN", []any{"hash"}), nil)
	want(append([]string{"1.5"}, names...))(scanAll(c, "ZSCAN", []any{"zset"}, "MATCH", "*"), nil)
}

func sorts(c redis.Conn) {
	must(c.Do("RPUSH", "ids", 3, 1, 2))
	must(c.Do("MSET", "weight_1", 30, "weight_2", 20, "weight_3", 10))
	must(c.Do("HSET", "user:1", "name", "Anna"))
	want([]int{1, 2, 3})(redis.Ints(c.Do("SORT", "ids")))
	want([]int{3, 2})(redis.Ints(c.Do("SORT", "ids", "DESC", "LIMIT", 0, 2)))
	want([]string{"3", "", "2", "", "1", "Anna"})(redis.Strings(
		c.Do("SORT_RO", "ids", "BY", "weight_*", "GET", "#", "GET", "user:*->name")))
	want(3)(redis.Int(c.Do("SORT", "ids", "BY", "nosort", "STORE", "copy")))
	want([]int{3, 1, 2})(redis.Ints(c.Do("LRANGE", "copy", 0, -1)))
	must(c.Do("SADD", "words", "pear", "apple"))
	want([]string{"apple", "pear"})(redis.Strings(c.Do("SORT", "words", "ALPHA")))
}

func dumpAndRestore(c redis.Conn) {
	must(c.Do("SET", "string", "x"))
	must(c.Do("RPUSH", redis.Args{}.Add("list").AddFlat(numbers(1, 300))...))
	must(c.Do("HSET", "hash", "f", "v"))
	must(c.Do("SADD", "intset", 1, 2))
	must(c.Do("ZADD", "zset", 1.5, "m"))
	for _, key := range []string{"string", "list", "hash", "intset", "zset"} {
		payload := must(redis.Bytes(c.Do("DUMP", key)))
		want("OK")(redis.String(c.Do("RESTORE", key+"2", 100000, payload)))
		want(payload)(redis.Bytes(c.Do("DUMP", key+"2")))
		wantError("BUSYKEY")(c.Do("RESTORE", key, 0, payload))
		payload[1] ^= 1
		wantError("ERR DUMP payload version or checksum are wrong")(c.Do("RESTORE", "broken", 0, payload))
	}
}

func largeAndBinary(c redis.Conn) {
	large, everything := make([]byte, 1<<24), []byte("\r\n$-1\r\n")
	must(rand.Read(large))
	for i := 0; i < 256; i++ {
		everything = append(everything, byte(i))
	}
	want("OK")(redis.String(c.Do("SET", everything, large)))
	want(large)(redis.Bytes(c.Do("GET", everything)))
	want(1)(redis.Int(c.Do("HSET", "hash", everything, everything)))
	want([][]byte{everything, everything})(redis.ByteSlices(c.Do("HGETALL", "hash")))
	want(2)(redis.Int(c.Do("SADD", "set", everything, "")))
	want(100000)(redis.Int(c.Do("RPUSH", redis.Args{}.Add("list").AddFlat(numbers(1, 100000))...)))
	elements := must(redis.Strings(c.Do("LRANGE", "list", 0, -1)))
	want(strings.Trim(fmt.Sprint(numbers(1, 100000)), "[]"))(strings.Join(elements, " "), nil)
}

func errorReplies(c redis.Conn) {
	must(c.Do("SET", "string", "text"))
	wantError(wrongType)(c.Do("LPUSH", "string", 1))
	wantError(wrongType)(c.Do("HGETALL", "string"))
	wantError("ERR value is not an integer or out of range")(c.Do("INCR", "string"))
	wantError("ERR no such key")(c.Do("RENAME", "none", "other"))
	wantError("ERR unknown command 'NOSUCH'")(c.Do("NOSUCH", 1))
	wantError("ERR wrong number of arguments for 'get' command")(c.Do("GET"))
	want("text")(redis.String(c.Do("GET", "string")))
}
