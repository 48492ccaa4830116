package conn

import (
	"bytes"
	"io"
	"net"
	"testing"
	"testing/synctest"
	"time"

	"switchboard/internal/memnet"
)

// What comes in is read in order and in few pieces, however it comes, and a
// link from which nothing is left to be read holds no more than its input.
func TestLinkReads(t *testing.T) {
	for _, lengths := range [][]int{{1, 2, 3}, {inputSize, 1, inputSize + 1}, {100_000, 1}, {300, 300, 300, 300, 300, 300, 300, 300}} {
		synctest.Test(t, func(t *testing.T) {
			client, server := memnet.NewPipe(1 << 20)
			defer client.Close()
			defer server.Close()
			counting := &readCounter{Conn: server}
			l := &newTestConn(counting).link
			total := 0
			for i, length := range lengths {
				total += length
				client.Write(bytes.Repeat([]byte{byte(i)}, length))
			}
			for i, length := range lengths {
				l.await()
				got := make([]byte, length)
				if _, err := io.ReadFull(l.input, got); err != nil || !bytes.Equal(got, bytes.Repeat([]byte{byte(i)}, length)) {
					t.Errorf("of %v: read %x, %v", lengths, got, err)
				}
			}
			if l.burst != nil {
				t.Errorf("of %v: a burst is held", lengths)
			}
			if counting.reads > 3+total/len(burst{}.buf) {
				t.Errorf("of %v: %d reads for %d bytes", lengths, counting.reads, total)
			}
			time.AfterFunc(time.Second, func() { client.Write([]byte("late")) })
			l.await()
			if l.burst != nil || l.input.Buffered() != 4 {
				t.Errorf("of %v: %d bytes wait in the input, and a burst: %v", lengths, l.input.Buffered(), l.burst != nil)
			}
			client.Close()
			l.input.Discard(4)
			l.await()
			if _, err := l.input.ReadByte(); err == nil {
				t.Error("no error after the end")
			}
		})
	}
}

// readCounter counts reads.
type readCounter struct {
	net.Conn
	reads int
}

func (c *readCounter) Read(p []byte) (int, error) {
	c.reads++
	return c.Conn.Read(p)
}

// A write that had to wait and then goes on is a sign of life. One that finds
// room at once says nothing of the client.
func TestAWriteThatGoesOnIsASignOfLife(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		client, server := memnet.NewPipe(100)
		defer client.Close()
		defer server.Close()
		c := newTestConn(server)
		l, p := &c.link, &c.pulse
		p.asked.Or(askedByPing)
		if err := l.send(make([]byte, 100)); err != nil || p.asked.Load() == 0 {
			t.Errorf("a write that finds room counts as life, or failed: %v", err)
		}
		time.AfterFunc(stalled, func() {
			if !l.writing.Load() {
				t.Error("nobody is told that a write waits")
			}
			client.Read(make([]byte, 50))
		})
		if err := l.send(make([]byte, 50)); err != nil || p.asked.Load() != 0 || l.writing.Load() {
			t.Errorf("a write that went on does not count as life, or failed: %v", err)
		}
	})
}

// A write has its whole time, also when an earlier one has set the deadline.
func TestEachWriteHasItsTime(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		client, server := memnet.NewPipe(100)
		defer client.Close()
		defer server.Close()
		l := &newTestConn(server).link
		for _, pause := range []time.Duration{0, 500 * time.Millisecond, 1050 * time.Millisecond} {
			time.Sleep(pause)
			if err := l.send(make([]byte, 10)); err != nil {
				t.Fatal(err)
			}
		}
		time.Sleep(500 * time.Millisecond)
		start := time.Now()
		err := l.send(make([]byte, 100))
		if took := time.Since(start); err == nil || took < time.Second || took > 1100*time.Millisecond {
			t.Errorf("a write that cannot go on took %v, %v", took, err)
		}
	})
}
