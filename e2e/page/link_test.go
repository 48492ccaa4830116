package page

import (
	"fmt"
	"testing"

	"github.com/chromedp/chromedp"
	"switchboard/e2e"
)

// open loads a page for somebody.
func open(t *testing.T, url, name string) *e2e.Page {
	t.Helper()
	p := e2e.OpenPage(t, url)
	p.Name = name
	return p
}

func wantText(p *e2e.Page, selector, text string) {
	p.T.Helper()
	e2e.Until[bool](p, fmt.Sprintf("%q in %s", text, selector), fmt.Sprintf(
		`document.querySelector(%q).innerText.includes(%q)`, selector, text))
}

// wantNothingDone looks whether a page that has just been loaded has opened a device or
// a connection, or called somebody, by itself.
func wantNothingDone(p *e2e.Page) {
	p.T.Helper()
	e2e.Until[bool](p, "the page to be ready", `document.querySelector("#log") !== null && window.switchboard !== undefined`)
	if !e2e.Value[bool](p, `window.asked === 0 && window.switchboard.state === "offline" && window.switchboard.currentCall === null`) {
		p.T.Errorf("%s's page has done something before a click", p.Name)
	}
}

// A link fills in and says what a click will do.
func TestLinkWaitsForAClick(t *testing.T) {
	url := watchedPage(t)
	sam := e2e.Enter(t, url, "sam", "student")
	tess := open(t, url+"?name=tess&role=teacher&call=sam", "tess")
	wantText(tess, "#sign-in", "Sign in as tess and call sam")
	wantNothingDone(tess)
	for id, want := range map[string]string{"name": "tess", "role": "teacher"} {
		if got := e2e.Value[string](tess, fmt.Sprintf(`document.querySelector("#%s").value`, id)); got != want {
			t.Errorf("the field %s has %q, expected %q", id, got, want)
		}
	}
	other := open(t, url+"?name=sam2&role=student", "sam2")
	wantText(other, "#sign-in", "Sign in as sam2")
	wantNothingDone(other)
	tess.Fill("#name", "2")
	wantText(tess, "#sign-in", "Sign in as tess2 and call sam")
	tess.Click("#sign-in")
	sam.See("#incoming")
	wantText(sam, "#incoming-name", "tess2")
	sam.Click("#accept")
	tess.WantSound()
}

// The call of the link is made when the one called has come.
func TestLinkWaitsForTheOther(t *testing.T) {
	url := watchedPage(t)
	tess := open(t, url+"?name=tess&role=teacher&call=sam", "tess")
	tess.Click("#sign-in")
	wantText(tess, "#wish-text", "sam is not here yet.")
	sam := e2e.Enter(t, url, "sam", "student")
	sam.See("#incoming")
}

func TestLinkOnlySignsIn(t *testing.T) {
	url := watchedPage(t)
	sam := e2e.Enter(t, url, "sam", "student")
	tess := open(t, url+"?name=tess&role=teacher&call=sam", "tess")
	tess.Click("#sign-in-only")
	tess.See(`#people li[data-name="sam"] button.call:enabled`) // heard of sam, and could call
	if !e2e.Value[bool](tess, `document.querySelector("#wish").hidden && window.switchboard.currentCall === null`) {
		t.Error("the page calls, although it was only to sign in")
	}
	ring(tess, sam)
}

// declinedByLink returns a teacher who has called by a link, and the student who
// has declined.
func declinedByLink(t *testing.T, url string) (tess, sam *e2e.Page) {
	sam = e2e.Enter(t, url, "sam", "student")
	tess = open(t, url+"?name=tess&role=teacher&call=sam", "tess")
	tess.Click("#sign-in")
	sam.See("#incoming")
	sam.Click("#decline")
	tess.WantEnded("sam declined your call.")
	return tess, sam
}

// A reload signs in again, opens nothing and calls nobody: it offers what the link asked for.
func TestLinkAfterReload(t *testing.T) {
	url := watchedPage(t)
	tess, sam := declinedByLink(t, url)
	tess.Do("load again", chromedp.Reload())
	tess.See(`#people li[data-name="sam"] button.call:enabled`)
	wantText(tess, "#status", "Signed in as tess (teacher)")
	wantText(tess, "#wish", "asks to call sam")
	if !e2e.Value[bool](tess, `window.asked === 0 && window.switchboard.currentCall === null`) {
		t.Error("a reload has opened a device, or called")
	}
	tess.Click("#wish-call")
	sam.See("#incoming")
}

// Whoever is signed in may be led away, and back to the page under another name.
func TestLinkToAnotherName(t *testing.T) {
	url := watchedPage(t)
	ann := e2e.Enter(t, url, "ann", "")
	ann.Do("follow a link", chromedp.Navigate(url+"?name=victim&role=&call=spy"))
	wantText(ann, "#sign-in", "Sign in as victim and call spy")
	wantNothingDone(ann)
	// By the address alone one comes back to what one was, at a click.
	ann.Do("come back", chromedp.Navigate(url))
	e2e.Until[bool](ann, "the name of before", `document.querySelector("#name").value === "ann"`)
	wantNothingDone(ann)
	ann.Click("#sign-in")
	wantText(ann, "#status", "Signed in as ann")

	ann.Click("#sign-out")
	ann.Do("load again", chromedp.Reload())
	wantNothingDone(ann)
}

// A browser may keep a page for the way back, with its socket open. It is not called
// meanwhile, and signs in again, without a call, when it is shown.
func TestLinkAfterTheWayBack(t *testing.T) {
	url := watchedPage(t)
	tess, sam := declinedByLink(t, url)
	tess.See(`#people li[data-name="sam"]`)
	sam.See(`#people li[data-name="tess"]`)
	tess.Do("go elsewhere", chromedp.Navigate("about:blank"))
	e2e.Until[bool](sam, "tess to go", `(window.switchboard.users(), document.querySelector("#people [data-name=tess]") === null)`)
	e2e.Value[bool](tess, `(setTimeout(() => history.back()), true)`) // not while the page is asked
	e2e.Eventually(t, "the page to be back", func() bool {
		back, err := chromedp.Run(tess.Ctx, chromedp.Evaluate[bool](
			`document.querySelector("#status")?.textContent.startsWith("Signed in as") ?? false`))
		return err == nil && back // who is asked while the page changes cannot answer
	})
	e2e.Until[bool](tess, "sam in the list", `document.querySelector("#people [data-name=sam] .call:enabled") !== null`)
	if !e2e.Value[bool](tess, `window.switchboard.currentCall === null && document.querySelector("#stage").hidden`) {
		t.Error("the way back has called")
	}
}

// F5 keeps name and role, and the browser asks before it ends a call, and only then.
func TestReload(t *testing.T) {
	url := watchedPage(t)
	ann, bob := e2e.Enter(t, url, "ann", ""), e2e.Enter(t, url, "bob", "")
	asks := `!window.dispatchEvent(new Event("beforeunload", { cancelable: true }))`
	if e2e.Value[bool](ann, asks) {
		t.Error("the page asks before it is left, although there is no call")
	}
	ann.Do("load again", chromedp.Reload())
	wantText(ann, "#status", "Signed in as ann")
	if e2e.Value[int](ann, `window.asked`) != 0 {
		t.Error("a reload has opened a device")
	}
	talk(t, ann, bob)
	for _, p := range []*e2e.Page{ann, bob} {
		if !e2e.Value[bool](p, asks) {
			t.Errorf("%s's page does not ask before it is left in a call", p.Name)
		}
	}
	ann.Click("#hang-up")
	ann.WantEnded("You hung up")
	if e2e.Value[bool](ann, asks) {
		t.Error("the page asks before it is left, although the call is over")
	}
}

// After a reload nobody has clicked, and the browser lets nothing ring aloud.
func TestTurnOnTheRing(t *testing.T) {
	ann := e2e.Enter(t, watchedPage(t), "ann", "")
	if !e2e.Value[bool](ann, `document.querySelector("#turn-on-ring").hidden`) {
		t.Error("the ring is to be turned on, although somebody has clicked")
	}
	ann.Do("load again", chromedp.Reload())
	ann.See("#turn-on-ring")
	ann.Click("#turn-on-ring")
	e2e.Until[bool](ann, "the button to go", `document.querySelector("#turn-on-ring").hidden`)
}

// A token in the address signs in, leaves the bar at once, and outlives a reload. One that
// is refused asks for another, which the same tab may open.
func TestLinkWithToken(t *testing.T) {
	url := pageWith(t, tokens)
	tess := open(t, url+"?call=sam#token=stale", "tess")
	tess.See("#notices [role=alert]")
	wantText(tess, "#name-error", "Ask for a new link")
	bare := func() {
		t.Helper()
		if got := e2e.Value[string](tess, `location.href`); got != url+"?call=sam" {
			t.Errorf("the bar has %s", got)
		}
	}
	bare()
	tess.Do("open the new link", chromedp.Navigate(url+"?call=sam#token=good"))
	wantText(tess, "#status", "Signed in as tess")
	wantText(tess, "#wish", "asks to call sam")
	bare()
	tess.Do("load again", chromedp.Reload())
	wantText(tess, "#status", "Signed in as tess")
	bare()
	tess.Click("#sign-out")
	tess.Do("load again", chromedp.Reload())
	wantText(tess, "#sign-in", "Sign in")
	if e2e.Value[int](tess, `shown.length`) != 0 {
		t.Error("the token is shown after signing out")
	}
}
