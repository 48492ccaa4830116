//go:build linux

// Bench is a load generator for signalling servers. It shows what a relayed
// message, a call, a connect and an idle connection cost a server in CPU time
// and memory, and how the server bears a storm of reconnects and a client that
// stops reading.
//
// It speaks the native words of Switchboard, as they are common: plain
// WebSocket, JSON in text frames. docs/PERFORMANCE.md says what to make of the
// figures; bench -h says how to use it.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"math/rand/v2"
	"os"
	"os/signal"
	"runtime"
	"slices"
	"strings"
	"syscall"
	"time"
)

func main() {
	os.Exit(run(os.Args[1:], os.Stdout, os.Stderr))
}

// run is the program: it returns the exit code.
func run(args []string, stdout, stderr io.Writer) int {
	s, err := parse(args)
	switch {
	case errors.Is(err, flag.ErrHelp):
		help(stdout)
		return 0
	case err != nil:
		fmt.Fprintf(stderr, "bench: %v (bench -h shows the flags)\n", err)
		return 2
	}
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	r, err := s.measure(ctx, stderr)
	if err != nil {
		fmt.Fprintf(stderr, "bench: %v\n", err)
		return 1
	}
	r.write(stdout)
	if s.json != "" {
		err = r.writeJSON(s.json)
	}
	if err != nil {
		fmt.Fprintf(stderr, "bench: %v\n", err)
		return 1
	}
	switch {
	case ctx.Err() != nil:
		fmt.Fprintln(stderr, "bench: interrupted")
		return 1
	case r.faults() > 0:
		return 1
	}
	return 0
}

// measure makes all trials. A signal ends it early, with what is known then.
func (s *settings) measure(ctx context.Context, progress io.Writer) (*report, error) {
	dir, err := os.MkdirTemp("", "bench-")
	if err != nil {
		return nil, err
	}
	defer os.RemoveAll(dir)
	servers, err := s.pick(ctx, dir)
	if err != nil {
		return nil, err
	}

	// The loop has a thread of its own, and one more must be there for the
	// goroutines that wait for signals and for processes.
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	defer runtime.GOMAXPROCS(runtime.GOMAXPROCS(max(2, runtime.NumCPU())))

	r := &report{Machine: thisMachine(), Servers: s.picked, Baseline: s.baseline, Rounds: s.rounds}
	for _, l := range s.loads() {
		for round := 1; round <= s.rounds; round++ {
			for _, i := range rand.Perm(len(servers)) {
				if ctx.Err() != nil {
					return r, nil
				}
				s.note(progress, "%s (%s), round %d of %d: %s", l.scenario, l.label, round, s.rounds, servers[i].name)
				begin := time.Now()
				outcomes := s.try(ctx, l, servers[i])
				if ctx.Err() != nil {
					s.note(progress, "\n")
					return r, nil
				}
				r.add(l, round, servers[i].name, outcomes)
				s.note(progress, " %.1f s%s\n", time.Since(begin).Seconds(), faultOf(outcomes))
			}
		}
	}
	return r, nil
}

func (s *settings) note(w io.Writer, format string, args ...any) {
	if !s.quiet {
		fmt.Fprintf(w, format, args...)
	}
}

func faultOf(outcomes []*outcome) string {
	for _, o := range outcomes {
		if o.fault != "" {
			return ", FAULT: " + o.fault
		}
	}
	return ""
}

// loads returns what is asked for, in order.
func (s *settings) loads() (loads []load) {
	for _, name := range s.scenarios {
		for _, sc := range scenarios() {
			if sc.name == name {
				for _, l := range sc.loads(s) {
					l.scenario = sc.name
					loads = append(loads, l)
				}
			}
		}
	}
	return loads
}

// pick returns the servers to measure. Ours are built into a directory.
func (s *settings) pick(ctx context.Context, dir string) (servers []server, err error) {
	all := []string{"switchboard", "relay"}
	for _, srv := range s.servers {
		if !slices.Contains(all, srv.name) {
			all = append(all, srv.name)
		}
	}
	if len(s.picked) == 0 {
		s.picked = all
	}
	for _, name := range s.picked {
		if !slices.Contains(all, name) {
			return nil, fmt.Errorf("no server %q: there are %s", name, strings.Join(all, ", "))
		}
		srv, err := s.server(ctx, dir, name)
		if err != nil {
			return nil, err
		}
		servers = append(servers, srv)
	}
	return servers, nil
}

// server returns the one of a name. Those of the command line come first, so
// that it can put another in the place of ours.
func (s *settings) server(ctx context.Context, dir, name string) (server, error) {
	for _, srv := range s.servers {
		if srv.name == name {
			return srv, nil
		}
	}
	if name == "relay" {
		return buildOwn(ctx, dir, name, "switchboard/bench/relay")
	}
	// Its limit of messages for each client is not what is measured.
	flags := []string{"-rate", "1000000", "-burst", "1000000"}
	return buildOwn(ctx, dir, name, "switchboard", append(flags, strings.Fields(s.switchboardFlags)...)...)
}
