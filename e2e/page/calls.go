// Package page tests the demo page in real browsers.
package page

import (
	"fmt"
	"testing"

	"switchboard/e2e"
)

// TestCalls drives two pages of the demo through calls. Each test has windows of
// its own, and the server that start starts for it.
func TestCalls(t *testing.T, start func(*testing.T) (url string)) {
	t.Run("call", func(t *testing.T) { t.Parallel(); testCall(t, start(t)) })
	t.Run("ends", func(t *testing.T) { t.Parallel(); testEnds(t, start) })
	t.Run("link", func(t *testing.T) { t.Parallel(); testLink(t, start(t)) })
	t.Run("markup in a name", func(t *testing.T) { t.Parallel(); testMarkup(t, start(t)) })
}

// twoPages returns the page of a student, who waits, and that of a teacher, who
// sees the student.
func twoPages(t *testing.T, url string) (teacher, student *e2e.Page) {
	t.Helper()
	student = e2e.Enter(t, url, "sam", "student")
	teacher = e2e.Enter(t, url, "tess", "teacher")
	return teacher, student
}

// ring presses the button beside a name, and waits for the other side to ring.
func ring(caller, callee *e2e.Page) {
	caller.T.Helper()
	caller.Click(fmt.Sprintf(`#people li[data-name=%q] button.call:enabled`, callee.Name))
	callee.See("#incoming")
	if name := e2e.Value[string](callee, `document.querySelector("#incoming-name").textContent`); name != caller.Name {
		caller.T.Errorf("%s is rung by %q, expected %s", callee.Name, name, caller.Name)
	}
}

// talk calls and accepts, and waits until both hear and see each other.
func talk(t *testing.T, caller, callee *e2e.Page) {
	t.Helper()
	ring(caller, callee)
	callee.Click("#accept")
	for _, p := range []*e2e.Page{caller, callee} {
		p.WantSound()
		p.WantPicture("#remote-video", 1)
	}
	if a, b := callID(caller), callID(callee); a == "" || a != b {
		t.Errorf("%s is in call %q, %s in %q", caller.Name, a, callee.Name, b)
	}
}

func callID(p *e2e.Page) string {
	p.T.Helper()
	return e2e.Value[string](p, `window.switchboard.callID ?? ""`)
}

func testCall(t *testing.T, url string) {
	teacher, student := twoPages(t, url)
	talk(t, teacher, student)
	id := callID(teacher)

	// A screen comes beside the camera, within the same call, from either side.
	for _, share := range []struct{ from, to *e2e.Page }{{teacher, student}, {student, teacher}} {
		share.from.Click("#share")
		share.to.WantPicture("#screen-video", 2)
		share.to.WantPicture("#remote-video", 2)
		if a, b := callID(share.from), callID(share.to); a != id || b != id {
			t.Errorf("after %s shared a screen the calls are %s and %s, expected %s", share.from.Name, a, b, id)
		}
		share.from.Click("#share")
		e2e.Until[bool](share.to, "the screen to go", `!document.querySelector("#screen-video").checkVisibility()`)
		share.to.WantPicture("#remote-video", 1)
		share.to.WantSound()
	}

	teacher.Click("#hang-up")
	student.WantEnded("tess hung up.")
	teacher.WantEnded("You hung up the call with sam.")
}

// testEnds ends a call in every way in which people do, while it rings and while
// they talk, and reads what each side is told. A tab that is closed reads nothing.
func testEnds(t *testing.T, start func(*testing.T) (url string)) {
	tests := []struct {
		name         string
		talking      bool
		end          func(caller, callee *e2e.Page)
		callerIsTold string
		calleeIsTold string
	}{
		{"callee hangs up", true, func(_, callee *e2e.Page) { callee.Click("#hang-up") },
			"sam hung up.", "You hung up the call with tess."},
		{"callee declines", false, func(_, callee *e2e.Page) { callee.Click("#decline") },
			"sam declined your call.", "You declined the call from tess."},
		{"callee closes the tab while ringing", false, func(_, callee *e2e.Page) { callee.Close() },
			"sam is gone", ""},
		{"callee closes the tab while talking", true, func(_, callee *e2e.Page) { callee.Close() },
			"sam is gone", ""},
		{"caller hangs up", true, func(caller, _ *e2e.Page) { caller.Click("#hang-up") },
			"You hung up the call with sam.", "tess hung up."},
		{"caller cancels", false, func(caller, _ *e2e.Page) { caller.Click("#hang-up") },
			"You cancelled the call to sam.", "tess cancelled the call before you answered."},
		{"caller closes the tab while ringing", false, func(caller, _ *e2e.Page) { caller.Close() },
			"", "tess is gone"},
		{"caller closes the tab while talking", true, func(caller, _ *e2e.Page) { caller.Close() },
			"", "tess is gone"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			caller, callee := twoPages(t, start(t))
			if tt.talking {
				talk(t, caller, callee)
			} else {
				ring(caller, callee)
			}
			tt.end(caller, callee)
			if tt.callerIsTold != "" {
				caller.WantEnded(tt.callerIsTold)
			}
			if tt.calleeIsTold != "" {
				callee.WantEnded(tt.calleeIsTold)
			}
		})
	}
}

// testLink opens the link that a tutor sends: one click signs in and calls.
func testLink(t *testing.T, url string) {
	callee := e2e.Enter(t, url, "sam", "student")
	caller := e2e.OpenPage(t, url+"?name=tess&role=teacher&call=sam")
	caller.Name = "tess"
	caller.Click("#sign-in")
	callee.See("#incoming")
	callee.Click("#accept")
	for _, p := range []*e2e.Page{caller, callee} {
		p.WantSound()
		p.WantPicture("#remote-video", 1)
	}
	callee.Click("#hang-up")
	caller.WantEnded("sam hung up.")
}

// testMarkup has somebody come under a name that is a piece of HTML. It is text
// wherever the page shows it.
func testMarkup(t *testing.T, url string) {
	const name = `<img src=x onerror=window.hacked=1>`
	student := e2e.Enter(t, url, "sam", "student")
	mallory := e2e.Enter(t, url, name, "teacher")
	ring(mallory, student)
	student.Click("#accept")
	student.WantSound()
	mallory.Click("#hang-up")
	student.WantEnded(name + " hung up.")
	ann := e2e.Enter(t, url, "ann", "student")
	e2e.Until[bool](ann, "the name in the list", fmt.Sprintf(
		`[...document.querySelectorAll("#people li")].some(li => li.dataset.name === %q && li.textContent.includes(%q))`, name, name))
	for _, p := range []*e2e.Page{student, mallory, ann} {
		if e2e.Value[bool](p, `window.hacked !== undefined || document.querySelector("img[src=x]") !== null`) {
			t.Errorf("on %s's page the name is markup", p.Name)
		}
	}
}
