package engineio

import "testing"

func TestSplit(t *testing.T) {
	for packet, want := range map[string]struct {
		kind byte
		rest string
	}{
		"":       {0, ""},
		"2":      {Ping, ""},
		"3probe": {Pong, "probe"},
		"42[]":   {Message, "2[]"},
	} {
		if kind, rest := Split([]byte(packet)); kind != want.kind || string(rest) != want.rest {
			t.Errorf("%q is taken apart into %q and %q", packet, kind, rest)
		}
	}
}
