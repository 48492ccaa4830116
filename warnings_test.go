package main

import (
	"bytes"
	"encoding/binary"
	"log/slog"
	"net/netip"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"
)

// A testLog is what has been logged, without its times.
type testLog struct {
	mu   sync.Mutex
	text bytes.Buffer
}

func (l *testLog) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.text.Write(p)
}

// lines returns what was logged since it was asked last.
func (l *testLog) lines() []string {
	l.mu.Lock()
	defer l.mu.Unlock()
	defer l.text.Reset()
	return strings.Split(strings.TrimSuffix(l.text.String(), "\n"), "\n")
}

// logger writes what is worth a line at that level.
func (l *testLog) logger(level slog.Level) *slog.Logger {
	return slog.New(slog.NewTextHandler(l, &slog.HandlerOptions{Level: level,
		ReplaceAttr: func(_ []string, a slog.Attr) slog.Attr {
			if a.Key == slog.TimeKey {
				return slog.Attr{}
			}
			return a
		}}))
}

// wantLines checks what was logged since it was looked at last.
func (l *testLog) wantLines(t *testing.T, want ...string) {
	t.Helper()
	if got := l.lines(); strings.Join(got, "\n") != strings.Join(want, "\n") {
		t.Errorf("logged:\n%s\nwant:\n%s", strings.Join(got, "\n"), strings.Join(want, "\n"))
	}
}

// testSubnet returns one of four billion subnets.
func testSubnet(n uint32) netip.Prefix {
	var bytes [4]byte
	binary.BigEndian.PutUint32(bytes[:], n)
	return netip.PrefixFrom(netip.AddrFrom4(bytes), 32)
}

func TestWarningsAreLimited(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var log testLog
		w := newWarnings(log.logger(slog.LevelInfo))
		for range 5 {
			w.say(testSubnet(1), "no", "is", "not")
			w.say(testSubnet(2), "no")
			w.say(testSubnet(1), "never")
		}
		log.wantLines(t, `level=WARN msg=no is=not`, `level=WARN msg=no`, `level=WARN msg=never`)
		time.Sleep(warningPause - time.Second)
		w.say(testSubnet(1), "no")
		log.wantLines(t, "")
		time.Sleep(time.Second)
		w.say(testSubnet(1), "no", "is", "not")
		w.say(testSubnet(2), "no")
		w.say(testSubnet(2), "no")
		log.wantLines(t, `level=WARN msg=no is=not omitted=5`, `level=WARN msg=no omitted=4`)
		time.Sleep(warningPause)
		w.say(testSubnet(1), "no")
		w.say(testSubnet(2), "no")
		log.wantLines(t, `level=WARN msg=no`, `level=WARN msg=no omitted=1`)
	})
}

// Whatever addresses come, there are so many lines a minute, and so much
// memory; nothing is left out that is not counted.
func TestWarningsAreBounded(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var log testLog
		w := newWarnings(log.logger(slog.LevelInfo))
		for n := range uint32(10 * maxWarnings) {
			w.say(testSubnet(n), "no")
			w.say(testSubnet(n), "no")
		}
		if got := len(log.lines()); got != maxWarnings+1 {
			t.Errorf("%d lines, want %d", got, maxWarnings+1)
		}
		if len(w.latest) != maxWarnings || w.in.Len() != maxWarnings {
			t.Errorf("%d and %d are kept, want %d", len(w.latest), w.in.Len(), maxWarnings)
		}
		time.Sleep(warningPause)
		for n := range uint32(maxWarnings) {
			w.say(testSubnet(1<<20+n), "no") // takes the places of the old ones
		}
		log.lines()
		w.say(testSubnet(1<<30), "no")
		// Of all, a line was written for each of the first, and for the first of
		// the rest.
		log.wantLines(t, `level=WARN msg=no omitted=4863`)
	})
}

// The one who makes room is the one who was told of longest ago.
func TestWarningsForgetTheOldest(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var log testLog
		w := newWarnings(log.logger(slog.LevelInfo))
		for n := range uint32(maxWarnings) {
			w.say(testSubnet(n), "no")
		}
		time.Sleep(warningPause)
		w.say(testSubnet(0), "no")
		w.say(testSubnet(1<<20), "no") // in place of the second
		log.lines()
		w.say(testSubnet(0), "no")
		log.wantLines(t, "")
		w.say(testSubnet(1), "no")
		log.wantLines(t, "level=WARN msg=no")
	})
}

func TestNetHTTPLines(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var log testLog
		w := newWarnings(log.logger(slog.LevelInfo))
		for range 2 {
			w.Write([]byte("http: TLS handshake error from 192.0.2.2:1: EOF\n"))
			w.Write([]byte("http: Accept error: accept tcp: too many open files; retrying in 5ms\n"))
			w.Write([]byte("http: panic serving 192.0.2.2:1: nil\ngoroutine 1\n"))
		}
		log.wantLines(t,
			`level=WARN msg="connections cannot be accepted" error="http: Accept error: accept tcp: too many open files; retrying in 5ms"`,
			`level=ERROR msg="a request was ended by a fault" error="http: panic serving 192.0.2.2:1: nil\ngoroutine 1"`)
		w.Write([]byte("http: superfluous response.WriteHeader call\n"))
		log.wantLines(t, `level=WARN msg="net/http complains" error="http: superfluous response.WriteHeader call"`)
	})
}
