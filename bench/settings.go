//go:build linux

package main

import (
	"errors"
	"flag"
	"fmt"
	"io"
	"slices"
	"strconv"
	"strings"
	"time"

	"golang.org/x/sys/unix"
)

// settings are what the flags say.
type settings struct {
	scenarios []string
	rounds    int
	duration  time.Duration
	warmUp    time.Duration
	stall     time.Duration
	json      string
	quiet     bool

	pairs    []int
	window   []int
	rate     int
	conns    int
	idle     time.Duration
	flood    int64 // bytes
	floodFor time.Duration

	picked           []string // names of servers; empty: all
	baseline         string
	switchboardFlags string
	servers          []server // that the command line adds
}

func newFlags(s *settings) *flag.FlagSet {
	f := flag.NewFlagSet("bench", flag.ContinueOnError)
	f.SetOutput(io.Discard)

	s.scenarios = names()
	f.Func("run", "", list(&s.scenarios, known))
	f.IntVar(&s.rounds, "rounds", 5, "")
	f.DurationVar(&s.duration, "for", 3*time.Second, "")
	f.DurationVar(&s.warmUp, "warm-up", 500*time.Millisecond, "")
	f.DurationVar(&s.stall, "stall", 5*time.Second, "")
	f.StringVar(&s.json, "json", "", "")
	f.BoolVar(&s.quiet, "q", false, "")

	s.pairs, s.window = []int{50}, []int{1, 8}
	f.Func("pairs", "", list(&s.pairs, positive))
	f.Func("window", "", list(&s.window, positive))
	f.IntVar(&s.rate, "rate", 5000, "")
	f.IntVar(&s.conns, "conns", 10000, "")
	f.DurationVar(&s.idle, "rest", 10*time.Second, "")
	s.flood = 256 << 20
	f.Func("flood", "", size(&s.flood))
	f.DurationVar(&s.floodFor, "flood-for", 4*time.Second, "")

	f.Func("servers", "", list(&s.picked, func(name string) (string, error) { return name, nil }))
	f.Func("server", "", s.addServer(parseServer))
	f.Func("attach", "", s.addServer(parseAttached))
	f.StringVar(&s.switchboardFlags, "switchboard-flags", "", "")
	f.StringVar(&s.baseline, "baseline", "relay", "")
	return f
}

const usageText = `Bench measures what signalling costs a server: it puts loads on one or more
servers in turn and reads the CPU time and the memory that each of them used.

Usage: go run ./bench [flags]

  go run ./bench -run window,rate -rounds 3
  go run ./bench -run window -pairs 50,500,5000 -json growth.json
  go run ./bench -servers old,switchboard -baseline old \
      -server 'old=../old/switchboard -listen 127.0.0.1:{port} -rate 0'

What is run
  -run LIST         scenarios, all by default:
%s  -rounds N         how often, in a new random order of servers each time (5)
  -for TIME         how long each trial is measured (3s), after -warm-up (500ms);
                    longer on a machine so busy that nothing arrives in it
  -stall TIME       silence after which a load has stalled (5s), or up to twenty
                    times that of a server that is at work all the while

The load
  -pairs LIST       pairs in a call (50); all but window use the smallest
  -window LIST      candidates in flight for each pair (1,8)
  -rate N           messages a second (5000)
  -conns N          connections of idle and storm (10000)
  -rest TIME        how long they rest before memory is read (10s)
  -flood SIZE       what is sent to one that does not read (256MiB), in -flood-for (4s)

The servers
  -servers LIST     which, by name; all by default: switchboard, relay (a bare
                    relay, as the yardstick) and those that these flags add:
  -server SPEC      'name=command with {port}', or 'name:9090=command' if its port
                    is fixed, or with its path, 'name:9090/ws=command'; repeatable
  -attach SPEC      name=PID@host:port/path of one that runs already; repeatable
  -switchboard-flags FLAGS    further flags of switchboard
  -baseline NAME    the server that ratios are made to (relay)

The report
  -json FILE        every figure of every trial
  -q                no progress on standard error

The exit code is 1 if anything went wrong: a server that died or stalled, a
message that was lost, doubled, reordered or delivered to somebody else.
`

// parse reads the command line.
func parse(args []string) (*settings, error) {
	s := &settings{}
	f := newFlags(s)
	if err := f.Parse(args); err != nil {
		return nil, err
	}
	switch {
	case f.NArg() > 0:
		return nil, fmt.Errorf("unexpected argument %q", f.Arg(0))
	case s.rounds < 1 || s.conns < 2:
		return nil, errors.New("-rounds is a number above 0, and it takes two -conns to call")
	case s.rate < 1 || s.rate > 1e6:
		return nil, errors.New("-rate is a number from 1 to a million")
	case s.duration <= 0 || s.warmUp <= 0 || s.stall <= 0 || s.idle <= 0 || s.floodFor <= 0:
		return nil, errors.New("a time is above 0")
	}
	return s, s.checkFiles()
}

// spareFiles are what a process needs besides its connections.
const spareFiles = 64

// checkFiles raises the limit of open files as far as it goes, which servers
// inherit, and checks that all connections fit.
func (s *settings) checkFiles() error {
	var limit unix.Rlimit
	if err := unix.Getrlimit(unix.RLIMIT_NOFILE, &limit); err != nil {
		return err
	}
	limit.Cur = limit.Max
	if err := unix.Setrlimit(unix.RLIMIT_NOFILE, &limit); err != nil {
		return fmt.Errorf("raising the limit of open files: %w", err)
	}
	fit := int(min(limit.Max, 1<<30)) - spareFiles
	crowd := slices.Contains(s.scenarios, "idle") || slices.Contains(s.scenarios, "storm")
	switch {
	case crowd && s.conns > fit:
		return fmt.Errorf("-conns %d do not fit: the limit of open files (ulimit -Hn) has room for %d", s.conns, fit)
	case 2*slices.Max(s.pairs) > fit:
		return fmt.Errorf("-pairs %d do not fit: the limit of open files (ulimit -Hn) has room for %d", slices.Max(s.pairs), fit/2)
	}
	return nil
}

// help describes the flags.
func help(w io.Writer) {
	var about strings.Builder
	for _, s := range scenarios() {
		fmt.Fprintf(&about, "                      %-8s %s\n", s.name, s.about)
	}
	fmt.Fprintf(w, usageText, about.String())
}

func names() (names []string) {
	for _, s := range scenarios() {
		names = append(names, s.name)
	}
	return names
}

func known(name string) (string, error) {
	if !slices.Contains(names(), name) {
		return "", fmt.Errorf("no scenario %q: there are %s", name, strings.Join(names(), ", "))
	}
	return name, nil
}

func positive(s string) (int, error) {
	n, err := strconv.Atoi(s)
	if err != nil || n < 1 {
		return 0, fmt.Errorf("%q is not a number above 0", s)
	}
	return n, nil
}

// list parses what is separated by commas.
func list[T any](dst *[]T, parse func(string) (T, error)) func(string) error {
	return func(s string) error {
		*dst = nil
		for item := range strings.SplitSeq(s, ",") {
			one, err := parse(strings.TrimSpace(item))
			if err != nil {
				return err
			}
			*dst = append(*dst, one)
		}
		return nil
	}
}

// size parses a number of bytes.
func size(dst *int64) func(string) error {
	return func(s string) error {
		number, mebi := strings.CutSuffix(s, "MiB")
		n, err := strconv.ParseInt(number, 10, 32)
		if err != nil || n < 1 {
			return errors.New("a size is of the form 1000000 or 256MiB")
		}
		if *dst = n; mebi {
			*dst = n << 20
		}
		return nil
	}
}

func (s *settings) addServer(parse func(string) (server, error)) func(string) error {
	return func(spec string) error {
		srv, err := parse(spec)
		if err == nil {
			s.servers = append(s.servers, srv)
		}
		return err
	}
}
