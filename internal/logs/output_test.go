package logs

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"
)

// gate is where a log goes that somebody reads only at times.
type gate struct {
	sync.Mutex // of all of it, but not while it stands
	text       bytes.Buffer
	writes     []string
	stands     chan struct{} // nil: it is read; otherwise, when it is closed
	broken     error
	takes      int // bytes, before it breaks
}

func (g *gate) Write(b []byte) (int, error) {
	g.Lock()
	defer g.Unlock()
	if stands := g.stands; stands != nil {
		g.Unlock()
		<-stands
		g.Lock()
	}
	g.writes = append(g.writes, string(b))
	if g.broken != nil {
		g.text.Write(b[:g.takes])
		return g.takes, g.broken
	}
	return g.text.Write(b)
}

// breaks has writes fail from now on, after so many bytes; nil mends it.
func (g *gate) breaks(err error, after int) {
	g.Lock()
	defer g.Unlock()
	g.broken, g.takes = err, after
}

func logTo(json bool, least slog.Level) (*gate, *Output, *slog.Logger) {
	g := &gate{}
	o := NewOutput(g)
	return g, o, o.Logger(json, least)
}

func TestLogAfterTheEnd(t *testing.T) {
	for range 50 {
		o := NewOutput(io.Discard)
		o.Write([]byte("a line\n"))
		o.Close()
		for range 3 {
			o.Write([]byte("a late line\n")) // and waits for nobody
		}
	}
}

// Lines that come together are written together, in order, in pieces that a
// pipe does not mix with others.
func TestLogIsWrittenInOrder(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g, o, log := logTo(true, slog.LevelInfo)
		defer o.Close()
		for i := range 1000 {
			log.Info("line", "i", i, "more", strings.Repeat("x", i%300))
		}
		log.Info(strings.Repeat("long", 3000))
		time.Sleep(delay)
		synctest.Wait()
		for i, line := range strings.SplitAfter(g.text.String(), "\n")[:1000] {
			if !strings.Contains(line, fmt.Sprintf(`"i":%d,`, i)) {
				t.Fatalf("line %d is %s", i, line)
			}
		}
		for _, piece := range g.writes {
			if piece[0] != '{' || !strings.HasSuffix(piece, "}\n") || len(piece) > pieceSize && strings.Count(piece, "\n") > 1 {
				t.Fatalf("written at once: %d bytes, %.50q...%q", len(piece), piece, piece[len(piece)-5:])
			}
		}
		if len(g.writes) > 70 {
			t.Errorf("%d writes for 210 KB", len(g.writes))
		}
	})
}

// Nobody who logs waits for somebody who does not read. What is lost is told
// in its place, and then the log goes on.
func TestLogThatNobodyReads(t *testing.T) {
	for json, least := range map[bool]slog.Level{false: slog.LevelError, true: slog.LevelDebug} {
		synctest.Test(t, func(t *testing.T) {
			g, o, log := logTo(json, least)
			defer o.Close()
			g.stands = make(chan struct{})
			most := 3 * maxWaiting / 90
			for i := range most {
				log.Error(fmt.Sprintf("line %d", i), "more", strings.Repeat("x", i%7*30)) // a short one fits where a long one did not
				if i == 100 {
					time.Sleep(time.Minute) // these are under way
				}
			}
			synctest.Wait()
			if o.lost == 0 || len(o.waiting)+len(o.taken) > 2*maxWaiting {
				t.Fatalf("%d lines lost, %d and %d bytes held", o.lost, len(o.waiting), len(o.taken))
			}
			lost := o.lost
			close(g.stands)
			synctest.Wait()
			log.Error("later")
			time.Sleep(delay)
			synctest.Wait()

			lines := strings.Split(strings.TrimSuffix(g.text.String(), "\n"), "\n")
			if len(lines) != most-lost+2 {
				t.Fatalf("%d lines, want %d of %d, that of the loss and one later", len(lines), most-lost, most)
			}
			for i, line := range lines[:most-lost] {
				if !strings.Contains(line, fmt.Sprintf("line %d", i)) {
					t.Fatalf("line %d is %s", i, line)
				}
			}
			said, later := lines[most-lost], lines[most-lost+1]
			if !strings.Contains(said, fmt.Sprint(lost)) || !strings.Contains(said, "WARN") || said[0] != lines[0][0] {
				t.Errorf("of %d lost lines the log says %s", lost, said)
			}
			if !strings.Contains(later, "later") {
				t.Errorf("then it says %s", later)
			}
		})
	}
}

// A line larger than all that may wait is lost, and told like others.
func TestLogLineTooLarge(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g, o, log := logTo(false, slog.LevelInfo)
		defer o.Close()
		log.Info(strings.Repeat("x", maxWaiting))
		time.Sleep(delay)
		synctest.Wait()
		if got := g.text.String(); strings.Count(got, "\n") != 1 || !strings.Contains(got, "lines=1") {
			t.Errorf("the log says %.200s", got)
		}
	})
}

// A write that fails is tried again, but not all the time, and no line comes
// in parts.
func TestLogWriteFails(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g, o, log := logTo(false, slog.LevelInfo)
		defer o.Close()
		full := errors.New("the disk is full")
		g.breaks(full, 7)
		log.Info("first")
		time.Sleep(delay)
		synctest.Wait()
		g.breaks(full, 0)
		for range 1000 {
			log.Info("more")
			time.Sleep(10 * time.Millisecond)
		}
		synctest.Wait()
		if n := len(g.writes); n < 5 || n > 15 {
			t.Errorf("%d writes in 10 s", n)
		}
		g.breaks(nil, 0)
		time.Sleep(retryDelay)
		synctest.Wait()
		lines := strings.Split(g.text.String(), "\n")
		if len(lines) != 1002 || !strings.Contains(lines[0], "msg=first") || !strings.HasPrefix(lines[0], "time=") {
			t.Errorf("%d lines, of which the first is %q", len(lines)-1, lines[0])
		}
		for _, line := range lines[1:1001] {
			if !strings.HasPrefix(line, "time=") || !strings.HasSuffix(line, "msg=more") {
				t.Fatalf("a line is %q", line)
			}
		}
	})
}

// The end writes out what waits, but waits for no reader.
func TestLogEnds(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g, o, log := logTo(false, slog.LevelInfo)
		log.Info("last words")
		begun := time.Now()
		o.Close()
		if !strings.Contains(g.text.String(), "last words") || time.Since(begun) != 0 {
			t.Errorf("after %v the log holds %q", time.Since(begun), g.text.String())
		}

		g, o, log = logTo(false, slog.LevelInfo)
		log.Info("unheard")
		g.stands = make(chan struct{})
		begun = time.Now()
		o.Close()
		if took := time.Since(begun); took != closeTimeout {
			t.Errorf("the end took %v, want %v", took, closeTimeout)
		}
		close(g.stands)

		g, o, log = logTo(false, slog.LevelInfo)
		g.breaks(io.ErrClosedPipe, 0)
		log.Info("nobody there")
		begun = time.Now()
		o.Close()
		if took := time.Since(begun); took != 0 {
			t.Errorf("where the reader is gone the end took %v", took)
		}
	})
}

func TestLogManyWriters(t *testing.T) {
	g, o, log := logTo(false, slog.LevelInfo)
	var all sync.WaitGroup
	for range 8 {
		all.Go(func() {
			for range 1000 {
				log.Info("line")
			}
		})
	}
	all.Wait()
	o.Close()
	if n := strings.Count(g.text.String(), "msg=line\n"); n != 8000 {
		t.Errorf("%d of 8000 lines are there", n)
	}
}

// BenchmarkLog is what a line costs whoever logs it: written at once, and by a
// Output.
func BenchmarkLog(b *testing.B) {
	null, err := os.OpenFile(os.DevNull, os.O_WRONLY, 0)
	if err != nil {
		b.Fatal(err)
	}
	defer null.Close()
	reader, pipe, err := os.Pipe()
	if err != nil {
		b.Fatal(err)
	}
	go io.Copy(io.Discard, reader)
	defer pipe.Close()
	for _, bm := range []struct {
		name string
		out  io.Writer
	}{{"null", null}, {"pipe", pipe}} {
		b.Run(bm.name+"/direct", func(b *testing.B) { benchmarkLog(b, bm.out) })
		b.Run(bm.name+"/queued", func(b *testing.B) {
			o := NewOutput(bm.out)
			benchmarkLog(b, o)
			b.ReportMetric(float64(o.lost), "lost")
			o.Close()
		})
	}
}

func benchmarkLog(b *testing.B, out io.Writer) {
	log := slog.New(slog.NewTextHandler(out, nil))
	b.ReportAllocs()
	for b.Loop() {
		log.Info("signed in", "conn", 12345, "name", "somebody", "role", "student")
	}
}
