// Package clients tests programs that talk to the server without a browser.
// Wscat is one; those of Socket.IO run in pages, too.
package clients

import (
	"testing"

	"switchboard/e2e"
)

func TestMain(m *testing.M) { e2e.Main(m) }
