package clients

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"sync"
	"testing"
	"time"

	"switchboard/e2e"
	"switchboard/internal/transcript"
)

// A conversation is what README.md shows of several people with wscat: one
// fenced block for each terminal, exactly as it looks in the end.
type conversation struct {
	title     string
	terminals []terminal
}

type terminal struct {
	who   string
	lines []string // "> typed" or "< heard"
}

const (
	typed = "> "
	heard = "< "

	wscatPrompt    = "$ wscat -c ws://localhost:9090"
	wscatConnected = "Connected (press CTRL+C to quit)"
)

// readmeConversations returns the conversations of README.md by their headings.
func readmeConversations(t *testing.T) []conversation {
	t.Helper()
	text, err := os.ReadFile(e2e.Root + "/README.md")
	if err != nil {
		t.Fatal(err)
	}
	var all []conversation
	title := ""
	lines := strings.Split(string(text), "\n")
	for i := 0; i < len(lines); i++ {
		switch line := lines[i]; {
		case strings.HasPrefix(line, "#"):
			title = strings.TrimLeft(line, "# ")
		case line == wscatPrompt:
			block := untilFence(lines[i+1:])
			if len(all) == 0 || all[len(all)-1].title != title {
				all = append(all, conversation{title: title})
			}
			c := &all[len(all)-1]
			c.terminals = append(c.terminals, readTerminal(t, fmt.Sprintf("terminal %d", len(c.terminals)+1), block))
			i += len(block)
		}
	}
	return all
}

func untilFence(lines []string) []string {
	for i, line := range lines {
		if strings.HasPrefix(line, "```") {
			return lines[:i]
		}
	}
	return lines
}

func readTerminal(t *testing.T, who string, block []string) terminal {
	t.Helper()
	if len(block) < 3 || block[0] != wscatConnected {
		t.Fatalf("README.md: wscat does not print %q", block)
	}
	for _, line := range block[1:] {
		if !strings.HasPrefix(line, typed) && !strings.HasPrefix(line, heard) {
			t.Fatalf("README.md: wscat does not print %q", line)
		}
	}
	return terminal{who, block[1:]}
}

// A seat is where somebody types and reads: a bare socket, or wscat.
type seat interface {
	say(line string) error
	listen() (string, error)
}

type socketSeat struct{ *e2e.Peer }

func (s socketSeat) say(line string) error {
	return s.WS.WriteMessage(1, []byte(line))
}

func (s socketSeat) listen() (string, error) {
	frame, err := s.Hear()
	return string(frame), err
}

// play has everybody sign in, one after the other, and then has all of them go
// through their lines at once: what they hear says when it is their turn to type.
func (c conversation) play(t *testing.T, seats []seat) {
	t.Helper()
	var mu sync.Mutex
	ids := transcript.Bindings{}
	step := func(i int, line string) error {
		if text, ok := strings.CutPrefix(line, typed); ok {
			mu.Lock()
			text = ids.Real(text)
			mu.Unlock()
			return seats[i].say(text)
		}
		got, err := seats[i].listen()
		if err != nil {
			return err
		}
		mu.Lock()
		defer mu.Unlock()
		if err := ids.Match(strings.TrimPrefix(line, heard), got); err != nil {
			return fmt.Errorf("%w: %s", err, got)
		}
		return nil
	}
	follow := func(i int, lines []string) {
		for _, line := range lines {
			if err := step(i, line); err != nil {
				t.Errorf("%s, at %s: %v", c.terminals[i].who, line, err)
				return
			}
		}
	}

	const signIn = 2 // a line typed and one heard
	for i := range seats {
		follow(i, c.terminals[i].lines[:signIn])
	}
	var all sync.WaitGroup
	for i := range seats {
		all.Go(func() { follow(i, c.terminals[i].lines[signIn:]) })
	}
	all.Wait()
}

// The conversations of README.md, line by line over real sockets.
func TestReadmeReplay(t *testing.T) {
	conversations := readmeConversations(t)
	if len(conversations) < 2 {
		t.Fatalf("README.md has %d conversations, expected the tutorial's and the teacher's", len(conversations))
	}
	for _, c := range conversations {
		t.Run(c.title, func(t *testing.T) {
			s := e2e.Start(t)
			var peers []*e2e.Peer
			var seats []seat
			for _, terminal := range c.terminals {
				p := e2e.Connect(t, e2e.Route{URL: s.WS()})
				p.Name = terminal.who
				peers, seats = append(peers, p), append(seats, socketSeat{p})
			}
			c.play(t, seats)
			for _, p := range peers {
				if !t.Failed() {
					p.WantNothing()
				}
			}
		})
	}
}

// The same with the real wscat in real terminals.
func TestWscatTerminals(t *testing.T) {
	wscat, script := wscatProgram(t), e2e.Program(t, "script")
	for _, c := range readmeConversations(t) {
		t.Run(c.title, func(t *testing.T) {
			s := e2e.Start(t)
			var seats []seat
			for range c.terminals {
				seats = append(seats, openTerminal(t, script, wscat, s.WS()))
			}
			c.play(t, seats)
		})
	}
}

// wscat in a script, as its manual has it: what it is told to send on the
// command line, and the answer on its standard output.
func TestWscatExecute(t *testing.T) {
	t.Parallel()
	wscat := wscatProgram(t)
	s := e2e.Start(t)
	ctx, cancel := context.WithTimeout(t.Context(), e2e.Patience)
	defer cancel()
	cmd := exec.CommandContext(ctx, wscat, "--no-color", "-c", s.WS(), "-w", "5",
		"-x", `{"type":"login","name":"ann"}`)
	open, closeInput := openInput(t) // at the end of its input wscat leaves at once
	defer closeInput()
	cmd.Stdin = open
	out, err := cmd.CombinedOutput()
	if want := `{"type":"login","success":true,"name":"ann"}` + "\n"; err != nil || string(out) != want {
		t.Errorf("wscat printed %q (%v), expected %q", out, err, want)
	}
}

func wscatProgram(t *testing.T) string {
	t.Helper()
	if path := os.Getenv("WSCAT"); path != "" {
		return e2e.Program(t, path)
	}
	return e2e.Program(t, "wscat")
}

func openInput(t *testing.T) (*os.File, func()) {
	t.Helper()
	r, w, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	return r, func() { w.Close(); r.Close() }
}

// A wscatTerminal is wscat on a terminal of its own, which script provides.
type wscatTerminal struct {
	keys   io.Writer
	screen chan string // its lines, as they look when they are finished
}

func openTerminal(t *testing.T, script, wscat, url string) *wscatTerminal {
	t.Helper()
	cmd := exec.Command(script, "-qfe", "-c", "'"+wscat+"' --no-color -c "+url, filepath.Join(t.TempDir(), "typescript"))
	cmd.Env = append(os.Environ(), "SHELL=/bin/sh", "TERM=xterm")
	keys, output := e2e.StartPiped(t, cmd)
	w := &wscatTerminal{keys: keys, screen: make(chan string, 100)}
	done := make(chan struct{})
	go func() { defer close(done); w.watch(output) }()
	t.Cleanup(func() {
		keys.Write([]byte{3}) // Ctrl+C
		keys.Close()
		<-done
		cmd.Wait()
	})
	if line, err := w.line(); line != wscatConnected {
		t.Fatalf("wscat printed %q, %v", line, err)
	}
	return w
}

var escapeSequence = regexp.MustCompile(`\x1b\[[0-9;]*[A-Za-z]`)

// watch turns what goes to the terminal into what one sees of it: wscat clears
// the line with its prompt before it prints over it.
func (w *wscatTerminal) watch(output io.Reader) {
	defer close(w.screen)
	lines := bufio.NewScanner(output)
	for lines.Scan() {
		line := strings.TrimRight(escapeSequence.ReplaceAllString(lines.Text(), ""), "\r")
		w.screen <- line[strings.LastIndexByte(line, '\r')+1:]
	}
}

func (w *wscatTerminal) line() (string, error) {
	select {
	case line, open := <-w.screen:
		if !open {
			return "", io.EOF
		}
		return line, nil
	case <-time.After(e2e.Patience):
		return "", fmt.Errorf("wscat prints nothing")
	}
}

// say types a line, and sees it on the screen.
func (w *wscatTerminal) say(text string) error {
	if _, err := io.WriteString(w.keys, text+"\r"); err != nil {
		return err
	}
	line, err := w.line()
	if err != nil {
		return err
	}
	if line != typed+text {
		return fmt.Errorf("the screen shows %q", line)
	}
	return nil
}

func (w *wscatTerminal) listen() (string, error) {
	line, err := w.line()
	if err != nil {
		return "", err
	}
	text, ok := strings.CutPrefix(line, heard)
	if !ok {
		return "", fmt.Errorf("the screen shows %q", line)
	}
	return text, nil
}
