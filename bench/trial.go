//go:build linux

package main

import (
	"context"
	"errors"
	"fmt"
	"runtime"
	"runtime/debug"
)

// A scenario is a kind of load and the figures that come of it.
type scenario struct {
	name    string
	about   string // for -h
	columns []column
	loads   func(*settings) []load
}

// scenarios returns all there are, in the order in which they are run.
func scenarios() []scenario {
	return []scenario{windowScenario, rateScenario, callScenario, connectScenario, idleScenario, stormScenario, slowScenario}
}

// A load is a scenario with its sizes. Putting it on a server is a trial.
type load struct {
	scenario string
	label    string
	sizes    map[string]int // the same, for JSON
	run      func(*trial) error
}

// A trial is one load put on one server.
type trial struct {
	*settings
	loop    *loop
	process *process
	*outcome
	outcomes []*outcome
}

// An outcome is what a trial found out in one scenario.
type outcome struct {
	scenario string
	figures  map[string]float64
	notes    map[string]string // what is no number
	fault    string            // "": all was well
}

// enter begins a scenario: figures now belong to it.
func (t *trial) enter(scenario string) {
	t.outcome = &outcome{scenario, map[string]float64{}, map[string]string{}, ""}
	t.outcomes = append(t.outcomes, t.outcome)
}

// try puts a load on a server, which is started afresh, and never fails: what
// went wrong is part of the outcome.
func (s *settings) try(ctx context.Context, l load, srv server) []*outcome {
	t := &trial{settings: s}
	t.enter(l.scenario)
	if err := t.put(ctx, l, srv); err != nil {
		t.blame(err)
	}
	return t.outcomes
}

func (t *trial) put(ctx context.Context, l load, srv server) (err error) {
	if t.process, err = srv.start(ctx); err != nil {
		return err
	}
	defer t.process.stop()
	if t.loop, err = newLoop(ctx, t.process.at, t.stall); err != nil {
		return err
	}
	defer t.loop.close()
	t.loop.works = t.process.works

	// Collecting garbage would take a core from the server. There is little,
	// so it is not done before there is much.
	runtime.GC()
	defer debug.SetGCPercent(debug.SetGCPercent(-1))
	defer debug.SetMemoryLimit(debug.SetMemoryLimit(muchGarbage))

	if err = l.run(t); err != nil {
		err = errors.Join(t.process.death(), err)
	}
	if n := t.loop.wrongs; n > 0 {
		err = errors.Join(err, fmt.Errorf("%d error messages, the first: %s", n, t.loop.wrong))
	}
	return err
}

// muchGarbage is what a trial may leave uncollected, in bytes: a minute of calls.
const muchGarbage = 1 << 30

// blame notes what went wrong.
func (t *trial) blame(err error) {
	if t.fault != "" {
		t.fault += "; "
	}
	t.fault += err.Error()
}

// count puts down what became of the messages, and blames the server if they
// did not all arrive, once and in order.
func (t *trial) count(sum tally) {
	t.figures["lost"] = float64(sum.lost)
	t.figures["doubled"] = float64(sum.doubled)
	t.figures["reordered"] = float64(sum.reordered)
	t.figures["strayed"] = float64(sum.strayed)
	if !sum.clean() {
		t.blame(errors.New(sum.String()))
	}
}

// tallyColumns show what count puts down.
var tallyColumns = []column{
	{key: "lost", head: "lost", amiss: true},
	{key: "doubled", head: "doubled", amiss: true},
	{key: "reordered", head: "reordered", amiss: true},
	{key: "strayed", head: "strayed", amiss: true},
}
