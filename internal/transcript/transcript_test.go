package transcript

import (
	"fmt"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"
)

// echoes is a stage without a server: what a client says, all others hear.
type echoes struct {
	clients []string
	heard   map[string][]Event
	stopped []Event // what the first client hears when the server stops
	log     []string
}

func (s *echoes) note(format string, args ...any) error {
	s.log = append(s.log, fmt.Sprintf(format, args...))
	return nil
}

func (s *echoes) Connect(client, path string, header http.Header) error {
	s.clients = append(s.clients, client)
	return s.note("connect %s %s %s", client, path, header.Get("Origin"))
}

func (s *echoes) Send(client string, frame []byte, binary bool) error {
	s.note("send %s %q %t", client, frame, binary)
	for _, other := range s.clients {
		if other != client {
			s.heard[other] = append(s.heard[other], Event{Kind: Frame, Text: string(frame)})
		}
	}
	return nil
}

func (s *echoes) Close(client string) error { return s.note("close %s", client) }
func (s *echoes) Drop(client string) error  { return s.note("drop %s", client) }
func (s *echoes) Stall(client string) error { return s.note("stall %s", client) }
func (s *echoes) Pass(d time.Duration)      { s.note("pass %s", d) }

func (s *echoes) Stop() {
	s.note("stop")
	s.heard[s.clients[0]] = s.stopped
}

func (s *echoes) Next(client string) (Event, bool) {
	if len(s.heard[client]) == 0 {
		return Event{}, false
	}
	event := s.heard[client][0]
	s.heard[client] = s.heard[client][1:]
	return event, true
}

func (s *echoes) Unread() (string, Event, bool) {
	for _, client := range s.clients {
		if len(s.heard[client]) > 0 {
			return client, s.heard[client][0], true
		}
	}
	return "", Event{}, false
}

func TestPlay(t *testing.T) {
	script, err := Parse("talk.txt", `# A conversation with everything in it.

ann connects
bob connects /ws Origin: https://a.example
ann>  {"offer" : 1}
bob< {"offer":1}
2 times ann> hello
2 times bob< hello
bob sends binary 00 ff
ann< `+"\x00\xff"+`
1m30s pass
1s passes
ann stalls
ann drops
bob closes
server stops
ann closed 1008
ann closed 1008 too late
ann refused 403
ann>
`)
	if err != nil {
		t.Fatal(err)
	}
	stage := &echoes{heard: map[string][]Event{}}
	stage.stopped = []Event{{Closed, 1008, "slower"}, {Closed, 1008, "too late"}, {Refused, 403, ""}}
	if err := script.Play(stage); err == nil || !strings.HasSuffix(err.Error(), "at the end: expected silence\n\tbob heard ") {
		t.Errorf("bob's last frame went unnoticed: %v", err)
	}
	want := []string{
		`connect ann / `,
		`connect bob /ws https://a.example`,
		`send ann " {\"offer\" : 1}" false`,
		`send ann "hello" false`,
		`send ann "hello" false`,
		`send bob "\x00\xff" true`,
		`pass 1m30s`,
		`pass 1s`,
		`stall ann`,
		`drop ann`,
		`close bob`,
		`stop`,
		`send ann "" false`,
	}
	if !slices.Equal(stage.log, want) {
		t.Errorf("played\n%s\nexpected\n%s", strings.Join(stage.log, "\n"), strings.Join(want, "\n"))
	}
}

func TestComplaints(t *testing.T) {
	tests := []struct {
		name, text string
		heard      []Event
		complaint  string
	}{
		{"silence for a frame", `ann< {"type":"leave"}`, nil,
			"talk.txt:1: expected {\"type\":\"leave\"}\n\tann heard nothing"},
		{"a close for a frame", `ann< {}`, []Event{{Closed, 1008, "late"}},
			"talk.txt:1: expected {}\n\tann heard closed 1008 late"},
		{"a frame for a close", `ann closed 1008`, []Event{{Frame, 0, "{}"}},
			"talk.txt:1: expected closed 1008\n\tann heard {}"},
		{"another code", `ann closed 1008`, []Event{{Closed, 1009, ""}},
			"talk.txt:1: expected closed 1008\n\tann heard closed 1009"},
		{"another text", `ann closed 1008 late`, []Event{{Closed, 1008, "early"}},
			"talk.txt:1: expected closed 1008 late\n\tann heard closed 1008 early"},
		{"another key", "\n\nann< {\"a\":1}", []Event{{Frame, 0, `{"b":1}`}},
			"talk.txt:3: frame has no \"a\"\n\texpected {\"a\":1}\n\tann heard {\"b\":1}"},
		{"one too few", "3 times ann< {}", []Event{{Frame, 0, `{}`}},
			"talk.txt:1: time 2 of 3: expected {}\n\tann heard nothing"},
		{"no silence before time passes", "ann connects\n1s pass", []Event{{Frame, 0, `{}`}},
			"talk.txt:1: expected silence\n\tann heard {}"},
		{"no silence at the end", "ann< {}", []Event{{Frame, 0, `{}`}, {Frame, 0, `{"a":1}`}},
			"talk.txt: at the end: expected silence\n\tann heard {\"a\":1}"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			script, err := Parse("talk.txt", tt.text)
			if err != nil {
				t.Fatal(err)
			}
			stage := &echoes{clients: []string{"ann"}, heard: map[string][]Event{"ann": tt.heard}}
			if err := script.Play(stage); err == nil || err.Error() != tt.complaint {
				t.Errorf("complaint is\n%v\nexpected\n%s", err, tt.complaint)
			}
		})
	}
}

func TestParse(t *testing.T) {
	script, err := Parse("talk.txt", "# first\nserver: -ring-timeout 30s\nserver: -stun stun:a.example\nann connects\n")
	if err != nil {
		t.Fatal(err)
	}
	if want := []string{"-ring-timeout", "30s", "-stun", "stun:a.example"}; !slices.Equal(script.Flags, want) {
		t.Errorf("flags %q, expected %q", script.Flags, want)
	}
}

func TestParseErrors(t *testing.T) {
	tests := []struct{ text, want string }{
		{"ann waves", "talk.txt:1: not a statement: ann waves"},
		{"\n# hm\nann connects ws", "talk.txt:3: not a statement: ann connects ws"},
		{"ann connects\nserver: -ring-timeout 30s", "talk.txt:2: not a statement: server: -ring-timeout 30s"},
		{`ann< {"type":"leave"`, `talk.txt:1: not JSON: {"type":"leave"`},
		{"ann<", "talk.txt:1: not a statement: ann<"},
		{"ann closed", "talk.txt:1: not a statement: ann closed"},
		{"ann sends text 2", "talk.txt:1: encoding/hex: odd length hex string"},
		{"0 times ann> hello", "talk.txt:1: not a statement: 0 times ann> hello"},
		{"3 parsecs pass", "talk.txt:1: not a statement: 3 parsecs pass"},
		{"3 pass", `talk.txt:1: time: missing unit in duration "3"`},
		{" ann connects", "talk.txt:1: not a statement:  ann connects"},
	}
	for _, tt := range tests {
		if _, err := Parse("talk.txt", tt.text); err == nil || err.Error() != tt.want {
			t.Errorf("%q: got %v, expected %s", tt.text, err, tt.want)
		}
	}
}
