// Appends entries of 1 KiB to a Tessera log on a POSIX file system, the peer of Hansard's own figure.
//
// An entry counts when it is durable and integrated: the POSIX driver gives its index back only after both (files.go,
// "For simplicity, in-line the integration"). Prints one JSON document. The directory must be new.
package main

import (
	"context"
	"crypto/rand"
	"encoding/json"
	"flag"
	"fmt"
	"log"
	"log/slog"
	"os"
	"sync"
	"sync/atomic"
	"time"

	"github.com/transparency-dev/tessera"
	"github.com/transparency-dev/tessera/storage/posix"
	"golang.org/x/mod/sumdb/note"
)

func main() {
	appenders := flag.Int("appenders", 256, "goroutines, each with one entry at a time")
	seconds := flag.Int("seconds", 10, "how long to append")
	batch := flag.Int("batch", 256, "most entries of a batch")
	size := flag.Int("size", 1024, "bytes of an entry")
	dir := flag.String("dir", "", "directory of the log")
	flag.Parse()
	slog.SetLogLoggerLevel(slog.LevelError)
	if err := run(*dir, *appenders, *batch, *size, time.Duration(*seconds)*time.Second); err != nil {
		log.Fatal(err)
	}
}

func run(dir string, appenders, batch, size int, length time.Duration) error {
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	secret, _, err := note.GenerateKey(rand.Reader, "bench.example/tessera")
	if err != nil {
		return err
	}
	signer, err := note.NewSigner(secret)
	if err != nil {
		return err
	}
	driver, err := posix.New(ctx, posix.Config{Path: dir})
	if err != nil {
		return err
	}
	options := tessera.NewAppendOptions().
		WithCheckpointSigner(signer).
		WithBatching(uint(batch), 10*time.Millisecond).
		WithCheckpointInterval(time.Second)
	appender, shutdown, _, err := tessera.NewAppender(ctx, driver, options)
	if err != nil {
		return err
	}
	var entries, failed atomic.Int64
	started := time.Now()
	var group sync.WaitGroup
	for range appenders {
		group.Go(func() {
			entry := make([]byte, size)
			for time.Since(started) < length {
				rand.Read(entry)
				if _, err := appender.Add(ctx, tessera.NewEntry(entry))(); err != nil {
					failed.Add(1)
					continue
				}
				entries.Add(1)
			}
		})
	}
	group.Wait()
	took := time.Since(started).Seconds()
	if err := shutdown(ctx); err != nil {
		return err
	}
	if n := failed.Load(); n > 0 && entries.Load() == 0 {
		return fmt.Errorf("all %d appends failed", n)
	}
	return json.NewEncoder(os.Stdout).Encode(map[string]any{
		"appenders": appenders, "entry_bytes": size, "entries": entries.Load(), "seconds": took, "failed": failed.Load(),
	})
}
