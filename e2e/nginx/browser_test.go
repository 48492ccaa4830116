package nginx

import (
	"testing"

	"switchboard/e2e"
	"switchboard/e2e/page"
)

// The page makes the same calls behind nginx as directly: another origin scheme,
// a path prefix, a unix socket.
func TestBrowser(t *testing.T) {
	e2e.Chromium(t)
	page.TestCalls(t, func(t *testing.T) string { return e2e.BehindNginx(t, "-log-level", "debug").URL })
}
