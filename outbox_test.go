package main

import (
	"fmt"
	"strings"
	"testing"
	"time"
)

// What a writer has taken and not yet written waits as well.
func TestCrowdedOutbox(t *testing.T) {
	o := outbox{limit: 4 * eventOverhead}
	for range 3 {
		o.put(Greeted{})
	}
	if !o.crowded() {
		t.Error("three quarters of the room are taken")
	}
	if o.take(nil); !o.crowded() {
		t.Error("the writer has them all in its hands")
	}
	if o.take(nil); o.crowded() {
		t.Error("all is written")
	}
}

// Some ends come after what waits, and some in its place.
func TestWhatWaitsAtTheEnd(t *testing.T) {
	for why, flushed := range map[*Closing]int{closePeerLeft: 1, closeRestart: 1, closeSlow: 0, closeGone: 0, closeInternal: 0} {
		o := outbox{limit: 2 * eventOverhead}
		o.put(Greeted{})
		o.close(why)
		if events, _ := o.take(nil); len(events) != flushed {
			t.Errorf("%d events go out before the end, %q, want %d", len(events), why.reason, flushed)
		}
	}
}

func TestOutbox(t *testing.T) {
	o := outbox{limit: 2 * eventOverhead}
	if ok, start := o.put(Greeted{}); !ok || !start {
		t.Error("the first event must start a writer")
	}
	if ok, start := o.put(Greeted{}); !ok || start {
		t.Error("the second finds one")
	}
	if ok, _ := o.put(Greeted{}); ok {
		t.Error("there was room above the limit")
	}
	if events, why := o.take(nil); len(events) != 2 || why != nil {
		t.Errorf("took %v, %v", events, why)
	}
	if ok, _ := o.put(Greeted{}); ok {
		t.Error("there was room while the writer still has its hands full")
	}
	if events, _ := o.take(nil); len(events) != 0 {
		t.Errorf("took %v", events)
	}
	if ok, start := o.put(Greeted{}); !ok || !start {
		t.Error("the writer has gone: a new one must start")
	}
	for _, why := range []*Closing{closeRestart, closeSlow} {
		if stands, start := o.close(why); start || stands != closeRestart {
			t.Errorf("the end is %q, and starts a writer: %t", stands.reason, start)
		}
	}
	if ok, _ := o.put(Greeted{}); ok {
		t.Error("something came in after the end")
	}
	if events, why := o.take(nil); len(events) != 1 || why != closeRestart {
		t.Errorf("took %v, %v; want what was there, and the first reason", events, why)
	}
}

// The least queue that a configuration may have is enough for all that a party
// can be told at once, even if it does not read for a while.
func TestTheLeastQueueIsEnough(t *testing.T) {
	const message = 16 << 10
	onStage(t, fmt.Sprintf("-rate 0 -max-message %d -max-queue %d", message, minQueue(message)), func(t *testing.T, s *stage) {
		payload := `"` + strings.Repeat("x", message-200) + `"`
		s.Connect("tina", "/", nil)
		s.do("tina", `{"type":"login","name":"tina","role":"teacher"}`)
		s.Connect("sam", "/socket.io/?EIO=4&transport=websocket", nil)
		s.do("sam", `40{"name":"sam","role":"student"}`)
		for range 3 {
			s.Next("sam")
		}
		s.Next("tina")
		s.do("tina", `{"type":"request-call","name":"sam","sdp":`+payload+`}`)
		s.Next("tina")
		s.Next("sam")
		s.client("tina").conn.Suspend()
		s.client("sam").conn.Suspend()
		for range maxHeld {
			s.do("sam", `42["candidate",{"candidate":"a candidate of some thirty bytes"}]`)
			s.do("tina", `{"type":"candidate","candidate":"a candidate of some thirty bytes"}`)
		}
		s.do("sam", `42["respond-call",{"sdp":`+payload+`}]`)
		time.Sleep(time.Second)
		for _, name := range []string{"tina", "sam"} {
			s.client(name).conn.Resume()
			heard := 0
			for event, ok := s.Next(name); ok; event, ok = s.Next(name) {
				if strings.Contains(event.Text, "new-ice-candidate") {
					heard++
				}
			}
			if heard != maxHeld {
				t.Errorf("%s hears %d candidates of %d", name, heard, maxHeld)
			}
		}
	})
}

// A list is as long as there is room for, and lets nobody go.
func TestListsFitIntoTheQueue(t *testing.T) {
	onStage(t, fmt.Sprintf("-rate 0 -max-message 1KiB -max-queue %d", minQueue(1<<10)), func(t *testing.T, s *stage) {
		for i := range maxListed {
			name := fmt.Sprintf("%03d%s", i, strings.Repeat("李", maxNameRunes-3))
			s.Connect(name[:3], "/", nil)
			s.do(name[:3], `{"type":"login","name":"`+name+`"}`)
			s.Next(name[:3])
		}
		ann := s.signIn("ann")
		ann.conn.Suspend()
		const asked = 50
		for range asked {
			s.do("ann", `{"type":"users"}`)
		}
		time.Sleep(time.Second)
		ann.conn.Resume()
		listed, refused := 0, 0
		for event, ok := s.Next("ann"); ok; event, ok = s.Next("ann") {
			switch {
			case strings.Contains(event.Text, string(CodeRateLimited)):
				refused++
			case strings.Contains(event.Text, fmt.Sprintf(`"total":%d`, maxListed)):
				listed++
			default:
				t.Fatalf("ann hears %.100s", event.String())
			}
		}
		if listed+refused != asked || listed == 0 || refused == 0 {
			t.Errorf("%d lists and %d refusals, of %d", listed, refused, asked)
		}
	})
}

// Calls that begin are told with the same regard for a slow reader as all else:
// nobody is let go because others call and give up again and again.
func TestCallsToASlowReader(t *testing.T) {
	offer := `{"type":"offer","name":"bob","offer":"` + strings.Repeat("x", 60_000) + `"}`
	for name, round := range map[string][]string{
		"by name": {offer, `{"type":"leave"}`},
		"rooms":   {`{"type":"join","room":"r"}`, `{"type":"leave"}`},
	} {
		onStage(t, "-rate 0 -max-queue 512KiB", func(t *testing.T, s *stage) {
			bob := s.signIn("bob")
			s.do("bob", `{"type":"join","room":"r"}`)
			s.Next("bob")
			if name == "by name" {
				s.do("bob", `{"type":"leave"}`)
			}
			s.signIn("ann")
			bob.conn.Suspend()
			for refused := 0; refused < maxExcess/2; {
				for _, frame := range round {
					s.do("ann", frame)
				}
				for event, ok := s.Next("ann"); ok; event, ok = s.Next("ann") {
					switch {
					case strings.Contains(event.Text, string(CodeRateLimited)):
						refused++
					case strings.Contains(event.Text, string(CodeNoSuchUser)), strings.Contains(event.Text, `"users":[]`):
						t.Fatalf("%s: bob was let go", name)
					}
				}
			}
			bob.conn.Resume()
			for event, ok := s.Next("bob"); ok; event, ok = s.Next("bob") {
				if event.Kind != "frame" {
					t.Fatalf("%s: bob is %s", name, event)
				}
			}
		})
	}
}
