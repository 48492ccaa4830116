package page

import (
	"testing"

	"switchboard/e2e"
)

func TestBrowser(t *testing.T) {
	e2e.Chromium(t)
	TestCalls(t, func(t *testing.T) string { return e2e.Start(t, "-log-level", "debug").URL })
}
