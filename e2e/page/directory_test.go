package page

import (
	"fmt"
	"testing"

	"switchboard/e2e"
)

// names are those in the list, in its order.
const names = `[...document.querySelectorAll("#people li")].map((li) => li.dataset.name).join()`

func wantNames(p *e2e.Page, want string) {
	p.T.Helper()
	e2e.Until[bool](p, "the list "+want, fmt.Sprintf(`(window.switchboard.users(), %s === %q)`, names, want))
}

// Those who are free come first, numbers count as numbers, and what is typed finds.
func TestPeopleInOrder(t *testing.T) {
	s := e2e.Start(t, "-rate", "0")
	to := e2e.Route{URL: s.WS()}
	peers := map[string]*e2e.Peer{}
	for _, name := range []string{"ada 12", "ada 6", "bob", "zoe"} {
		peers[name] = e2e.SignIn(t, to, name, "")
	}
	ann := e2e.Enter(t, s.URL, "ann", "")
	wantNames(ann, "ada 6,ada 12,bob,zoe")
	e2e.Call(peers["ada 6"], peers["bob"])
	wantNames(ann, "ada 12,zoe,ada 6,bob")
	if !e2e.Value[bool](ann, `document.querySelector("#dial").getBoundingClientRect().bottom <= document.querySelector("#people").getBoundingClientRect().top`) {
		t.Error("the field to call by name stands below the list")
	}
	ann.Fill("#dial-name", "ADA")
	wantNames(ann, "ada 12,ada 6")
	ann.Fill("#dial-name", "x")
	wantNames(ann, "")
	wantText(ann, "#more-people", "Nobody in the list is called ADAx.")
}

// Whoever is alone is told so where he looks.
func TestAlone(t *testing.T) {
	s := e2e.Start(t)
	ann := e2e.Enter(t, s.URL, "ann", "")
	ann.See("#alone")
	if !e2e.Value[bool](ann, `document.querySelector("#alone").getBoundingClientRect().bottom <= document.querySelector("#dial").getBoundingClientRect().top`) {
		t.Error("the word that one is alone stands below the field")
	}
	e2e.SignIn(t, e2e.Route{URL: s.WS()}, "bob", "")
	wantNames(ann, "bob")
	e2e.Until[bool](ann, "the word to go", `document.querySelector("#alone").hidden`)
}

// A student learns that he can call nobody, in the server's words, which are right
// however the server is set up, and is not offered it again.
func TestForbidden(t *testing.T) {
	for _, tt := range []struct{ flag, caller, callee string }{
		{"teacher:student,teacher:-,-:-", "student", "teacher"},
		{"doctor:patient", "patient", "doctor"},
	} {
		t.Run(tt.flag, func(t *testing.T) {
			s := e2e.Start(t, "-may-call", tt.flag)
			e2e.SignIn(t, e2e.Route{URL: s.WS()}, "tess", tt.callee)
			sam := e2e.Enter(t, s.URL, "sam", tt.caller)
			sam.Click(`#people li[data-name="tess"] .call`)
			sam.WantEnded(fmt.Sprintf("You may not call tess. A %s may not call a %s.", tt.caller, tt.callee))
			sam.See("#waits")
			e2e.Until[bool](sam, "the buttons to go", `!document.querySelector("#people .call").checkVisibility() && !document.querySelector("#dial-call").checkVisibility()`)
		})
	}
}

// A call that was missed is kept, and not only told until the next sentence.
func TestMissedCalls(t *testing.T) {
	url := e2e.Start(t).URL
	ann, bob, cat := e2e.Enter(t, url, "ann", ""), e2e.Enter(t, url, "bob", ""), e2e.Enter(t, url, "cat", "")
	miss := func(caller *e2e.Page) {
		ring(caller, ann)
		caller.Click("#hang-up")
		ann.WantEnded(caller.Name + " cancelled the call")
	}
	miss(bob)
	miss(cat)
	miss(bob)
	list := `[...document.querySelectorAll("#missed-list li")].map((li) => li.dataset.name + (li.textContent.includes("2 times") ? " twice" : "")).join()`
	e2e.Until[bool](ann, "the missed calls", list+` === "bob twice,cat"`)

	// What is declined is not missed, and what is talked over is done with.
	ring(cat, ann)
	ann.Click("#decline")
	ann.WantEnded("You declined")
	ann.Click(`#missed-list li[data-name="bob"] .call`)
	bob.See("#incoming")
	bob.Click("#accept")
	ann.WantSound()
	ann.Click("#hang-up")
	ann.WantEnded("You hung up")
	e2e.Until[bool](ann, "the missed call", list+` === "cat"`)
	ann.Click("#clear-missed")
	e2e.Until[bool](ann, "the list to go", `document.querySelector("#missed").hidden`)
}

// What is wrong with a field stands below it, and takes the focus there.
func TestSignInErrors(t *testing.T) {
	s := e2e.Start(t)
	e2e.SignIn(t, e2e.Route{URL: s.WS()}, "ann", "")
	tests := []struct{ name, role, field, want string }{
		{"ann", "", "name", "Somebody is signed in under this name already."},
		{"a\u2067b", "", "name", "characters that cannot be seen: U+2067."},
		{"zoe", "doctor", "role", "There is no role doctor."},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			p := open(t, s.URL, tt.name)
			e2e.Value[bool](p, fmt.Sprintf(`(document.querySelector("#name").value = %q, document.querySelector("#role").value = %q, true)`, tt.name, tt.role))
			p.Click("#sign-in")
			wantText(p, "#"+tt.field+"-error", tt.want)
			if !e2e.Value[bool](p, fmt.Sprintf(`(field => document.activeElement === field && field.getAttribute("aria-invalid") === "true"
				&& field.getAttribute("aria-describedby").split(" ").includes(field.id + "-error"))(document.querySelector(%q))`, "#"+tt.field)) {
				t.Errorf("the field %s is not marked, or has no focus", tt.field)
			}
			p.Fill("#"+tt.field, "2")
			e2e.Until[bool](p, "the error to go", fmt.Sprintf(
				`document.querySelector("#%s-error").textContent === "" && !document.querySelector("#%s").hasAttribute("aria-invalid")`, tt.field, tt.field))
		})
	}
}

// The role that is chosen is the one that is pressed, however it was chosen.
func TestRoleChips(t *testing.T) {
	p := open(t, e2e.Start(t).URL, "ann")
	pressed := func(want string) {
		t.Helper()
		e2e.Until[bool](p, "the chosen role "+want, fmt.Sprintf(
			`[...document.querySelectorAll("[data-role][aria-pressed=true]")].map((chip) => chip.dataset.role).join() === %q`, want))
	}
	pressed("")
	p.Click(`[data-role="teacher"]`)
	pressed("teacher")
	p.Fill("#role", "x")
	e2e.Until[bool](p, "no chosen role", `document.querySelector("[data-role][aria-pressed=true]") === null`)
}

// A name is itself, whatever it is made of: it keeps its direction, stands once in the
// page's head however long it is, and has a sign of its own for a picture.
func TestNamesAreShown(t *testing.T) {
	s := e2e.Start(t)
	hebrew := "\u05d3\u05e0\u05d4"
	dana := e2e.SignIn(t, e2e.Route{URL: s.WS()}, hebrew, "")
	e2e.SignIn(t, e2e.Route{URL: s.WS()}, "\U0001F98A", "")
	long := "wolfeschlegelsteinhausenbergerdorff-maximiliane-von-und-zu-hohen"
	ann := e2e.Enter(t, s.URL, long, "")
	e2e.Until[bool](ann, "the fox", `[...document.querySelectorAll("#people .avatar")].some((a) => a.textContent === "\u{1F98A}")`)
	if got := e2e.Value[int](ann, fmt.Sprintf(`document.querySelector("header").innerText.split(%q).length - 1`, long)); got != 1 {
		t.Errorf("the name stands %d times in the head", got)
	}
	if !e2e.Value[bool](ann, `(status => status.scrollHeight <= status.clientHeight + 2 && document.documentElement.scrollWidth <= innerWidth)(document.querySelector("#status"))`) {
		t.Error("a long name wraps, or widens the page")
	}
	ann.Click(fmt.Sprintf(`#people li[data-name="%s"] .call`, hebrew))
	dana.Want("offer")
	dana.Send(e2e.Message{"type": "leave", "reason": "declined"})
	ann.WantEnded(hebrew + " declined your call.")
	for _, selector := range []string{"#ended", "#status", "#people .name"} {
		if !e2e.Value[bool](ann, fmt.Sprintf(`document.querySelector("%s bdi") !== null`, selector)) {
			t.Errorf("the name in %s is not kept apart from the sentence", selector)
		}
	}
}

// On a phone the form comes first, and its button can be seen at once.
func TestFormFirstOnPhones(t *testing.T) {
	p := open(t, e2e.Start(t).URL, "ann")
	if e2e.Value[string](p, `document.querySelector("meta[name=description]")?.content ?? ""`) == "" {
		t.Error("the page has no description for those who search")
	}
	for _, size := range windows[:2] {
		resize(p, size)
		if !e2e.Value[bool](p, inSight("#sign-in")) {
			t.Errorf("at %dx%d the button to sign in is not in sight", size[0], size[1])
		}
	}
}
