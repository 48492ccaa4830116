package clients

import (
	"context"
	"encoding/json"
	"fmt"
	"os/exec"
	"path/filepath"
	"strconv"
	"testing"

	"switchboard/e2e"
)

// Whoever leaves one connection and signs in on another under the same name is
// let in, each time, in whichever order the goodbye and the login set out.

const rejoins = 30

var rejoinOrders = []string{"close first", "login first"}

func TestRejoinWS(t *testing.T) {
	for _, order := range rejoinOrders {
		t.Run(order, func(t *testing.T) {
			s := e2e.Start(t)
			wantRejoined(t, rejoinInNode(t, "ws", s.WS(), "{}", order))
		})
	}
}

func TestRejoinSocketIO(t *testing.T) {
	for _, order := range rejoinOrders {
		for _, name := range e2e.SocketIOClients {
			for how, options := range socketIOOptions {
				t.Run(fmt.Sprintf("%s, %s with %s", order, name, how), func(t *testing.T) {
					t.Parallel()
					s := e2e.Start(t)
					wantRejoined(t, rejoinInNode(t, name, s.URL, options, order))
				})
			}
		}
	}
}

func TestRejoinBrowser(t *testing.T) {
	for _, order := range rejoinOrders {
		t.Run(order, func(t *testing.T) {
			e2e.Chromium(t)
			s := e2e.Start(t, "-static", filepath.Join("testdata", "rejoin"))
			p := e2e.OpenPage(t, s.URL)
			e2e.Until[bool](p, "its script", `window.play !== undefined`)
			wantRejoined(t, e2e.Value[[]string](p, fmt.Sprintf(`play(%q, %d)`, order, rejoins)))
		})
	}
}

// rejoinInNode plays all rounds with an npm package, and returns their outcomes.
func rejoinInNode(t *testing.T, name, url, options, order string) (outcomes []string) {
	t.Helper()
	node, folder := e2e.Program(t, "node"), e2e.NodePackage(t, name)
	ctx, cancel := context.WithTimeout(t.Context(), e2e.Patience)
	defer cancel()
	script := filepath.Join("testdata", "rejoin", "node.mjs")
	out, err := exec.CommandContext(ctx, node, script, folder, url, options, order, strconv.Itoa(rejoins)).Output()
	if err == nil {
		err = json.Unmarshal(out, &outcomes)
	}
	if err != nil {
		t.Fatalf("%s prints %q: %v", name, out, err)
	}
	return outcomes
}

func wantRejoined(t *testing.T, outcomes []string) {
	t.Helper()
	if len(outcomes) != rejoins {
		t.Errorf("%d of %d rounds were played", len(outcomes), rejoins)
	}
	for round, outcome := range outcomes {
		if outcome != `{"type":"login","success":true,"name":"ann"}` {
			t.Errorf("round %d: %s", round, outcome)
		}
	}
}
