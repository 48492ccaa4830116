package page

import (
	"fmt"
	"strings"
	"testing"

	"github.com/chromedp/chromedp"
	"switchboard/e2e"
)

// windows are sizes of phones, upright and on their side, and of a desktop at twice the size.
var windows = [][2]int64{{320, 568}, {390, 844}, {844, 390}, {640, 400}, {1280, 800}}

// inSight says whether a button is wholly in the window and nothing lies over it.
func inSight(selector string) string {
	return fmt.Sprintf(`(button => {
		const { left, top, right, bottom } = button.getBoundingClientRect();
		const there = document.elementFromPoint((left + right) / 2, (top + bottom) / 2);
		return left >= 0 && top >= 0 && right <= innerWidth && bottom <= innerHeight && button.contains(there)
			&& document.documentElement.scrollWidth <= innerWidth;
	})(document.querySelector(%q))`, selector)
}

func resize(p *e2e.Page, size [2]int64) {
	p.T.Helper()
	p.Do("resize", chromedp.EmulateViewport(size[0], size[1]))
	e2e.Until[bool](p, "the new size", fmt.Sprintf(`innerWidth === %d && innerHeight === %d`, size[0], size[1]))
}

// wantInSight looks at the buttons of a call in windows of all sizes.
func wantInSight(p *e2e.Page, when string) {
	p.T.Helper()
	for _, size := range windows {
		resize(p, size)
		for _, button := range []string{"#hang-up", "#mute", "#camera", "#share"} {
			if !e2e.Value[bool](p, inSight(button)) {
				p.T.Errorf("%s: at %dx%d %s is not in sight", when, size[0], size[1], button)
			}
		}
	}
}

// The controls of a call are in sight at once, whatever the window's size, the names
// and the warnings.
func TestControlsInSight(t *testing.T) {
	url := e2e.Start(t).URL
	long := strings.Repeat("Maximiliane ", 5) + "Hohe"
	ann, bob := e2e.Enter(t, url, "ann", ""), e2e.Enter(t, url, long, "")
	noCamera := `navigator.mediaDevices.getUserMedia = () => Promise.reject(new DOMException("none", "NotFoundError"))`
	e2e.Value[bool](ann, `(`+noCamera+`, true)`) // so that there is a warning
	ann.Click(`#people button.call:enabled`)
	bob.See("#incoming")
	wantInSight(ann, "while it rings")
	bob.Click("#accept")
	ann.WantSound()
	ann.See("ul#notices > li:not([role]) > [role=alert]")
	wantInSight(ann, "in a call, with a warning")
	for _, size := range windows {
		resize(ann, size)
		if !e2e.Value[bool](ann, `(notice => { const caption = document.querySelector(".caption").getBoundingClientRect();
			return notice.getBoundingClientRect().top >= caption.bottom - 1; })(document.querySelector("#notices"))`) {
			t.Errorf("at %dx%d the warning lies over the caption", size[0], size[1])
		}
	}
	bob.Click("#share")
	ann.WantPicture("#screen-video", 2)
	wantInSight(ann, "with a shared screen")
	for _, size := range windows {
		resize(ann, size)
		if !e2e.Value[bool](ann, `(screen => ["caption", "controls", "self"].every((name) => {
			const over = document.querySelector("." + name).getBoundingClientRect();
			return over.bottom <= screen.top + 1 || over.top >= screen.bottom - 1 || over.left >= screen.right - 1;
		}))(document.querySelector(".shared").getBoundingClientRect())`) {
			t.Errorf("at %dx%d something covers the shared screen", size[0], size[1])
		}
	}
}

// Whoever is called sees at once how to answer, whatever the caller's name, and no
// button's word is broken.
func TestAnswerInSight(t *testing.T) {
	url := e2e.Start(t).URL
	long := strings.Repeat("Maximiliane ", 5) + "Hohe"
	caller, callee := e2e.Enter(t, url, long, ""), e2e.Enter(t, url, "bob", "")
	caller.Click(`#people button.call:enabled`)
	callee.See("#incoming")
	for _, size := range windows {
		resize(callee, size)
		for _, button := range []string{"#accept", "#decline"} {
			if !e2e.Value[bool](callee, inSight(button)) {
				t.Errorf("at %dx%d %s is not in sight", size[0], size[1], button)
			}
			if !e2e.Value[bool](callee, fmt.Sprintf(`(button => { const word = document.createRange();
				word.selectNodeContents(button.lastChild); return word.getClientRects().length === 1;
			})(document.querySelector(%q))`, button)) {
				t.Errorf("at %dx%d the word on %s is broken", size[0], size[1], button)
			}
		}
	}
}

// A button says what a click does. What is off is marked, and all three alike.
func TestControlsSayWhatTheyDo(t *testing.T) {
	url := e2e.Start(t).URL
	ann, bob := e2e.Enter(t, url, "ann", ""), e2e.Enter(t, url, "bob", "")
	talk(t, ann, bob)
	tests := []struct{ button, on, off string }{
		{"#mute", "Mute", "Unmute"},
		{"#camera", "Stop camera", "Start camera"},
		{"#share", "Stop sharing", "Share screen"},
	}
	ann.Click("#share")
	for _, tt := range tests {
		wantLabel(ann, tt.button, tt.on)
		marked := fmt.Sprintf(`document.querySelector(%q).classList.contains("is-off")`, tt.button)
		if e2e.Value[bool](ann, marked) {
			t.Errorf("%s is marked as off, and is on", tt.button)
		}
		ann.Click(tt.button)
		wantLabel(ann, tt.button, tt.off)
		if tt.button != "#share" && !e2e.Value[bool](ann, marked) { // not to share is no warning
			t.Errorf("%s is off, and not marked", tt.button)
		}
		ann.Click(tt.button)
		wantLabel(ann, tt.button, tt.on)
	}
}

// The tab's title says what the page is about, a key hangs up, and so does the system's.
func TestTitleAndKeys(t *testing.T) {
	url := e2e.Start(t).URL
	ann, bob := e2e.Enter(t, url, "ann", ""), e2e.Enter(t, url, "bob", "")
	wantTitle := func(p *e2e.Page, words string) {
		t.Helper()
		e2e.Until[bool](p, "the title "+words, fmt.Sprintf(`document.title.includes(%q)`, words))
	}
	for _, p := range []*e2e.Page{ann, bob} {
		wantTitle(p, "Signed in as "+p.Name)
		e2e.Value[bool](p, `(navigator.mediaSession.setActionHandler = (action, act) => { window[action] = act; },
			navigator.vibrate = (pattern) => { window.buzz = pattern; },
			navigator.wakeLock.request = async (kind) => { window.locks = (window.locks ?? 0) + 1; return { release() { window.locks--; } }; }, true)`)
	}
	ring(bob, ann)
	wantTitle(ann, "bob is calling")
	wantTitle(bob, "Ringing ann…") // nobody has said that it rings, but nothing was refused
	wantText(bob, "#progress", "Ringing…")
	e2e.Until[bool](ann, "the buzz", `Array.isArray(window.buzz)`)
	ann.Click("#accept")
	ann.WantSound()
	wantTitle(ann, "In a call with bob")
	e2e.Until[bool](ann, "the screen to be kept on", `window.locks === 1`)
	ann.Do("press the key", chromedp.KeyEvent("H", chromedp.KeyModifiers(chromedp.ModifierCtrl, chromedp.ModifierShift)))
	ann.WantEnded("You hung up the call with bob.")
	e2e.Until[bool](ann, "the screen to be let go", `window.locks === 0`)
	wantTitle(ann, "Signed in as ann")

	talk(t, ann, bob)
	e2e.Value[bool](ann, `(hangup(), true)`)
	ann.WantEnded("You hung up the call with bob.")
	e2e.Until[bool](ann, "the key to be given back", `window.hangup === null`)

	ring(bob, ann)
	bob.Click("#hang-up")
	wantTitle(ann, "(1 missed)")
}

// Escape silences. It declines nothing, however often it is pressed.
func TestEscapeSilences(t *testing.T) {
	url := e2e.Start(t).URL
	ann, bob := e2e.Enter(t, url, "ann", ""), e2e.Enter(t, url, "bob", "")
	e2e.Value[bool](ann, `(window.outputs = 0, AudioNode.prototype.disconnect = new Proxy(AudioNode.prototype.disconnect, {
		apply(act, self, args) { window.outputs++; return Reflect.apply(act, self, args); } }), true)`)
	ring(bob, ann)
	before := e2e.Value[int](ann, `window.outputs`)
	for range 3 {
		ann.Do("press Escape", chromedp.KeyEvent("\x1b"))
	}
	e2e.Until[bool](ann, "silence", fmt.Sprintf(`window.outputs > %d`, before))
	// A browser may close a dialog at a second Escape, whatever the page says to that.
	e2e.Value[bool](ann, `(document.querySelector("#incoming").close(), true)`)
	ann.See("#incoming")
	ann.Click("#accept")
	ann.WantSound()
	bob.WantSound()
}

// A room that is called is not shown as a person of that name.
func TestRoomIsCalledARoom(t *testing.T) {
	s := e2e.Start(t)
	member := e2e.Connect(t, e2e.Route{URL: s.WS()})
	member.Send(e2e.Message{"type": "join", "room": 1234})
	member.Want("room_users")
	ann := e2e.Enter(t, s.URL, "ann", "")
	ann.Fill("#dial-name", "1234")
	wantText(ann, "#more-people", "Nobody in the list is called 1234.")
	ann.Click("#dial-call")
	offer := member.Want("getOffer")
	if offer["name"] != "ann" {
		t.Errorf("the room hears %v", offer)
	}
	member.Send(e2e.Message{"type": "answer", "answer": e2e.Message{"type": "answer", "sdp": "v=0"}})
	ann.WantEnded("The call to room 1234 failed.") // that was no answer a browser could use
}
