package logs

import (
	"container/list"
	"context"
	"log/slog"
	"net/netip"
	"strings"
	"sync"
	"time"
)

// Warnings write what goes wrong for a client, or for a proxy before it, to the
// log: at most once a minute for each subnet and message, since a client may
// repeat its mistake as often as it likes. A line that follows others which were
// left out says how many.
type Warnings struct {
	log *slog.Logger

	mu      sync.Mutex
	latest  map[warning]*list.Element
	in      *list.List // of *written, in the order of their times
	forgone written    // what found no room in the list
}

// warning is what is limited: one message about one subnet.
type warning struct {
	message string
	from    netip.Prefix
}

// written is when a warning went to the log, and how often it came since then.
type written struct {
	warning
	at      time.Time
	omitted int
}

// WarningPause is how long a warning is not repeated.
const WarningPause = time.Minute

// maxWarnings bounds how many warnings there are in that time, whatever
// addresses come. The rest share one line.
const maxWarnings = 256

// NewWarnings returns warnings that go to log.
func NewWarnings(log *slog.Logger) *Warnings {
	return &Warnings{log: log, latest: map[warning]*list.Element{}, in: list.New()}
}

// Warn writes a warning about a client of a subnet, or counts it.
func (w *Warnings) Warn(from netip.Prefix, message string, args ...any) {
	w.report(slog.LevelWarn, from, message, args...)
}

func (w *Warnings) report(level slog.Level, from netip.Prefix, message string, args ...any) {
	omitted, due := w.due(warning{message, from}, time.Now())
	if !due {
		return
	}
	if omitted > 0 {
		args = append(args, "omitted", omitted)
	}
	w.log.Log(context.Background(), level, message, args...)
}

// due reports whether a warning is to be written now, and how many were left
// out before it.
func (w *Warnings) due(what warning, now time.Time) (omitted int, due bool) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if known := w.latest[what]; known != nil {
		omitted, due = known.Value.(*written).due(now)
		if due {
			w.in.MoveToBack(known)
		}
		return omitted, due
	}
	if w.in.Len() == maxWarnings && !w.forgetOldest(now) {
		return w.forgone.due(now)
	}
	w.latest[what] = w.in.PushBack(&written{warning: what, at: now})
	return 0, true
}

// forgetOldest makes room for another warning, if the oldest has had its
// minute. What it left out is told with the next of the rest.
func (w *Warnings) forgetOldest(now time.Time) bool {
	oldest := w.in.Front().Value.(*written)
	if now.Sub(oldest.at) < WarningPause {
		return false
	}
	w.forgone.omitted += oldest.omitted
	w.in.Remove(w.in.Front())
	delete(w.latest, oldest.warning)
	return true
}

// due counts a warning, and reports as Warnings.due does.
func (w *written) due(now time.Time) (omitted int, due bool) {
	if now.Sub(w.at) < WarningPause {
		w.omitted++
		return 0, false
	}
	omitted, w.omitted, w.at = w.omitted, 0, now
	return omitted, true
}

// Write takes a line that net/http has for the log, and writes it as a warning
// of its own kind. A failed TLS handshake is none: scanners and health checks
// connect and say nothing.
func (w *Warnings) Write(line []byte) (int, error) {
	text := strings.TrimSpace(string(line))
	switch {
	case strings.HasPrefix(text, "http: TLS handshake error"):
		w.log.Debug("TLS handshake failed", "error", text)
	case strings.HasPrefix(text, "http: Accept error"):
		w.Warn(netip.Prefix{}, "connections cannot be accepted", "error", text)
	case strings.HasPrefix(text, "http: panic"):
		w.report(slog.LevelError, netip.Prefix{}, "a request was ended by a fault", "error", text)
	default:
		w.Warn(netip.Prefix{}, "net/http complains", "error", text)
	}
	return len(line), nil
}
