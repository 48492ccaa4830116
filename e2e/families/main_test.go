// Package families tests pages of every family of clients, in real browsers, as
// they call each other.
package families

import (
	"testing"

	"switchboard/e2e"
)

func TestMain(m *testing.M) { e2e.Main(m) }
