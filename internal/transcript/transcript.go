// Package transcript reads written conversations with the server and plays
// them: who connects, what each client says, what each must hear and nothing
// else. It knows no socket; a [Stage] carries the words, so the same files are
// played to a server in fake time and to one that runs.
//
// A conversation has one statement a line; blank lines and lines that begin
// with # are for the reader.
//
//	server: -ring-timeout 30s             flags of the server, before anything else
//	ann connects                          also: ann connects /ws Origin: https://a.example
//	ann refused 403                       her connection was refused by HTTP
//	ann> {"type":"login","name":"ann"}    she sends the rest of the line as it stands
//	ann< {"type":"login","success":true}  the next frame that she hears
//	50 times ann> nonsense                the same, fifty times over
//	ann sends text 22 ff 22               a text frame of these bytes; also: binary
//	45s pass                              of the clock that the server runs by
//	ann closed 1008 be gentler            the server closed her; the text may be absent
//	ann closes                            with a close frame
//	ann drops                             without one
//	ann stalls                            reads no more and answers no ping
//	server stops                          as if told to by a signal
//
// Silence is part of every conversation: whenever somebody acts or time
// passes, and at the end, no client may have heard anything that the file does
// not mention. How frames are compared is said at [Bindings].
package transcript

import (
	"encoding/hex"
	"fmt"
	"net/http"
	"regexp"
	"strconv"
	"strings"
	"time"
)

// A Stage is where a conversation is played.
type Stage interface {
	Connect(client, path string, header http.Header) error
	Send(client string, frame []byte, binary bool) error
	Close(client string) error
	Drop(client string) error
	Stall(client string) error
	Stop() // the server
	Pass(time.Duration)

	// Next takes the next event that the client hears, false if there is none.
	Next(client string) (Event, bool)

	// Unread looks for an event of any client that Next has not taken.
	Unread() (client string, event Event, found bool)
}

// An Event is what a client hears.
type Event struct {
	Kind Kind
	Code int    // of a close frame or an HTTP answer
	Text string // the frame, or the reason that came with a close code
}

// A Kind of event is named by the word that expects it.
type Kind string

const (
	Frame   Kind = "frame"
	Closed  Kind = "closed"
	Refused Kind = "refused"
)

func (e Event) String() string {
	if e.Kind == Frame {
		return e.Text
	}
	return strings.TrimSpace(fmt.Sprintf("%s %d %s", e.Kind, e.Code, e.Text))
}

// A Script is a conversation that has been read.
type Script struct {
	Flags []string // of the server

	file       string
	statements []statement
}

type statement struct {
	line, times int
	acts        bool // and so must be preceded by silence
	play        action
}

type action func(*player) error

type player struct {
	stage Stage
	ids   Bindings
}

// The forms that a statement can have, tried in this order.
var forms = []struct {
	pattern *regexp.Regexp
	acts    bool
	parse   func(args []string) (action, error)
}{
	{form(`server stops`), true, func([]string) (action, error) {
		return func(p *player) error { p.stage.Stop(); return nil }, nil
	}},
	{form(`(\d\S*) pass(?:es)?`), true, parsePass},
	{form(`(\w+)>(?: (.*))?`), true, parseSay},
	{form(`(\w+) sends (text|binary) ([0-9a-f ]+)`), true, parseSendBytes},
	{form(`(\w+) connects(?: (/\S*))?(?: (\S+): (.+))?`), true, parseConnect},
	{form(`(\w+) (closes|drops|stalls)`), true, parseDepart},
	{form(`(\w+)< (.+)`), false, parseHear},
	{form(`(\w+) (closed|refused) (\d+)(?: (.+))?`), false, parseEnd},
}

func form(pattern string) *regexp.Regexp { return regexp.MustCompile(`^` + pattern + `$`) }

var repeated = regexp.MustCompile(`^([1-9]\d*) times (.*)$`)

// Parse reads a conversation; file is the name that its mistakes are reported under.
func Parse(file, text string) (*Script, error) {
	s := &Script{file: file}
	for i, line := range strings.Split(text, "\n") {
		if strings.TrimSpace(line) == "" || strings.HasPrefix(line, "#") {
			continue
		}
		if flags, ok := strings.CutPrefix(line, "server: "); ok && len(s.statements) == 0 {
			s.Flags = append(s.Flags, strings.Fields(flags)...)
			continue
		}
		st, err := parseStatement(line)
		if err != nil {
			return nil, fmt.Errorf("%s:%d: %w", file, i+1, err)
		}
		st.line = i + 1
		s.statements = append(s.statements, st)
	}
	return s, nil
}

func parseStatement(line string) (statement, error) {
	st := statement{times: 1}
	if m := repeated.FindStringSubmatch(line); m != nil {
		st.times, _ = strconv.Atoi(m[1])
		line = m[2]
	}
	for _, f := range forms {
		if m := f.pattern.FindStringSubmatch(line); m != nil {
			play, err := f.parse(m[1:])
			st.acts, st.play = f.acts, play
			return st, err
		}
	}
	return st, fmt.Errorf("not a statement: %s", line)
}

// Play plays the conversation and returns the first thing that went otherwise.
func (s *Script) Play(stage Stage) error {
	p := &player{stage: stage, ids: Bindings{}}
	for _, st := range s.statements {
		if err := st.run(p); err != nil {
			return fmt.Errorf("%s:%d: %w", s.file, st.line, err)
		}
	}
	if err := p.silence(); err != nil {
		return fmt.Errorf("%s: at the end: %w", s.file, err)
	}
	return nil
}

func (st statement) run(p *player) error {
	if st.acts {
		if err := p.silence(); err != nil {
			return err
		}
	}
	for n := range st.times {
		err := st.play(p)
		if err != nil && st.times > 1 {
			err = fmt.Errorf("time %d of %d: %w", n+1, st.times, err)
		}
		if err != nil {
			return err
		}
	}
	return nil
}

func (p *player) silence() error {
	if client, event, found := p.stage.Unread(); found {
		return fmt.Errorf("expected silence\n\t%s heard %s", client, event)
	}
	return nil
}

func parsePass(args []string) (action, error) {
	d, err := time.ParseDuration(args[0])
	return func(p *player) error { p.stage.Pass(d); return nil }, err
}

func parseSay(args []string) (action, error) {
	return func(p *player) error {
		return p.stage.Send(args[0], []byte(p.ids.Real(args[1])), false)
	}, nil
}

func parseSendBytes(args []string) (action, error) {
	frame, err := hex.DecodeString(strings.ReplaceAll(args[2], " ", ""))
	return func(p *player) error {
		return p.stage.Send(args[0], frame, args[1] == "binary")
	}, err
}

func parseConnect(args []string) (action, error) {
	path, header := args[1], http.Header{}
	if path == "" {
		path = "/"
	}
	if args[2] != "" {
		header.Set(args[2], args[3])
	}
	return func(p *player) error { return p.stage.Connect(args[0], path, header) }, nil
}

func parseDepart(args []string) (action, error) {
	client, verb := args[0], args[1]
	return func(p *player) error {
		switch verb {
		case "closes":
			return p.stage.Close(client)
		case "drops":
			return p.stage.Drop(client)
		default:
			return p.stage.Stall(client)
		}
	}, nil
}

func parseHear(args []string) (action, error) {
	client, want := args[0], args[1]
	if isObject(want) {
		if _, err := decode(want); err != nil {
			return nil, err
		}
	}
	return func(p *player) error {
		got, ok := p.stage.Next(client)
		switch {
		case !ok:
			return fmt.Errorf("expected %s\n\t%s heard nothing", want, client)
		case got.Kind != Frame:
			return fmt.Errorf("expected %s\n\t%s heard %s", want, client, got)
		}
		if err := p.ids.Match(want, got.Text); err != nil {
			return fmt.Errorf("%w\n\texpected %s\n\t%s heard %s", err, want, client, got)
		}
		return nil
	}, nil
}

func parseEnd(args []string) (action, error) {
	code, err := strconv.Atoi(args[2])
	client, want := args[0], Event{Kind(args[1]), code, args[3]}
	return func(p *player) error {
		got, ok := p.stage.Next(client)
		if !ok {
			return fmt.Errorf("expected %s\n\t%s heard nothing", want, client)
		}
		said := got
		if want.Text == "" {
			said.Text = ""
		}
		if said != want {
			return fmt.Errorf("expected %s\n\t%s heard %s", want, client, got)
		}
		return nil
	}, err
}
