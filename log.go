package main

import (
	"bytes"
	"io"
	"log/slog"
	"sync"
	"time"
)

// logOutput takes lines and writes them out on a goroutine of its own, so that
// nobody who logs waits for whoever reads the log. It holds a bounded number
// of bytes. What does not fit is lost, and the log says later how many lines
// that were.
type logOutput struct {
	out     io.Writer
	sayLost func(w io.Writer, lines int) // nil: nobody is told
	wake    chan struct{}                // has room for one
	ended   chan struct{}                // closed by close
	done    chan struct{}                // closed when all is written then

	// Owned by run.
	taken   []byte // what is written now
	written int    // so many bytes of it

	mu      sync.Mutex
	waiting []byte // whole lines
	awake   bool   // run writes, or is about to
	lost    int    // lines
}

const (
	// maxLogBytes is how much may wait while nobody reads the log, some 7,000
	// lines. Once as much again may be under way.
	maxLogBytes = 1 << 20

	// logDelay is how long a line waits for others, to be written with them. A
	// write for each, and waking a goroutine for it, would be dearer than the
	// line itself.
	logDelay = 10 * time.Millisecond

	// logRetry is how long after a failed write the next one is tried. What
	// could not be written stays until then: a full disk has room again, a
	// named pipe a reader.
	logRetry = time.Second

	// logPiece is how much one write takes, or one line if that is longer. A
	// pipe takes so much at once (PIPE_BUF), and does not mix it with lines of
	// another program.
	logPiece = 4096

	// logFarewell is how long the end of the process waits for the log.
	logFarewell = time.Second

	// logSpare is the largest buffer that is kept for later.
	logSpare = 64 << 10
)

func newLogOutput(out io.Writer) *logOutput {
	o := &logOutput{out: out, wake: make(chan struct{}, 1), ended: make(chan struct{}), done: make(chan struct{})}
	go o.run()
	return o
}

// newLogger returns a logger that writes to o, and has o say in the same
// format what it lost.
func newLogger(cfg Config, o *logOutput) *slog.Logger {
	handler := func(w io.Writer, least slog.Level) slog.Handler {
		options := &slog.HandlerOptions{Level: least}
		if cfg.logFormat == "json" {
			return slog.NewJSONHandler(w, options)
		}
		return slog.NewTextHandler(w, options)
	}
	o.sayLost = func(w io.Writer, lines int) {
		slog.New(handler(w, slog.LevelWarn)).Warn("log lines were lost: they were not read in time", "lines", lines)
	}
	return slog.New(handler(o, cfg.logLevel))
}

// Write takes a line. It never waits, and never fails.
func (o *logOutput) Write(line []byte) (int, error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	// After a lost line all are lost until the log can say so: it has one gap
	// then, and that in its place.
	if o.lost > 0 || len(o.waiting)+len(line) > maxLogBytes {
		o.lost++
	} else {
		o.waiting = append(o.waiting, line...)
	}
	if !o.awake {
		o.awake = true
		select {
		case o.wake <- struct{}{}:
		default: // run has ended
		}
	}
	return len(line), nil
}

// close writes what waits, unless that takes longer than logFarewell. It is to
// be called once.
func (o *logOutput) close() {
	close(o.ended)
	select {
	case <-o.done:
	case <-time.After(logFarewell):
	}
}

// run writes until close.
func (o *logOutput) run() {
	defer close(o.done)
	for ended := false; !ended; {
		select {
		case <-o.wake:
		case <-o.ended:
		}
		ended = o.pause(logDelay)
		o.flush()
	}
}

// flush writes until nothing waits, or until writing fails at the end.
func (o *logOutput) flush() {
	for o.take() {
		n, err := o.out.Write(firstLines(o.taken[o.written:], logPiece))
		o.written += n
		if err != nil && o.pause(logRetry) {
			return
		}
	}
}

// pause waits, unless the end has come, which it reports.
func (o *logOutput) pause(d time.Duration) (ended bool) {
	select {
	case <-time.After(d):
		return false
	case <-o.ended:
		return true
	}
}

// take reports whether there is something to write. When all that was taken
// is written, it takes what waits.
func (o *logOutput) take() bool {
	if o.written < len(o.taken) {
		return true
	}
	o.mu.Lock()
	defer o.mu.Unlock()
	spare := o.taken[:0]
	if cap(spare) > logSpare {
		spare = nil
	}
	o.taken, o.waiting, o.written = o.waiting, spare, 0
	if o.lost > 0 && o.sayLost != nil {
		said := bytes.NewBuffer(o.taken)
		o.sayLost(said, o.lost)
		o.taken = said.Bytes()
	}
	o.lost = 0
	o.awake = len(o.taken) > 0
	return o.awake
}

// firstLines returns as many of the first lines as fit into size, and one at
// least.
func firstLines(lines []byte, size int) []byte {
	if len(lines) <= size {
		return lines
	}
	if end := bytes.LastIndexByte(lines[:size], '\n'); end >= 0 {
		return lines[:end+1]
	}
	end := bytes.IndexByte(lines, '\n')
	return lines[:end+1]
}
