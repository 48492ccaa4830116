package main

import (
	"fmt"
	"strings"
	"testing"
	"time"
)

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
