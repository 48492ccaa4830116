// Package server tests what an operator relies on: how the server starts and
// stops, and what hostile clients cannot do to it.
package server

import (
	"testing"

	"switchboard/e2e"
)

func TestMain(m *testing.M) { e2e.Main(m) }
