package page

import (
	"fmt"
	"testing"

	"switchboard/e2e"
)

// Links with tokens of the server's own sign in a teacher and a student. Tokens that expire
// in their call do not end it. A new link in time keeps its page signed in; whose page has
// none is asked for one, when the call is over.
func TestTokensExpireInACall(t *testing.T) {
	e2e.Chromium(t)
	secret := e2e.WriteSecret(t, "school")
	s := e2e.Start(t, "-token-key-file", secret, "-token-leeway", "0")
	hash := func(name, role, ttl string) string {
		return "#token=" + e2e.Token(t, "-key-file", secret, "-name", name, "-role", role, "-ttl", ttl)
	}
	enter := func(name, role string) *e2e.Page {
		p := open(t, s.URL+hash(name, role, "25s"), name)
		wantText(p, "#status", "Signed in as "+name)
		wantText(p, "#notices", "Your link expires soon.")
		e2e.Value[bool](p, `window.expired = Date.now() + 26_000, true`)
		return p
	}
	tess, sam := enter("tess", "teacher"), enter("sam", "student")
	talk(t, tess, sam)
	e2e.Until[bool](sam, "the tokens to expire", `Date.now() > window.expired`)

	for _, p := range []*e2e.Page{tess, sam} {
		p.WantPicture("#remote-video", 1)
		if state := e2e.Value[string](p, `window.switchboard.state`); state != "signed-in" {
			t.Errorf("%s's page is %s", p.Name, state)
		}
	}
	e2e.Value[bool](tess, fmt.Sprintf(`location.hash = %q, true`, hash("tess", "teacher", "1h")))
	e2e.Until[bool](tess, "the notice to go", `document.querySelector("#notices").innerText === ""`)
	tess.Click("#hang-up")
	tess.WantEnded("You hung up")
	sam.WantEnded("tess hung up.")
	wantText(sam, "#notices", "You need a new link.")
	wantText(tess, "#status", "Signed in as tess")
}
