package main

import (
	"bufio"
	"context"
	"encoding/json"
	"flag"
	"fmt"
	"log"
	"os"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	clientv3 "go.etcd.io/etcd/client/v3"
	"google.golang.org/grpc"
)

const lineBytesMax = 1 << 20

// pair is a record as etcd keeps it: its id and its bytes.
type pair struct{ key, value string }

// measured is what a load came to; it is printed as JSON.
type measured struct {
	Count     int       `json:"count"`
	Seconds   float64   `json:"seconds"`
	Latencies []float64 `json:"latencies_ms,omitempty"`
}

// bulk puts every record of a file, by pages of one transaction each, and waits until every member
// has applied all.
func bulk(arguments []string) {
	given, members := options("bulk")
	page := given.Int("page", 100, "records of one transaction")
	flying := given.Int("flying", 8, "transactions that are under way at once")
	_ = given.Parse(arguments)
	pairs := read(given.Arg(0))
	addresses := strings.Split(*members, ",")
	client := leader(addresses)
	pages := make(chan []pair)
	began := time.Now()
	var group sync.WaitGroup
	for range *flying {
		group.Add(1)
		go func() {
			defer group.Done()
			for each := range pages {
				puts := make([]clientv3.Op, len(each))
				for number, pair := range each {
					puts[number] = clientv3.OpPut(pair.key, pair.value)
				}
				if _, err := client.Txn(context.Background()).Then(puts...).Commit(); err != nil {
					log.Fatal(err)
				}
			}
		}()
	}
	for first := 0; first < len(pairs); first += *page {
		pages <- pairs[first:min(first+*page, len(pairs))]
	}
	close(pages)
	group.Wait()
	everywhere(client, addresses)
	say(measured{Count: len(pairs), Seconds: time.Since(began).Seconds()})
}

// wait puts single records with a number of clients that each wait for their answer.
func wait(arguments []string) {
	given, members := options("wait")
	clients := given.Int("clients", 1, "clients that wait")
	seconds := given.Float64("seconds", 5, "how long")
	_ = given.Parse(arguments)
	pairs := read(given.Arg(0))
	var taken atomic.Int64
	addresses := []string{leader(strings.Split(*members, ",")).Endpoints()[0]}
	parts := make([][]float64, *clients)
	var group sync.WaitGroup
	connections := make([]*clientv3.Client, *clients)
	for number := range connections {
		connections[number] = connected(addresses)
		if _, err := connections[number].Get(context.Background(), "warm"); err != nil {
			log.Fatal(err)
		}
	}
	began := time.Now()
	until := began.Add(time.Duration(*seconds * float64(time.Second)))
	for number := range parts {
		group.Add(1)
		go func() {
			defer group.Done()
			for time.Now().Before(until) {
				turn := int(taken.Add(1) - 1)
				each := pairs[turn%len(pairs)]
				key := fmt.Sprintf("%s-%d", each.key, turn/len(pairs))
				asked := time.Now()
				if _, err := connections[number].Put(context.Background(), key, each.value); err != nil {
					log.Fatal(err)
				}
				parts[number] = append(parts[number], time.Since(asked).Seconds()*1000)
			}
		}()
	}
	group.Wait()
	done := measured{Seconds: time.Since(began).Seconds()}
	for _, part := range parts {
		done.Latencies = append(done.Latencies, part...)
	}
	done.Count = len(done.Latencies)
	say(done)
}

func options(name string) (*flag.FlagSet, *string) {
	given := flag.NewFlagSet(name, flag.ExitOnError)
	return given, given.String("members", "", "addresses of the members, with commas between")
}

// read returns the records of a file: a line each, id, tab, bytes.
func read(path string) []pair {
	file, err := os.Open(path)
	if err != nil {
		log.Fatal(err)
	}
	defer file.Close()
	lines := bufio.NewScanner(file)
	lines.Buffer(nil, lineBytesMax)
	var pairs []pair
	for lines.Scan() {
		key, value, _ := strings.Cut(lines.Text(), "\t")
		pairs = append(pairs, pair{key, value})
	}
	return pairs
}

func connected(addresses []string) *clientv3.Client {
	client, err := clientv3.New(clientv3.Config{
		Endpoints:   addresses,
		DialTimeout: 5 * time.Second,
		DialOptions: []grpc.DialOption{grpc.WithBlock()},
	})
	if err != nil {
		log.Fatal(err)
	}
	return client
}

// leader returns a client of the member that leads, which spares a way to it.
func leader(addresses []string) *clientv3.Client {
	for range 100 {
		for _, address := range addresses {
			client := connected([]string{address})
			status, err := client.Status(context.Background(), address)
			if err == nil && status.Leader == status.Header.MemberId {
				return client
			}
			_ = client.Close()
		}
		time.Sleep(50 * time.Millisecond)
	}
	log.Fatal("no member leads")
	return nil
}

// everywhere waits until every member has applied what the leader has.
func everywhere(client *clientv3.Client, members []string) {
	status, err := client.Status(context.Background(), client.Endpoints()[0])
	if err != nil {
		log.Fatal(err)
	}
	for _, address := range members {
		for {
			other, err := client.Status(context.Background(), address)
			if err != nil {
				log.Fatal(err)
			}
			if other.RaftAppliedIndex >= status.RaftAppliedIndex {
				break
			}
			time.Sleep(5 * time.Millisecond)
		}
	}
}

func say(done measured) {
	if err := json.NewEncoder(os.Stdout).Encode(done); err != nil {
		log.Fatal(err)
	}
}
