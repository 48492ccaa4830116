package losses

import (
	"testing"

	"switchboard/e2e"
)

func TestMain(m *testing.M) { e2e.Main(m) }
