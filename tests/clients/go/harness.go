// What the scenarios share: a line is printed for each, and what came instead of what was wanted.
package main

import (
	"errors"
	"fmt"
	"os"
	"reflect"
	"runtime/debug"
	"sort"
	"strings"
	"time"

	"github.com/gomodule/redigo/redis"
)

// Only what never comes takes that long.
const patience = 30 * time.Second

// A scenario gets a connection to an empty server.
type scenario struct {
	name string
	run  func(redis.Conn)
}

var address string

func connect(options ...redis.DialOption) redis.Conn {
	c, err := redis.Dial("tcp", address, append(options, redis.DialReadTimeout(patience))...)
	if err != nil {
		panic(err)
	}
	return c
}

// want("x")(redis.String(c.Do("GET", "key"))) fails the scenario unless the reply is x.
func want[T any](wanted T) func(T, error) {
	return func(got T, err error) {
		if err != nil || !reflect.DeepEqual(got, wanted) {
			panic(fmt.Sprintf("got %.300s (error: %v), wanted %.300s", fmt.Sprint(got), err, fmt.Sprint(wanted)))
		}
	}
}

// wantSorted is want for members that come in no particular order.
func wantSorted(wanted ...string) func([]string, error) {
	return func(got []string, err error) {
		sort.Strings(got)
		want(wanted)(got, err)
	}
}

// wantError wants an error of the server that begins so.
func wantError(start string) func(any, error) {
	return func(got any, err error) {
		var reply redis.Error
		if !errors.As(err, &reply) || !strings.HasPrefix(err.Error(), start) {
			panic(fmt.Sprintf("got %.300s (error: %v), wanted the error %s", fmt.Sprint(got), err, start))
		}
	}
}

func must[T any](got T, err error) T {
	if err != nil {
		panic(err)
	}
	return got
}

// eventually asks until the answer is true.
func eventually(question func() bool) {
	for deadline := time.Now().Add(patience); !question(); time.Sleep(10 * time.Millisecond) {
		if time.Now().After(deadline) {
			panic("waited in vain")
		}
	}
}

func numbers(from, to int) redis.Args {
	args := redis.Args{}
	for i := from; i <= to; i++ {
		args = args.Add(i)
	}
	return args
}

// passes runs the scenario and tells whether it went as it should.
func passes(s scenario) (passed bool) {
	defer func() {
		if failure := recover(); failure != nil {
			fmt.Printf("%s\nFAILED  redigo: %s: %v\n", debug.Stack(), s.name, failure)
		}
	}()
	c := connect()
	defer c.Close()
	must(c.Do("FLUSHALL"))
	s.run(c)
	fmt.Println("ok      redigo:", s.name)
	return true
}

// redigo against the server on the port that is given: redigo_client PORT
func main() {
	address = "127.0.0.1:" + os.Args[1]
	status := 0
	for _, s := range append(dataTypes, connections...) {
		if !passes(s) {
			status = 1
		}
	}
	os.Exit(status)
}
