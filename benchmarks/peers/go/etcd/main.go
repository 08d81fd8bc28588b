// etcd and what loads it, in one program: "serve ARGUMENTS" is etcd itself, "bulk" and "wait" are
// clients, written with etcd's own client library.
//
// Served, it ends when its standard input does, so that it never outlives what started it.
package main

import (
	"io"
	"log"
	"os"

	"go.etcd.io/etcd/server/v3/etcdmain"
)

func main() {
	log.SetFlags(0)
	if len(os.Args) < 2 {
		log.Fatal("serve, bulk or wait: which?")
	}
	switch os.Args[1] {
	case "serve":
		go func() {
			_, _ = io.Copy(io.Discard, os.Stdin)
			os.Exit(0)
		}()
		etcdmain.Main(append([]string{"etcd"}, os.Args[2:]...))
	case "bulk":
		bulk(os.Args[2:])
	case "wait":
		wait(os.Args[2:])
	default:
		log.Fatalf("%s: expected serve, bulk or wait", os.Args[1])
	}
}
