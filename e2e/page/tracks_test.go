package page

import (
	"fmt"
	"os"
	"path/filepath"
	"testing"

	"switchboard/e2e"
)

// watch runs before the page's own code. It counts what the page asks of camera,
// microphone and screen, keeps every track that the browser hands out, and holds
// back what is handed out while window.gate is closed.
const watch = `
window.asked = 0;
window.tracks = [];
window.closeGate = () => { window.gate = new Promise((open) => { window.openGate = open; }); };
for (const ask of ["getUserMedia", "getDisplayMedia"]) {
	const real = navigator.mediaDevices[ask].bind(navigator.mediaDevices);
	navigator.mediaDevices[ask] = async (wanted) => {
		window.asked++;
		const stream = await real(wanted);
		window.tracks.push(...stream.getTracks());
		await window.gate;
		return stream;
	};
}
`

// watchedPage serves the demo page with an eye on its devices.
func watchedPage(t *testing.T, flags ...string) string {
	t.Helper()
	return pageWith(t, watch, flags...)
}

// pageWith serves the demo page with something that runs before its own code.
func pageWith(t *testing.T, before string, flags ...string) string {
	t.Helper()
	e2e.Chromium(t)
	dir := t.TempDir()
	if err := os.CopyFS(dir, os.DirFS(e2e.Root+"/static")); err != nil {
		t.Fatal(err)
	}
	file := filepath.Join(dir, "page.js")
	code, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(file, []byte(before+string(code)), 0o644); err != nil {
		t.Fatal(err)
	}
	return e2e.Start(t, append([]string{"-static", dir}, flags...)...).URL
}

// hold keeps from the page what it asks of its devices; the function returned hands it out.
func hold(p *e2e.Page) (release func()) {
	p.T.Helper()
	e2e.Value[bool](p, `(closeGate(), true)`)
	return func() {
		p.T.Helper()
		e2e.Value[bool](p, `(openGate(), true)`)
	}
}

const live = `window.tracks.filter((track) => track.readyState === "live")`

// wantTracks waits until the browser has handed out so many tracks, held back or not.
func wantTracks(p *e2e.Page, count int) {
	p.T.Helper()
	e2e.Until[bool](p, "the tracks", fmt.Sprintf(`window.tracks.length >= %d`, count))
}

// wantDark waits until no device is on.
func wantDark(p *e2e.Page) {
	p.T.Helper()
	e2e.Until[bool](p, "all devices to be off", live+`.length === 0`)
}

func trackCount(p *e2e.Page) int {
	p.T.Helper()
	return e2e.Value[int](p, `window.tracks.length`)
}

// enterIdle signs in and waits until the page has asked for permission and let go again.
func enterIdle(t *testing.T, url, name, role string) *e2e.Page {
	t.Helper()
	p := e2e.Enter(t, url, name, role)
	e2e.Until[bool](p, "the question for permission", `navigator.permissions.query({ name: "camera" }).then(({ state }) => state === "granted")`)
	wantDark(p)
	return p
}

// However fast somebody clicks, the browser is asked once, and nothing outlives the call.
func TestTracksOfFastClicks(t *testing.T) {
	for _, button := range []string{"#camera", "#share"} {
		t.Run(button, func(t *testing.T) {
			url := watchedPage(t)
			ann, bob := enterIdle(t, url, "ann", ""), enterIdle(t, url, "bob", "")
			talk(t, ann, bob)
			on := `document.querySelector("#stage").classList.contains("with-self")`
			if button == "#share" {
				on = `!document.querySelector("#sharing").hidden`
			} else {
				ann.Click(button) // off
				e2e.Until[bool](ann, "the camera to be off", `!`+on)
			}
			before := trackCount(ann)
			release := hold(ann)
			ann.Click(button)
			wantTracks(ann, before+1)
			ann.Click(button)
			release()
			e2e.Until[bool](ann, "the device to be on", on)
			if got := trackCount(ann); got != before+1 {
				t.Errorf("two clicks opened %d tracks, expected 1", got-before)
			}
			ann.Click("#hang-up")
			ann.WantEnded("You hung up")
			wantDark(ann)
		})
	}
}

// A call may end while the browser still asks or opens. What it hands out then goes
// off as it comes.
func TestTracksThatComeLate(t *testing.T) {
	tests := []struct {
		name string
		open func(ann, bob *e2e.Page) // has ann's page wait for a device
		end  func(ann, bob *e2e.Page)
		told string
	}{
		{"given up while calling",
			func(ann, _ *e2e.Page) { ann.Click(`#people li[data-name="bob"] .call`) },
			func(ann, _ *e2e.Page) { ann.Click("#hang-up") }, "You cancelled the call to bob."},
		{"cancelled by the other side while answering",
			func(ann, bob *e2e.Page) { ring(bob, ann); ann.Click("#accept") },
			func(_, bob *e2e.Page) { bob.Click("#hang-up") }, "bob cancelled the call"},
		{"given up while answering",
			func(ann, bob *e2e.Page) { ring(bob, ann); ann.Click("#accept") },
			func(ann, _ *e2e.Page) { ann.Click("#hang-up") }, "You declined the call from bob."},
		{"signed out while calling",
			func(ann, _ *e2e.Page) { ann.Click(`#people li[data-name="bob"] .call`) },
			func(ann, _ *e2e.Page) {
				// The stage covers the button, as it does for a person; a tab left open may do it.
				e2e.Value[bool](ann, `(document.querySelector("#sign-out").click(), true)`)
			}, ""},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			url := watchedPage(t)
			ann, bob := enterIdle(t, url, "ann", ""), enterIdle(t, url, "bob", "")
			before := trackCount(ann)
			release := hold(ann)
			tt.open(ann, bob)
			wantTracks(ann, before+2)
			tt.end(ann, bob)
			if tt.told != "" {
				ann.WantEnded(tt.told)
			}
			release()
			wantDark(ann)
			e2e.Until[bool](ann, "no call", `window.switchboard.currentCall === null && document.querySelector("#stage").hidden`)
		})
	}
}

func TestTracksInACallThatEnds(t *testing.T) {
	url := watchedPage(t)
	ann, bob := enterIdle(t, url, "ann", ""), enterIdle(t, url, "bob", "")
	for _, button := range []string{"#camera", "#share"} {
		talk(t, ann, bob)
		if button == "#camera" {
			ann.Click(button) // off
			e2e.Until[bool](ann, "the camera to be off", `!document.querySelector("#stage").classList.contains("with-self")`)
		}
		before := trackCount(ann)
		release := hold(ann)
		ann.Click(button)
		wantTracks(ann, before+1)
		bob.Click("#hang-up")
		ann.WantEnded("bob hung up.")
		release()
		wantDark(ann)
		wantDark(bob)
	}
}

// The browser has a button of its own that stops sharing, and a camera can be unplugged.
func TestTracksThatOthersStop(t *testing.T) {
	url := watchedPage(t)
	ann, bob := enterIdle(t, url, "ann", ""), enterIdle(t, url, "bob", "")
	talk(t, ann, bob)
	ann.Click("#share")
	bob.WantPicture("#screen-video", 2)
	stopLast := `(track => { track.stop(); track.dispatchEvent(new Event("ended")); return true; })`
	e2e.Value[bool](ann, stopLast+`(window.tracks.at(-1))`)
	e2e.Until[bool](bob, "the screen to go", `!document.querySelector("#screen-video").checkVisibility()`)
	wantLabel(ann, "#share", "Share screen")

	e2e.Value[bool](ann, stopLast+`(`+live+`.find((track) => track.kind === "video"))`)
	wantLabel(ann, "#camera", "Start camera")
	ann.See("#notices [role=alert]")
	e2e.Until[bool](bob, "the picture to go", `!document.querySelector("#remote-video").checkVisibility({ visibilityProperty: true })`)
	ann.Click("#camera")
	wantLabel(ann, "#camera", "Stop camera")
	bob.WantPicture("#remote-video", 1)
	ann.Click("#hang-up")
	ann.WantEnded("You hung up")
	wantDark(ann)
}

// A page that the browser keeps for the way back sends nothing meanwhile.
func TestTracksOfAPageThatIsLeft(t *testing.T) {
	url := watchedPage(t)
	ann, bob := enterIdle(t, url, "ann", ""), enterIdle(t, url, "bob", "")
	talk(t, ann, bob)
	e2e.Value[bool](ann, `window.dispatchEvent(new PageTransitionEvent("pagehide", { persisted: true }))`)
	wantDark(ann)
	bob.WantEnded("ann hung up.")
}

func wantLabel(p *e2e.Page, button, label string) {
	p.T.Helper()
	e2e.Until[bool](p, "the label "+label, fmt.Sprintf(
		`document.querySelector(%q).innerText.trim() === %q`, button, label))
}

// Somebody may ring while the camera opens for a call to somebody else. He is shown,
// and the call that was wanted is made as soon as that is decided.
func TestRingWhileCalling(t *testing.T) {
	url := watchedPage(t)
	ann, bob, cat := enterIdle(t, url, "ann", ""), enterIdle(t, url, "bob", ""), enterIdle(t, url, "cat", "")
	begin := func() (release func()) {
		release = hold(ann)
		ann.Click(`#people li[data-name="bob"] button.call:enabled`)
		ring(cat, ann)
		return release
	}
	hangUp := func() {
		ann.Click("#hang-up")
		e2e.Until[bool](ann, "the end", `window.switchboard.currentCall === null && document.querySelector("#stage").hidden`)
		wantDark(ann)
	}

	release := begin()
	ann.Click("#decline")
	cat.WantEnded("ann declined your call.")
	release()
	bob.See("#incoming")
	hangUp()

	release = begin()
	release()
	e2e.Until[bool](ann, "the word that the call waits", `document.querySelector("#progress").textContent === "Waiting…"`)
	cat.Click("#hang-up")
	bob.See("#incoming")
	hangUp()
	e2e.Until[bool](ann, "cat among the missed calls", `document.querySelector("#missed-list [data-name=cat]") !== null`)

	release = begin()
	ann.Click("#accept")
	release()
	ann.WantSound()
	cat.WantSound()
	e2e.Until[bool](ann, "the word about bob", `/bob was not called/.test(document.querySelector("#notices").textContent)`)
	if e2e.Value[bool](bob, `document.querySelector("#incoming").open`) {
		t.Error("bob is rung, although ann has taken another call")
	}
	hangUp()
	e2e.Until[bool](ann, "bob in the list, and cat not", `[...document.querySelectorAll("#missed-list li")].map((li) => li.dataset.name).join() === "bob"`)
	ann.Click(`#missed-list [data-name="bob"] .call`)
	bob.See("#incoming")
	hangUp()
}

// Whoever is called by the one whom he is about to call answers him.
func TestRingFromTheOneCalled(t *testing.T) {
	url := watchedPage(t)
	ann, bob := enterIdle(t, url, "ann", ""), enterIdle(t, url, "bob", "")
	release := hold(ann)
	ann.Click(`#people li[data-name="bob"] button.call:enabled`)
	bob.Click(`#people li[data-name="ann"] button.call:enabled`)
	e2e.Until[bool](ann, "the call", `window.switchboard.currentCall?.state === "incoming"`)
	release()
	ann.WantSound()
	bob.WantSound()
}
