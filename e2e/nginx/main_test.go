// Package nginx tests the server as it stands behind nginx.
package nginx

import (
	"testing"

	"switchboard/e2e"
)

func TestMain(m *testing.M) { e2e.Main(m) }
