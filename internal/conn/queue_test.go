package conn

import (
	"bytes"
	"io"
	"strings"
	"testing"
	"testing/synctest"
	"time"
)

// little is a network that does not hold one of the long texts.
const little = 100

func long(r byte) string { return strings.Repeat(string(r), 2*little) }

// What waits for a client that does not read is bounded, and all of it arrives
// when the client reads again.
func TestQueueIsBounded(t *testing.T) {
	onServer(t, func(t *testing.T, s *testServer) {
		s.pool.MaxQueue = 4 * weight
		p := s.connectOver(little)
		p.Suspend()
		for i, b := range []byte("abcd") {
			if crowded := s.conn.Crowded(); crowded != (i > 2) {
				t.Errorf("with %d of 4 messages the queue is crowded: %t", i, crowded)
			}
			if !s.conn.Send(text(long(b))) {
				t.Errorf("there is no room for message %d", i)
			}
			synctest.Wait()
		}
		if s.conn.Send(text("e")) {
			t.Error("there is room for a fifth message")
		}
		p.Resume()
		p.want(said(long('a')), said(long('b')), said(long('c')), said(long('d')))
		if s.conn.Crowded() || !s.conn.Send(text("e")) {
			t.Error("there is no room when all has been read")
		}
		p.want(said("e"))
	})
}

// What waits is written before the close frame, unless the connection ends at
// once. What is being written is written in any case.
func TestWhatWaitsIsWrittenBeforeTheEnd(t *testing.T) {
	waiting := said(long('b')) + said("c")
	for why, after := range map[*Closing]string{
		own:      waiting + farewell(own),
		HungUp:   waiting,
		Internal: farewell(Internal),
		Gone:     "",
	} {
		t.Run(why.Reason, func(t *testing.T) {
			onServer(t, func(t *testing.T, s *testServer) {
				p := s.connectOver(little)
				p.Suspend()
				s.conn.Send(text(long('a')))
				synctest.Wait()
				s.conn.Send(text(long('b')))
				s.conn.Send(text("c"))
				if stands := s.conn.End(why); stands != why {
					t.Errorf("End returns %v", stands)
				}
				if stands := s.conn.End(TooLarge); stands != why {
					t.Errorf("the reason has become %v", stands)
				}
				if s.conn.Send(text("d")) {
					t.Error("there is room after the end")
				}
				p.Resume()
				s.wantEnd(p, why, said(long('a')), after)
			})
		})
	}
}

// A client that takes nothing for the time of a write is gone.
func TestReaderThatStops(t *testing.T) {
	onServer(t, func(t *testing.T, s *testServer) {
		p := s.connectOver(little)
		p.Suspend()
		s.conn.Send(text(long('a')))
		time.Sleep(testSettings.WriteTimeout - time.Millisecond)
		s.owner.want(t, nil)
		time.Sleep(testSettings.WriteTimeout / 5)
		s.owner.want(t, Gone)
		time.Sleep(Linger)
		s.wantEnded(Gone)
	})
}

// A client that is slow gets everything: a large message may take longer than the
// time of a write, if it goes on.
func TestReaderThatIsSlow(t *testing.T) {
	onServer(t, func(t *testing.T, s *testServer) {
		p := s.connectOver(little)
		large := strings.Repeat("x", 200_000)
		s.conn.Send(text(large))
		start := time.Now()
		var heard bytes.Buffer
		for heard.Len() < len(said(large)) {
			time.Sleep(testSettings.WriteTimeout - 100*time.Millisecond)
			if _, err := io.CopyN(&heard, p, min(framesAtOnce, int64(len(said(large))-heard.Len()))); err != nil {
				t.Fatalf("%v after %d bytes", err, heard.Len())
			}
		}
		if took := time.Since(start); heard.String() != said(large) || took < 10*testSettings.WriteTimeout {
			t.Errorf("the client hears %.100q after %v", heard.String(), took)
		}
		s.owner.want(t, nil)
	})
}

// A few writers wait for more to do, and no more than that.
func TestWritersAreFew(t *testing.T) {
	onServer(t, func(t *testing.T, s *testServer) {
		for range 2 * maxIdle {
			s.connectOver(little).Suspend()
			s.conn.Send(text(long('a')))
		}
		synctest.Wait()
		if idle := s.pool.writers.idle.Load(); idle != 0 {
			t.Errorf("%d writers wait while all have something to write", idle)
		}
		for _, p := range s.peers {
			p.Resume()
			p.want(said(long('a')))
		}
		synctest.Wait()
		if idle := s.pool.writers.idle.Load(); idle != maxIdle {
			t.Errorf("%d writers wait, want %d", idle, maxIdle)
		}
	})
}
