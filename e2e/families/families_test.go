package families

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/chromedp/chromedp"

	"switchboard/e2e"
)

// A family is a kind of page, told apart by the words that it speaks. Those of
// testdata/pages do what the pages do that people have, with all their habits.
type family struct {
	file  string // in testdata/pages; "" for the demo page
	query string
	role  string // on the demo page

	// What the page says of itself: when it can be called or call, when it has
	// ended a call, and when the other side has.
	ready, ended, told string
}

var (
	demo        = family{}
	demoTeacher = family{role: "teacher"}
	tutorial    = family{file: "tutorial.html", ready: "ready", ended: "over", told: "over"}
	lotas       = family{file: "lotas.html", ready: "waiting", ended: "waiting: call ended", told: "waiting: call ended"}
	teacher     = classroom("teacher")
	student     = classroom("student")
	roomPage    = family{file: "room.html", query: "room=1234", ready: "joined: "}

	// As callee the first makes an offer of its own, for a media server; the
	// other answers the one that it is given.
	kurentoMedia = family{file: "kurento.html", ready: "registered", ended: "no call: call ended", told: "no call: call ended"}
	kurento      = kurentoMedia.with("callee=answers")
)

func classroom(role string) family {
	return family{file: "classroom.html", query: "role=" + role, ready: "ready", ended: "ready: ended here", told: "ready: hangup"}
}

// usesSocketIO reports whether the page loads a client of its own.
func (f family) usesSocketIO() bool { return f.file == "classroom.html" || f.file == "room.html" }

// with returns the family with more in its pages' query.
func (f family) with(query string) family {
	f.query += "&" + query
	return f
}

// familyPages is a folder with the pages and the client that some of them load.
func familyPages(t *testing.T, client string) string {
	t.Helper()
	dir := t.TempDir()
	if err := os.CopyFS(dir, os.DirFS("testdata/pages")); err != nil {
		t.Fatal(err)
	}
	if client == "" {
		return dir
	}
	const file = "socket.io.esm.min.js"
	script, err := os.ReadFile(filepath.Join(e2e.NodePackage(t, client), "dist", file))
	if err == nil {
		err = os.WriteFile(filepath.Join(dir, file), script, 0o600)
	}
	if err != nil {
		t.Fatal(err)
	}
	return dir
}

// A guest is somebody before a page of some family.
type guest struct {
	*e2e.Page
	family
	peer string // whom the page calls
}

// A site is a server and where the families' pages come from.
type site struct {
	server *e2e.Server
	pages  string // base URL
}

// ownSite has the server itself serve the pages, in place of the demo.
func ownSite(t *testing.T, client string) site {
	t.Helper()
	s := e2e.Start(t, "-static", familyPages(t, client), "-log-level", "debug")
	return site{server: s, pages: s.URL}
}

// foreignSite has the pages come from another port, which the server allows.
func foreignSite(t *testing.T, client string) site {
	t.Helper()
	elsewhere := httptest.NewServer(http.FileServer(http.Dir(familyPages(t, client))))
	t.Cleanup(elsewhere.Close)
	return site{server: e2e.Start(t, "-origins", elsewhere.URL, "-log-level", "debug"), pages: elsewhere.URL + "/"}
}

// welcome opens a page and waits until it is ready for calls.
func (s site) welcome(t *testing.T, f family, name, peer string) guest {
	t.Helper()
	if f.file == "" {
		return guest{Page: e2e.Enter(t, s.server.URL, name, f.role), peer: peer}
	}
	g := s.open(t, f, name, peer)
	g.wantReady()
	return g
}

// open loads the page of a family.
func (s site) open(t *testing.T, f family, name, peer string) guest {
	t.Helper()
	query := url.Values{"name": {name}, "peer": {peer}}
	if !strings.HasPrefix(s.pages, s.server.URL) {
		query.Set("server", strings.Trim(strings.TrimPrefix(s.server.URL, "http:"), "/"))
	}
	g := guest{Page: e2e.OpenPage(t, s.pages+f.file+"?"+query.Encode()+"&"+f.query), family: f, peer: peer}
	g.Page.Name = name
	t.Cleanup(g.logFrames)
	return g
}

// logFrames shows what a page has said and heard in a test that failed.
func (g guest) logFrames() {
	if !g.T.Failed() || g.Ctx.Err() != nil {
		return
	}
	frames, err := chromedp.Run(g.Ctx, chromedp.Evaluate[[]string](
		`state.frames.map(frame => frame.length > 300 ? frame.slice(0, 300) + "..." : frame)`))
	g.T.Logf("%s, %s: %v\n%s", g.Page.Name, g.file, err, strings.Join(frames, "\n"))
}

func (g guest) wantStatus(status string) {
	g.T.Helper()
	e2e.Until[bool](g.Page, fmt.Sprintf("the status %q", status), fmt.Sprintf(
		`document.querySelector("#status").textContent === %q`, status))
}

// wantReady waits until the page may call and be called. A page alone in its
// room has made an offer to nobody, whose last candidate has to be out: it
// would be of no use to whoever comes.
func (g guest) wantReady() {
	g.T.Helper()
	if g.file != roomPage.file {
		g.wantStatus(g.ready)
		return
	}
	e2e.Until[bool](g.Page, "the room", fmt.Sprintf(
		`document.querySelector("#status").textContent.startsWith(%q) && state.pc.iceGatheringState === "complete"`, g.ready))
}

// dial calls the guest's peer.
func (g guest) dial(callee guest) {
	g.T.Helper()
	switch {
	case g.file != "":
		g.Click("#call")
	case callee.file == roomPage.file: // is not in the list
		g.Fill("#dial-name", g.peer)
		g.Click("#dial-call")
	default:
		g.Click(fmt.Sprintf(`#people li[data-name=%q] button.call:enabled`, g.peer))
	}
	if callee.file == "" {
		callee.See("#incoming")
		callee.Click("#accept")
	}
}

// wantTalk waits until both hear and see each other.
func wantTalk(guests ...guest) {
	for _, g := range guests {
		g.T.Helper()
		g.WantSound()
		if e2e.Value[bool](g.Page, `document.querySelector("#remote-video").checkVisibility()`) {
			g.WantPicture("#remote-video", 1)
		} else {
			g.WantStreams("video", "framesDecoded", 1)
		}
	}
}

// party is how the demo page speaks of the other side: it tells a room from a person.
func (g guest) party(other guest) string {
	if other.file == roomPage.file {
		return "room " + g.peer
	}
	return g.peer
}

// hangUp ends the call between two, each of whom has to come to know.
func (g guest) hangUp(other guest) {
	g.T.Helper()
	if g.file == roomPage.file {
		g.Close() // there is no other way out
	} else {
		g.Click("#hang-up")
		g.wantOver(g.ended, "You hung up the call with "+g.party(other))
	}
	other.wantOver(other.told, other.peer+" hung up.")
}

func (g guest) wantOver(status, demoWords string) {
	g.T.Helper()
	switch g.file {
	case "":
		g.WantEnded(demoWords)
	case roomPage.file:
		g.wantHeard("user_exit")
	default:
		g.wantStatus(status)
	}
}

// wantHeard waits until a page has heard an event once, which it need not show.
func (g guest) wantHeard(event string) {
	g.T.Helper()
	e2e.Until[bool](g.Page, event, fmt.Sprintf(
		`state.frames.filter(frame => frame.split(" ", 2).join(" ") === "< %s").length === 1`, event))
}

// Every family's page calls another one of its own, without a change, on a
// server that serves it. Where the page can do that, it calls again, the other
// way round if roles allow it.
func TestFamilies(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name           string
		caller, callee family
		client         string
		again          func(caller, callee guest)
	}{
		{"tutorial", tutorial, tutorial, "", func(caller, callee guest) {
			caller.reload()
			callee.reload()
			callee.dial(caller)
		}},
		{"lotas", lotas, lotas, "", func(caller, callee guest) { callee.dial(caller) }},
		{"kurento", kurento, kurento, "", func(caller, callee guest) { callee.dial(caller) }},
		{"classroom", teacher, student, e2e.SocketIOClients[0], func(caller, callee guest) { caller.dial(callee) }},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			s := ownSite(t, tt.client)
			callee := s.welcome(t, tt.callee, "bob", "ann")
			caller := s.welcome(t, tt.caller, "ann", "bob")
			caller.dial(callee)
			wantTalk(caller, callee)
			caller.hangUp(callee)

			tt.again(caller, callee)
			wantTalk(caller, callee)
			callee.hangUp(caller)
		})
	}
}

// reload is what some pages need after each call.
func (g guest) reload() {
	g.T.Helper()
	g.Do("load again", chromedp.Reload())
	g.wantReady()
}

// Two meet in a room. Whoever comes last makes the offer that counts; how the
// one and the other connect does not matter, nor how they write the number.
func TestFamiliesRoom(t *testing.T) {
	t.Parallel()
	for _, client := range e2e.SocketIOClients {
		t.Run(client, func(t *testing.T) {
			t.Parallel()
			s := ownSite(t, client)
			first := s.welcome(t, roomPage, "ann", "")
			second := s.welcome(t, roomPage.with("options=default&number"), "bob", "")
			second.wantStatus("joined: ann")
			wantTalk(first, second)
			s.open(t, roomPage, "cyd", "").wantHeard("room_full")
			wantTalk(first, second)
			second.hangUp(first)
		})
	}
}

// A page of any family calls a page of another, from wherever the pages come.
func TestFamiliesAcross(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name           string
		caller, callee family
		calleeEnds     bool
	}{
		{"demo to tutorial", demo, tutorial, true},
		{"demo to lotas", demoTeacher, lotas, false},
		{"demo to student", demoTeacher, student, true},
		{"demo to kurento", demo, kurento, false},
		{"demo to room", demo, roomPage, false},
		{"tutorial to demo", tutorial, demo, false},
		{"tutorial to lotas", tutorial, lotas, false},
		{"tutorial to room", tutorial, roomPage, true},
		{"lotas to demo", lotas, demo, true},
		{"lotas to tutorial", lotas, tutorial, false},
		{"lotas to kurento", lotas, kurento, true},
		{"kurento to demo", kurentoMedia, demo, false},
		{"kurento to tutorial", kurentoMedia, tutorial, true},
		{"kurento to lotas", kurentoMedia, lotas, false},
		{"demo teacher to tutorial", demoTeacher, tutorial, false},
		{"teacher to tutorial", teacher, tutorial, true},
		{"teacher to lotas", teacher, lotas, true},
		{"teacher to room", teacher, roomPage, false},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			client := ""
			if tt.caller.usesSocketIO() || tt.callee.usesSocketIO() {
				client = e2e.SocketIOClients[1]
			}
			s := foreignSite(t, client)
			name := "bob"
			if tt.callee.file == roomPage.file {
				name = "1234" // a room is called by its own name
			}
			callee := s.welcome(t, tt.callee, name, "ann")
			caller := s.welcome(t, tt.caller, "ann", name)
			caller.dial(callee)
			wantTalk(caller, callee)
			if tt.calleeEnds {
				callee.hangUp(caller)
			} else {
				caller.hangUp(callee)
			}
		})
	}
}

// Whoever calls somebody who is not there is told, or at least not led astray:
// once they have come, the same page calls them.
func TestFamiliesRefused(t *testing.T) {
	t.Parallel()
	status := func(pattern string) string {
		return fmt.Sprintf(`/%s/.test(document.querySelector("#status").textContent)`, pattern)
	}
	tests := []struct {
		name           string
		caller, callee family
		client         string
		refused        string
	}{
		{"tutorial", tutorial, tutorial, "", `state.frames.some(frame => frame.startsWith('< {"type":"error","code":"no-such-user"'))`},
		{"lotas", lotas, lotas, "", status("^waiting: .*bob")},
		{"kurento", kurento, kurento, "", status("^no call: .*bob")},
		{"classroom", teacher, student, e2e.SocketIOClients[1], status("^ready: no-such-user$")},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			s := ownSite(t, tt.client)
			caller := s.welcome(t, tt.caller, "ann", "bob")
			caller.dial(guest{family: tt.callee})
			e2e.Until[bool](caller.Page, "the refusal", tt.refused)
			callee := s.welcome(t, tt.callee, "bob", "ann")
			caller.dial(callee)
			wantTalk(caller, callee)
			caller.hangUp(callee)
		})
	}
}

// A page that answers an offer with an offer needs a media server. There is none
// here, and both sides are told so instead of waiting for ever.
func TestFamiliesMediaServerPage(t *testing.T) {
	t.Parallel()
	s := foreignSite(t, "")
	callee := s.welcome(t, kurentoMedia, "bob", "ann")
	caller := s.welcome(t, demo, "ann", "bob")
	caller.Click(`#people li[data-name="bob"] button.call:enabled`)
	caller.WantEnded("bob ended the call, because no connection")
	e2e.Until[bool](callee.Page, "the reason", `/^no call: .*answer.*offer.*media server/.test(document.querySelector("#status").textContent)`)
}
