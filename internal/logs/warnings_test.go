package logs

import (
	"bytes"
	"encoding/binary"
	"log/slog"
	"net/netip"
	"strings"
	"testing"
	"testing/synctest"
	"time"
)

// A record is what has been logged, without its times.
type record struct{ text bytes.Buffer }

func (r *record) logger() *slog.Logger {
	return slog.New(slog.NewTextHandler(&r.text, &slog.HandlerOptions{
		ReplaceAttr: func(_ []string, a slog.Attr) slog.Attr {
			if a.Key == slog.TimeKey {
				return slog.Attr{}
			}
			return a
		}}))
}

// lines returns what was logged since it was asked last.
func (r *record) lines() []string {
	defer r.text.Reset()
	return strings.Split(strings.TrimSuffix(r.text.String(), "\n"), "\n")
}

// want checks what was logged since it was looked at last.
func (r *record) want(t *testing.T, want ...string) {
	t.Helper()
	if got := r.lines(); strings.Join(got, "\n") != strings.Join(want, "\n") {
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
		var log record
		w := NewWarnings(log.logger())
		for range 5 {
			w.Warn(testSubnet(1), "no", "is", "not")
			w.Warn(testSubnet(2), "no")
			w.Warn(testSubnet(1), "never")
		}
		log.want(t, `level=WARN msg=no is=not`, `level=WARN msg=no`, `level=WARN msg=never`)
		time.Sleep(WarningPause - time.Second)
		w.Warn(testSubnet(1), "no")
		log.want(t, "")
		time.Sleep(time.Second)
		w.Warn(testSubnet(1), "no", "is", "not")
		w.Warn(testSubnet(2), "no")
		w.Warn(testSubnet(2), "no")
		log.want(t, `level=WARN msg=no is=not omitted=5`, `level=WARN msg=no omitted=4`)
		time.Sleep(WarningPause)
		w.Warn(testSubnet(1), "no")
		w.Warn(testSubnet(2), "no")
		log.want(t, `level=WARN msg=no`, `level=WARN msg=no omitted=1`)
	})
}

// Whatever addresses come, there are so many lines a minute, and so much
// memory; nothing is left out that is not counted.
func TestWarningsAreBounded(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var log record
		w := NewWarnings(log.logger())
		for n := range uint32(10 * maxWarnings) {
			w.Warn(testSubnet(n), "no")
			w.Warn(testSubnet(n), "no")
		}
		if got := len(log.lines()); got != maxWarnings+1 {
			t.Errorf("%d lines, want %d", got, maxWarnings+1)
		}
		if len(w.latest) != maxWarnings || w.in.Len() != maxWarnings {
			t.Errorf("%d and %d are kept, want %d", len(w.latest), w.in.Len(), maxWarnings)
		}
		time.Sleep(WarningPause)
		for n := range uint32(maxWarnings) {
			w.Warn(testSubnet(1<<20+n), "no") // takes the places of the old ones
		}
		log.lines()
		w.Warn(testSubnet(1<<30), "no")
		// Of all, a line was written for each of the first, and for the first of
		// the rest.
		log.want(t, `level=WARN msg=no omitted=4863`)
	})
}

// The one who makes room is the one who was told of longest ago.
func TestWarningsForgetTheOldest(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var log record
		w := NewWarnings(log.logger())
		for n := range uint32(maxWarnings) {
			w.Warn(testSubnet(n), "no")
		}
		time.Sleep(WarningPause)
		w.Warn(testSubnet(0), "no")
		w.Warn(testSubnet(1<<20), "no") // in place of the second
		log.lines()
		w.Warn(testSubnet(0), "no")
		log.want(t, "")
		w.Warn(testSubnet(1), "no")
		log.want(t, "level=WARN msg=no")
		w.Warn(testSubnet(1<<20+1), "no") // there is room for this one too
		log.want(t, "level=WARN msg=no")
	})
}

func TestNetHTTPLines(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var log record
		w := NewWarnings(log.logger())
		for range 2 {
			w.Write([]byte("http: TLS handshake error from 192.0.2.2:1: EOF\n"))
			w.Write([]byte("http: Accept error: accept tcp: too many open files; retrying in 5ms\n"))
			w.Write([]byte("http: panic serving 192.0.2.2:1: nil\ngoroutine 1\n"))
		}
		log.want(t,
			`level=WARN msg="connections cannot be accepted" error="http: Accept error: accept tcp: too many open files; retrying in 5ms"`,
			`level=ERROR msg="a request was ended by a fault" error="http: panic serving 192.0.2.2:1: nil\ngoroutine 1"`)
		w.Write([]byte("http: superfluous response.WriteHeader call\n"))
		log.want(t, `level=WARN msg="net/http complains" error="http: superfluous response.WriteHeader call"`)
	})
}
