//go:build linux

package main

import (
	"bytes"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// small are sizes for tests.
var small = []string{"-rounds", "1", "-for", "150ms", "-warm-up", "20ms", "-pairs", "5",
	"-rate", "1000", "-conns", "50", "-rest", "150ms", "-flood", "4MiB", "-flood-for", "1m"}

// bench runs the program and returns its table, its report and its exit code.
func bench(t *testing.T, args ...string) (table string, r report, code int) {
	t.Helper()
	skipIfShort(t)
	file := filepath.Join(t.TempDir(), "report.json")
	var stdout, stderr bytes.Buffer
	code = run(append(append([]string{"-json", file}, small...), args...), &stdout, &stderr)
	text, err := os.ReadFile(file)
	if err != nil {
		t.Fatalf("exit code %d: %s", code, stderr.String())
	}
	if err := json.Unmarshal(text, &r); err != nil {
		t.Fatal(err)
	}
	return stdout.String(), r, code
}

// skipIfShort skips a test that starts servers where only quick ones are asked for.
func skipIfShort(t *testing.T) {
	t.Helper()
	if testing.Short() {
		t.Skip("starts servers")
	}
}

// Every scenario measures the bare relay, and finds each figure that its
// table shows.
func TestBareRelay(t *testing.T) {
	table, r, code := bench(t, "-servers", "relay")
	if code != 0 {
		t.Errorf("exit code %d:\n%s", code, table)
	}
	// What a healthy server may well have none of, in so short a time.
	mayBeZero := []string{"lost", "doubled", "reordered", "strayed", "idle_cpu_ms_per_second", "sent_late_percent",
		"pings_per_second", "pings_peak", "logins_refused", "errors_to_flooder", "rss_growth_mib", "switches_per_message"}
	for _, s := range scenarios() {
		if !strings.Contains(table, "\n"+s.name+": ") {
			t.Errorf("there is no table of %s", s.name)
		}
		for _, trial := range r.Trials {
			if trial.Scenario != s.name {
				continue
			}
			for _, c := range s.columns {
				if trial.Figures[c.key] <= 0 && trial.Notes[c.key] == "" && !strings.Contains(strings.Join(mayBeZero, " "), c.key) {
					t.Errorf("%s: %s is %g", s.name, c.key, trial.Figures[c.key])
				}
			}
		}
	}
	for _, trial := range r.Trials {
		if trial.Scenario == "slow" && (trial.Figures["flood_taken_mib"] < 1 || trial.Notes["slow_client"] != "kept" || trial.Notes["flooder"] != "kept") {
			t.Errorf("slow: %v %v", trial.Figures, trial.Notes)
		}
		if trial.Scenario == "rate" && (trial.Figures["latency_p50_us"] > trial.Figures["latency_p99_us"] || trial.Figures["latency_p99_us"] > 1.01*trial.Figures["latency_max_us"]) {
			t.Errorf("rate: latencies %v", trial.Figures)
		}
	}
}

// Every way to mistreat messages is noticed, and told apart.
func TestFaultsAreNoticed(t *testing.T) {
	for _, test := range []struct{ fault, scenarios, said string }{
		{"drop", "rate,slow", " lost"},
		{"double", "window,rate,call", " doubled"},
		{"swap", "rate", " reordered"},
		{"stray", "window,slow", " strayed"},
		{"drop", "call", "nothing arrived for"},
		{"double", "idle", " doubled"},
		{"complain", "window,call,idle", "I do not like it"},
		{"close", "rate,call", "closed the connection"},
		{"die", "window,idle", "the server died: exit status 3"},
		{"refuse", "window,connect,storm", "403 Forbidden"},
	} {
		t.Run(test.fault+" in "+test.scenarios, func(t *testing.T) {
			spec := fmt.Sprintf("faulty=%s %s 127.0.0.1:{port}", os.Args[0], test.fault)
			table, r, code := bench(t, "-q", "-server", spec, "-servers", "faulty",
				"-window", "4", "-for", "50ms", "-stall", "500ms", "-rest", "50ms", "-run", test.scenarios)
			if code != 1 {
				t.Errorf("exit code %d", code)
			}
			if n := len(strings.Split(test.scenarios, ",")); len(r.Trials) != n {
				t.Errorf("%d trials of %d", len(r.Trials), n)
			}
			for _, trial := range r.Trials {
				counts := tally{
					lost: int(trial.Figures["lost"]), doubled: int(trial.Figures["doubled"]),
					reordered: int(trial.Figures["reordered"]), strayed: int(trial.Figures["strayed"]),
				}
				if !strings.Contains(trial.Fault, test.said) || strings.Contains(trial.Fault, " 0"+test.said) {
					t.Errorf("%s: the fault is %q (%v)", trial.Scenario, trial.Fault, counts)
				}
				if !strings.Contains(table, strings.Split(trial.Fault, "\n")[0]) {
					t.Errorf("the table does not say %q:\n%s", trial.Fault, table)
				}
			}
		})
	}
}

// A server that is silent has stalled, unless it is at work: then it is given
// more time, though not for ever.
func TestStalled(t *testing.T) {
	for atWork, wantAsked := range map[int]int{0: 1, 3: 4, 1000: mayWork} {
		l, err := newLoop(t.Context(), address{}, time.Millisecond)
		if err != nil {
			t.Fatal(err)
		}
		defer l.close()
		asked := 0
		l.works = func() bool { asked++; return asked <= atWork }
		err = l.run(func() bool { return false }, func() string { return "nothing" })
		if _, silent := errors.AsType[*stalled](err); !silent || asked != wantAsked {
			t.Errorf("at work %d times: %v after %d, want %d", atWork, err, asked, wantAsked)
		}
	}
}

// A trial takes its time, and as much more as it needs to have something to tell.
func TestMeasuring(t *testing.T) {
	count := 0
	l := &loop{now: 1}
	over := l.measuring(time.Second, &count)
	for _, step := range []struct {
		now   time.Duration
		count int
		want  bool
	}{{1, 1, false}, {time.Second + 1, 0, false}, {time.Second + 1, 1, true}} {
		if l.now, count = int64(step.now), step.count; over() != step.want {
			t.Errorf("%+v: over is %t", step, over())
		}
	}
}

// A server that runs already is measured where it is.
func TestAttach(t *testing.T) {
	skipIfShort(t)
	srv, err := parseServer(fmt.Sprintf("mine=%s none 127.0.0.1:{port}", os.Args[0]))
	if err != nil {
		t.Fatal(err)
	}
	p, err := srv.start(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	defer p.stop()
	spec := fmt.Sprintf("running=%d@%s/", p.pid, p.at)
	table, _, code := bench(t, "-attach", spec, "-servers", "running", "-run", "connect", "-rounds", "2")
	if code != 0 || p.death() != nil {
		t.Errorf("exit code %d, %v:\n%s", code, p.death(), table)
	}
	_, _, code = bench(t, "-attach", "gone=4194305@"+p.at.String(), "-servers", "gone", "-run", "connect")
	if code != 1 {
		t.Errorf("no such process: exit code %d", code)
	}
}

func TestRatios(t *testing.T) {
	r := report{Servers: []string{"fast", "base"}, Baseline: "base", Rounds: 3}
	for round, figures := range [][2]float64{{10, 20}, {30, 10}, {40, 40}} {
		for i, server := range r.Servers {
			r.add(load{scenario: "connect", label: "x"}, round+1, server, []*outcome{{
				scenario: "connect", figures: map[string]float64{"cpu_us_per_connect": figures[i]},
			}})
		}
	}
	var table strings.Builder
	r.write(&table)
	if want := "1.00 [0.50 3.00]"; !strings.Contains(table.String(), want) {
		t.Errorf("no %q in\n%s", want, table.String())
	}
	if got := median([]float64{1, 2, 10, 20}); got != 6 {
		t.Errorf("the median of four is %g", got)
	}
}

func TestParse(t *testing.T) {
	for args, want := range map[string]string{
		"-run walk":                         "no scenario",
		"-pairs 5,0":                        "not a number above 0",
		"-rounds 0":                         "number above 0",
		"-rate 2000000":                     "to a million",
		"-for 0s":                           "a time is above 0",
		"-flood much":                       "a size is of the form",
		"-conns 99999999":                   "has room for",
		"-pairs 99999999":                   "has room for",
		"-server x=y":                       "nowhere {port}",
		"-server nonsense":                  "of the form",
		"-attach x=y@127.0.0.1:1/":          "of the form",
		"-attach x=0@127.0.0.1:1/":          "of the form",
		"surplus":                           "unexpected argument",
		"-server x:port=y -servers x -q":    "not a port",
		"-server x:9090=y\x00-servers z -q": "",
	} {
		_, err := parse(strings.FieldsFunc(args, func(r rune) bool { return r == ' ' || r == 0 }))
		if want == "" && err != nil || want != "" && (err == nil || !strings.Contains(err.Error(), want)) {
			t.Errorf("%s: got %v, want %q", args, err, want)
		}
	}
	var stdout, stderr bytes.Buffer
	if code := run([]string{"-servers", "z", "-q"}, &stdout, &stderr); code != 1 || !strings.Contains(stderr.String(), "switchboard, relay") {
		t.Errorf("an unknown server: exit code %d, %s", code, stderr.String())
	}
	if code := run([]string{"-h"}, &stdout, &stderr); code != 0 {
		t.Errorf("-h: exit code %d", code)
	}
	newFlags(&settings{}).VisitAll(func(f *flag.Flag) {
		if !strings.Contains(stdout.String(), "  -"+f.Name+" ") && !strings.Contains(stdout.String(), "after -"+f.Name+" ") && !strings.Contains(stdout.String(), "in -"+f.Name+" ") {
			t.Errorf("-h does not explain -%s", f.Name)
		}
	})
}

func TestParseServer(t *testing.T) {
	srv, err := parseServer("node:9090/ws=node server.js -p 1")
	if err != nil || srv.name != "node" || srv.at != (address{[4]byte{127, 0, 0, 1}, 9090, "/ws"}) || len(srv.command) != 4 {
		t.Errorf("got %+v, %v", srv, err)
	}
	srv, err = parseAttached("node=12@127.0.0.2:90/a/b")
	if err != nil || srv.pid != 12 || srv.at != (address{[4]byte{127, 0, 0, 2}, 90, "/a/b"}) {
		t.Errorf("got %+v, %v", srv, err)
	}
}

// A server that does not become ready in time is given up, and one that is
// already gone is not waited for.
func TestStartFails(t *testing.T) {
	begin := time.Now()
	for _, command := range []string{"/nonexistent {port}", "/bin/false {port}"} {
		srv, err := parseServer("x=" + command)
		if err != nil {
			t.Fatal(err)
		}
		if p, err := srv.start(t.Context()); err == nil {
			p.stop()
			t.Errorf("%s: started", command)
		}
	}
	if took := time.Since(begin); took > readyTimeout {
		t.Errorf("it took %v", took)
	}
}
