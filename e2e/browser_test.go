package e2e

import (
	"encoding/json"
	"fmt"
	"testing"

	"github.com/chromedp/chromedp"
)

func TestBrowser(t *testing.T) {
	chromium(t)
	testPages(t, start(t, "-log-level", "debug").url)
}

// The same behind nginx: another origin scheme, a path prefix, a unix socket.
func TestBrowserBehindNginx(t *testing.T) {
	chromium(t)
	testPages(t, behindNginx(t, "-log-level", "debug").url)
}

// testPages drives two pages of the demo through calls. Each test has windows of
// its own, and whoever sat before the last ones is gone with them.
func testPages(t *testing.T, url string) {
	t.Run("call", func(t *testing.T) { testCall(t, url) })
	t.Run("ends", func(t *testing.T) { testEnds(t, url) })
	t.Run("link", func(t *testing.T) { testLink(t, url) })
	t.Run("markup in a name", func(t *testing.T) { testMarkup(t, url) })
}

// enter opens the page and signs in.
func enter(t *testing.T, url, name, role string) *page {
	t.Helper()
	p := openPage(t, url)
	p.name = name
	p.do("sign in",
		chromedp.SendKeys(chromedp.CSS("#name"), name, chromedp.NodeVisible),
		chromedp.SendKeys(chromedp.CSS("#role"), role, chromedp.NodeVisible),
		chromedp.Click(chromedp.CSS("#sign-in"), chromedp.NodeVisible),
		chromedp.WaitVisible(chromedp.CSS("#sign-out")),
	)
	until[bool](p, "the sign-in", `document.querySelector("#status").textContent.includes("Signed in as")`)
	return p
}

// twoPages are those of a student, who waits, and of a teacher, who sees her.
func twoPages(t *testing.T, url string) (teacher, student *page) {
	t.Helper()
	student = enter(t, url, "sam", "student")
	teacher = enter(t, url, "tess", "teacher")
	return teacher, student
}

// calls presses the button beside a name, and waits for the other side to ring.
func (p *page) calls(other *page) {
	p.t.Helper()
	p.click(fmt.Sprintf(`#people li[data-name=%q] button.call:enabled`, other.name))
	other.see("#incoming")
	if name := value[string](other, `document.querySelector("#incoming-name").textContent`); name != p.name {
		p.t.Errorf("%s is rung by %q, expected %s", other.name, name, p.name)
	}
}

// talk calls and accepts, and waits until both hear and see each other.
func talk(t *testing.T, caller, callee *page) {
	t.Helper()
	caller.calls(callee)
	callee.click("#accept")
	for _, p := range []*page{caller, callee} {
		p.wantSound()
		p.wantPicture("#remote-video", 1)
	}
	if a, b := caller.callID(), callee.callID(); a == "" || a != b {
		t.Errorf("%s is in call %q, %s in %q", caller.name, a, callee.name, b)
	}
}

func (p *page) callID() string {
	p.t.Helper()
	return value[string](p, `window.switchboard.callID ?? ""`)
}

// peerConnection is that of a page: the demo's, or one of testdata/pages.
const peerConnection = `(window.state ?? window.switchboard).pc`

// inbound collects a figure of the RTP streams of a kind that come in, by stream.
func inbound(kind, figure string) string {
	return fmt.Sprintf(peerConnection+`.getStats().then(stats => Object.fromEntries([...stats.values()]
		.filter(s => s.type === "inbound-rtp" && s.kind === %q && s[%q] > 0)
		.map(s => [s.id, s[%q]])))`, kind, figure, figure)
}

// wantStreams waits until so many streams of a kind come in, and for each to go
// on: its figure has to grow.
func (p *page) wantStreams(kind, figure string, count int) {
	p.t.Helper()
	first := until[map[string]float64](p, kind, fmt.Sprintf(
		`%s.then(now => Object.keys(now).length >= %d && now)`, inbound(kind, figure), count))
	before, err := json.Marshal(first)
	if err != nil {
		p.t.Fatal(err)
	}
	until[bool](p, "more "+kind, fmt.Sprintf(
		`%s.then(now => Object.entries(%s).filter(([id, n]) => now[id] > n + 5).length >= %d)`,
		inbound(kind, figure), before, count))
}

// wantPicture waits until this many pictures come in whose frames are decoded,
// not just received. One is shown in an element.
func (p *page) wantPicture(shown string, count int) {
	p.t.Helper()
	p.wantStreams("video", "framesDecoded", count)
	until[bool](p, "a picture in "+shown, fmt.Sprintf(
		`(v => v.checkVisibility() && v.videoWidth > 0 && !v.paused)(document.querySelector(%q))`, shown))
}

// wantSound waits until audio packets come in and go on coming.
func (p *page) wantSound() {
	p.t.Helper()
	until[bool](p, "a connection", peerConnection+`?.connectionState === "connected"`)
	p.wantStreams("audio", "packetsReceived", 1)
}

// wantEnded waits for the words on what ended the call. The page is then ready
// for the next one.
func (p *page) wantEnded(words string) {
	p.t.Helper()
	until[bool](p, "the end: "+words, fmt.Sprintf(
		`document.querySelector("#ended").textContent.startsWith(%q)`, words))
	p.see("#ended")
	until[bool](p, "the call to be over", `window.switchboard.callID === null && !document.querySelector("#incoming").open`)
}

func testCall(t *testing.T, url string) {
	teacher, student := twoPages(t, url)
	talk(t, teacher, student)
	callID := teacher.callID()

	// A screen comes beside the camera, within the same call, from either side.
	for _, share := range []struct{ from, to *page }{{teacher, student}, {student, teacher}} {
		share.from.click("#share")
		share.to.wantPicture("#screen-video", 2)
		share.to.wantPicture("#remote-video", 2)
		if a, b := share.from.callID(), share.to.callID(); a != callID || b != callID {
			t.Errorf("after %s shared a screen the calls are %s and %s, expected %s", share.from.name, a, b, callID)
		}
		share.from.click("#share")
		until[bool](share.to, "the screen to go", `!document.querySelector("#screen-video").checkVisibility()`)
		share.to.wantPicture("#remote-video", 1)
		share.to.wantSound()
	}

	teacher.click("#hang-up")
	student.wantEnded("tess hung up.")
	teacher.wantEnded("You hung up the call with sam.")
}

// testEnds ends a call in every way in which people do, while it rings and while
// they talk, and reads what each side is told. A tab that is closed reads nothing.
func testEnds(t *testing.T, url string) {
	tests := []struct {
		name         string
		talking      bool
		end          func(caller, callee *page)
		callerIsTold string
		calleeIsTold string
	}{
		{"callee hangs up", true, func(_, callee *page) { callee.click("#hang-up") },
			"sam hung up.", "You hung up the call with tess."},
		{"callee declines", false, func(_, callee *page) { callee.click("#decline") },
			"sam declined your call.", "You declined the call from tess."},
		{"callee closes the tab while ringing", false, func(_, callee *page) { callee.close() },
			"sam is gone", ""},
		{"callee closes the tab while talking", true, func(_, callee *page) { callee.close() },
			"sam is gone", ""},
		{"caller hangs up", true, func(caller, _ *page) { caller.click("#hang-up") },
			"You hung up the call with sam.", "tess hung up."},
		{"caller cancels", false, func(caller, _ *page) { caller.click("#hang-up") },
			"You cancelled the call to sam.", "tess cancelled the call before you answered."},
		{"caller closes the tab while ringing", false, func(caller, _ *page) { caller.close() },
			"", "tess is gone"},
		{"caller closes the tab while talking", true, func(caller, _ *page) { caller.close() },
			"", "tess is gone"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			caller, callee := twoPages(t, url)
			if tt.talking {
				talk(t, caller, callee)
			} else {
				caller.calls(callee)
			}
			tt.end(caller, callee)
			if tt.callerIsTold != "" {
				caller.wantEnded(tt.callerIsTold)
			}
			if tt.calleeIsTold != "" {
				callee.wantEnded(tt.calleeIsTold)
			}
		})
	}
}

// testLink opens the link that a tutor sends: it signs in and calls by itself.
func testLink(t *testing.T, url string) {
	callee := enter(t, url, "sam", "student")
	caller := openPage(t, url+"?name=tess&role=teacher&call=sam")
	caller.name = "tess"
	callee.see("#incoming")
	callee.click("#accept")
	for _, p := range []*page{caller, callee} {
		p.wantSound()
		p.wantPicture("#remote-video", 1)
	}
	callee.click("#hang-up")
	caller.wantEnded("sam hung up.")
}

// testMarkup has somebody come under a name that is a piece of HTML. It is text
// wherever the page shows it.
func testMarkup(t *testing.T, url string) {
	const name = `<img src=x onerror=window.hacked=1>`
	student := enter(t, url, "sam", "student")
	mallory := enter(t, url, name, "teacher")
	mallory.calls(student)
	student.click("#accept")
	student.wantSound()
	mallory.click("#hang-up")
	student.wantEnded(name + " hung up.")
	ann := enter(t, url, "ann", "student")
	until[bool](ann, "the name in the list", fmt.Sprintf(
		`[...document.querySelectorAll("#people li")].some(li => li.dataset.name === %q && li.textContent.includes(%q))`, name, name))
	for _, p := range []*page{student, mallory, ann} {
		if value[bool](p, `window.hacked !== undefined || document.querySelector("img[src=x]") !== null`) {
			t.Errorf("on %s's page the name is markup", p.name)
		}
	}
}
