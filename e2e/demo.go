package e2e

import (
	"encoding/json"
	"fmt"
	"testing"

	"github.com/chromedp/chromedp"
)

// Enter opens the page and signs in.
func Enter(t *testing.T, url, name, role string) *Page {
	t.Helper()
	p := OpenPage(t, url)
	p.Name = name
	p.Do("sign in",
		chromedp.SendKeys(chromedp.CSS("#name"), name, chromedp.NodeVisible),
		chromedp.SendKeys(chromedp.CSS("#role"), role, chromedp.NodeVisible),
		chromedp.Click(chromedp.CSS("#sign-in"), chromedp.NodeVisible),
		chromedp.WaitVisible(chromedp.CSS("#sign-out")),
	)
	Until[bool](p, "the sign-in", `document.querySelector("#status").textContent.includes("Signed in as")`)
	return p
}

// peerConnection is that of a page: the demo's, or one of testdata/pages.
const peerConnection = `(window.state ?? window.switchboard).pc`

// inbound collects a figure of the RTP streams of a kind that come in, by stream.
func inbound(kind, figure string) string {
	return fmt.Sprintf(peerConnection+`.getStats().then(stats => Object.fromEntries([...stats.values()]
		.filter(s => s.type === "inbound-rtp" && s.kind === %q && s[%q] > 0)
		.map(s => [s.id, s[%q]])))`, kind, figure, figure)
}

// WantStreams waits until so many streams of a kind come in, and for each to go
// on: its figure has to grow.
func (p *Page) WantStreams(kind, figure string, count int) {
	p.T.Helper()
	first := Until[map[string]float64](p, kind, fmt.Sprintf(
		`%s.then(now => Object.keys(now).length >= %d && now)`, inbound(kind, figure), count))
	before, err := json.Marshal(first)
	if err != nil {
		p.T.Fatal(err)
	}
	Until[bool](p, "more "+kind, fmt.Sprintf(
		`%s.then(now => Object.entries(%s).filter(([id, n]) => now[id] > n + 5).length >= %d)`,
		inbound(kind, figure), before, count))
}

// WantPicture waits until this many pictures come in whose frames are decoded,
// not just received. One is shown in an element.
func (p *Page) WantPicture(shown string, count int) {
	p.T.Helper()
	p.WantStreams("video", "framesDecoded", count)
	Until[bool](p, "a picture in "+shown, fmt.Sprintf(
		`(v => v.checkVisibility() && v.videoWidth > 0 && !v.paused)(document.querySelector(%q))`, shown))
}

// WantSound waits until audio packets come in and go on coming.
func (p *Page) WantSound() {
	p.T.Helper()
	Until[bool](p, "a connection", peerConnection+`?.connectionState === "connected"`)
	p.WantStreams("audio", "packetsReceived", 1)
}

// WantEnded waits for the words on what ended the call. The page is then ready
// for the next one.
func (p *Page) WantEnded(words string) {
	p.T.Helper()
	Until[bool](p, "the end: "+words, fmt.Sprintf(
		`document.querySelector("#ended").textContent.startsWith(%q)`, words))
	p.See("#ended")
	Until[bool](p, "the call to be over", `window.switchboard.callID === null && !document.querySelector("#incoming").open`)
}
