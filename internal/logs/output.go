// Package logs writes the log. Nobody who logs waits for whoever reads it, and
// clients cannot fill it with their mistakes.
package logs

import (
	"bytes"
	"io"
	"log/slog"
	"sync"
	"time"
)

// An Output takes lines and writes them out on a goroutine of its own, so that
// nobody who logs waits for whoever reads the log. It holds a bounded number
// of bytes. What does not fit is lost, and the log says later how many lines
// that were.
type Output struct {
	out   io.Writer
	wake  chan struct{} // has room for one
	ended chan struct{} // closed by Close
	done  chan struct{} // closed when all is written then

	// Owned by run.
	taken   []byte // what is written now
	written int    // so many bytes of it

	mu      sync.Mutex
	sayLost func(w io.Writer, lines int) // nil: nobody is told
	waiting []byte                       // whole lines
	awake   bool                         // run writes, or is about to
	lost    int                          // lines
}

const (
	// maxWaiting is how many bytes may wait while nobody reads the log, some
	// 7,000 lines. Once as much again may be under way.
	maxWaiting = 1 << 20

	// delay is how long a line waits for others, to be written with them. A
	// write for each, and waking a goroutine for it, would be dearer than the
	// line itself.
	delay = 10 * time.Millisecond

	// retryDelay is how long after a failed write the next one is tried. What
	// could not be written stays until then: a full disk has room again, a
	// named pipe a reader.
	retryDelay = time.Second

	// pieceSize is how many bytes one write takes, or one line if that is
	// longer. A pipe takes so many at once (PIPE_BUF), and does not mix them with
	// lines of another program.
	pieceSize = 4096

	// closeTimeout is how long the end of the process waits for the log.
	closeTimeout = time.Second

	// maxSpare is the size of the largest buffer that is kept for later.
	maxSpare = 64 << 10
)

// NewOutput returns an output that writes to out until it is closed.
func NewOutput(out io.Writer) *Output {
	o := &Output{out: out, wake: make(chan struct{}, 1), ended: make(chan struct{}), done: make(chan struct{})}
	go o.run()
	return o
}

// Logger returns a logger that writes to o, as JSON or as text, and makes o say
// in the same format what it lost.
func (o *Output) Logger(json bool, least slog.Level) *slog.Logger {
	handler := func(w io.Writer, least slog.Level) slog.Handler {
		options := &slog.HandlerOptions{Level: least}
		if json {
			return slog.NewJSONHandler(w, options)
		}
		return slog.NewTextHandler(w, options)
	}
	o.mu.Lock()
	defer o.mu.Unlock()
	o.sayLost = func(w io.Writer, lines int) {
		slog.New(handler(w, slog.LevelWarn)).Warn("log lines were lost: they were not read in time", "lines", lines)
	}
	return slog.New(handler(o, least))
}

// Write takes a line. It never waits, and never fails.
func (o *Output) Write(line []byte) (int, error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	// After a lost line all are lost until the log can say so: it has one gap
	// then, and that in its place.
	if o.lost > 0 || len(o.waiting)+len(line) > maxWaiting {
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

// Close writes what waits, unless that takes longer than a second. It is called
// once.
func (o *Output) Close() {
	close(o.ended)
	select {
	case <-o.done:
	case <-time.After(closeTimeout):
	}
}

// run writes until Close.
func (o *Output) run() {
	defer close(o.done)
	for ended := false; !ended; {
		select {
		case <-o.wake:
		case <-o.ended:
		}
		ended = o.pause(delay)
		o.flush()
	}
}

// flush writes until nothing waits, or until writing fails at the end.
func (o *Output) flush() {
	for o.take() {
		n, err := o.out.Write(firstLines(o.taken[o.written:], pieceSize))
		o.written += n
		if err != nil && o.pause(retryDelay) {
			return
		}
	}
}

// pause waits for d, or until Close is called, which it reports.
func (o *Output) pause(d time.Duration) (ended bool) {
	select {
	case <-time.After(d):
		return false
	case <-o.ended:
		return true
	}
}

// take reports whether there is something to write. When all that was taken
// is written, it takes what waits.
func (o *Output) take() bool {
	if o.written < len(o.taken) {
		return true
	}
	o.mu.Lock()
	defer o.mu.Unlock()
	spare := o.taken[:0]
	if cap(spare) > maxSpare {
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
