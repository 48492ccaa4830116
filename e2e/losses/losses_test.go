// Package losses tests that calls outlive the connection to the server, and the server.
package losses

import (
	"cmp"
	"fmt"
	"strings"
	"syscall"
	"testing"
	"time"

	"switchboard/e2e"
)

const cutTime = 10 * time.Second

// enter opens the page of somebody, and notes what it hears of and which tracks it opens.
func enter(t *testing.T, url, name string) *e2e.Page {
	t.Helper()
	return enterAs(t, url, name, "")
}

func enterAs(t *testing.T, url, name, role string) *e2e.Page {
	t.Helper()
	p := e2e.Enter(t, url, name, role)
	p.Forgive("WebSocket connection to", "Failed to load resource") // what browsers say of a server that is away
	e2e.Value[bool](p, `(() => {
		window.told = [];
		for (const event of ["resuming", "resumed", "detached", "attached", "ended", "incoming"]) {
			switchboard.addEventListener(event, () => told.push(event));
		}
		window.tracks = [];
		const open = navigator.mediaDevices.getUserMedia.bind(navigator.mediaDevices);
		navigator.mediaDevices.getUserMedia = async (wanted) => {
			const media = await open(wanted);
			tracks.push(...media.getTracks());
			return media;
		};
		return true;
	})()`)
	return p
}

// ring has one call the other.
func ring(caller, callee *e2e.Page) {
	caller.T.Helper()
	caller.Click(fmt.Sprintf(`#people li[data-name=%q] button.call:enabled`, callee.Name))
	callee.See("#incoming")
}

func talk(pages ...*e2e.Page) {
	for _, p := range pages {
		p.T.Helper()
		p.WantSound()
		p.WantPicture("#remote-video", 1)
	}
}

func callID(p *e2e.Page) string {
	p.T.Helper()
	return e2e.Value[string](p, `switchboard.callID ?? ""`)
}

// wantOneCall waits until both are in the same call for the server, too, and returns its id.
func wantOneCall(a, b *e2e.Page) string {
	a.T.Helper()
	id := ""
	e2e.Eventually(a.T, "one call", func() bool {
		id = callID(a)
		return id != "" && id == callID(b)
	})
	return id
}

func wantTold(p *e2e.Page, event string) {
	p.T.Helper()
	e2e.Until[bool](p, event, fmt.Sprintf(`told.includes(%q)`, event))
}

// wantNotTold checks that nothing of the kind has been told.
func wantNotTold(p *e2e.Page, events ...string) {
	p.T.Helper()
	told := e2e.Value[[]string](p, `told`)
	for _, event := range events {
		if strings.Contains(fmt.Sprint(told), event) {
			p.T.Errorf("%s's page has told %v", p.Name, told)
		}
	}
}

// hangUp ends the call on one side, and waits until the other has heard, and all devices are off.
func hangUp(from, to *e2e.Page) {
	from.T.Helper()
	from.Click("#hang-up")
	from.WantEnded("You hung up")
	to.WantEnded(from.Name + " hung up.")
	for _, p := range []*e2e.Page{from, to} {
		e2e.Until[bool](p, "the camera to be off", `tracks.length > 1 && tracks.every((track) => track.readyState === "ended")`)
	}
}

func caption(p *e2e.Page, words string) {
	p.T.Helper()
	e2e.Until[bool](p, "the caption "+words, fmt.Sprintf(`document.querySelector("#progress").textContent.includes(%q)`, words))
}

// The network of one side is away for ten seconds: what was said meanwhile is heard, and
// the call is the one that it was.
func TestNetworkCut(t *testing.T) {
	e2e.Chromium(t)
	for _, who := range []string{"caller", "callee"} {
		t.Run("of the "+who+" in a call", func(t *testing.T) {
			t.Parallel()
			caller, callee, cut := throughProxy(t, who)
			ring(caller, callee)
			callee.Click("#accept")
			talk(caller, callee)
			id := wantOneCall(caller, callee)
			lost, other := sides(who, caller, callee)
			begun := time.Now()
			cut.cut()
			cut.sever()
			wantTold(lost, "resuming")
			caption(lost, "No connection to the server; the call goes on")
			e2e.Value[bool](lost, `(document.querySelector("#camera").click(), true)`) // a change that has to wait
			for time.Since(begun) < cutTime {
				talk(lost)
			}
			cut.mend()
			wantTold(lost, "resumed")
			e2e.Until[bool](other, "the picture to go", `!document.querySelector("#remote-video").checkVisibility({ visibilityProperty: true })`)
			if got := wantOneCall(caller, callee); got != id {
				t.Errorf("the call was %s, and is %s", id, got)
			}
			wantNotTold(lost, "detached", "ended")
			wantNotTold(other, "resuming", "detached", "ended")
			hangUp(lost, other)
		})
		t.Run("of the "+who+" while it rings", func(t *testing.T) {
			t.Parallel()
			caller, callee, cut := throughProxy(t, who)
			ring(caller, callee)
			lost, _ := sides(who, caller, callee)
			begun := time.Now()
			cut.cut()
			cut.sever()
			wantTold(lost, "resuming")
			callee.Click("#accept")
			e2e.Until[bool](lost, "the time", fmt.Sprintf(`new Promise((done) => setTimeout(() => done(true), %d))`, (cutTime-time.Since(begun)).Milliseconds()))
			cut.mend()
			talk(caller, callee)
			wantOneCall(caller, callee)
			wantNotTold(caller, "detached", "ended")
			wantNotTold(callee, "detached", "ended")
			hangUp(caller, callee)
		})
	}
}

// A network that passes nothing on and tells nobody is noticed, and the call goes on by another.
func TestSilentNetwork(t *testing.T) {
	t.Parallel()
	e2e.Chromium(t)
	caller, callee, cut := throughProxy(t, "caller")
	ring(caller, callee)
	callee.Click("#accept")
	talk(caller, callee)
	id := wantOneCall(caller, callee)
	cut.cut()
	wantTold(caller, "resuming")
	cut.mend()
	wantTold(caller, "resumed")
	if got := wantOneCall(caller, callee); got != id {
		t.Errorf("the call was %s, and is %s", id, got)
	}
	talk(caller, callee)
	hangUp(callee, caller)
}

// throughProxy opens two pages, and that of one of the two through a network that can be cut.
func throughProxy(t *testing.T, who string, flags ...string) (caller, callee *e2e.Page, network *proxy) {
	t.Helper()
	s := e2e.Start(t, flags...)
	network = startProxy(t, s.URL)
	url := map[bool]string{true: network.url, false: s.URL}
	callee = enter(t, url[who == "callee"], "bob")
	caller = enter(t, url[who == "caller"], "ann")
	return caller, callee, network
}

// sides returns the page of the one who loses the connection, and that of the other.
func sides(who string, caller, callee *e2e.Page) (lost, other *e2e.Page) {
	if who == "caller" {
		return caller, callee
	}
	return callee, caller
}

// One side comes back when the server has given it up.
func TestTooLate(t *testing.T) {
	e2e.Chromium(t)
	for _, who := range []string{"caller", "callee"} {
		t.Run(who, func(t *testing.T) {
			t.Parallel()
			caller, callee, cut := throughProxy(t, who, "-resume-window", "1s")
			ring(caller, callee)
			callee.Click("#accept")
			talk(caller, callee)
			id := wantOneCall(caller, callee)
			lost, other := sides(who, caller, callee)
			cut.cut()
			cut.sever()
			wantTold(other, "detached")
			caption(other, "The other side has no connection to the server; the call goes on")
			talk(caller, callee)
			cut.mend()
			wantTold(caller, "attached")
			wantTold(callee, "attached")
			if got := wantOneCall(caller, callee); got == id {
				t.Errorf("the call is %s still", id)
			}
			talk(caller, callee)
			wantNotTold(caller, "ended", "incoming")
			wantNotTold(callee, "ended")
			hangUp(lost, other)
		})
	}
}

// kill ends a server as a crash does.
func kill(s *e2e.Server) {
	s.Abandon()
	s.Signal(syscall.SIGKILL)
	<-s.Exited
}

// again starts a server where another was.
func again(t *testing.T, s *e2e.Server) {
	t.Helper()
	next := e2e.Launch(t, nil, "-listen", strings.TrimSuffix(strings.TrimPrefix(s.URL, "http://"), "/"))
	next.URL = s.URL
	next.WaitReady()
}

// A server that crashes or is restarted in a call ends nothing, and the next one knows of
// the call again.
func TestServerAnew(t *testing.T) {
	e2e.Chromium(t)
	tests := []struct {
		name                   string
		end                    func(*e2e.Server)
		callerRole, calleeRole string
		calleeHangsUp          bool
		window                 string // for which a page waits for its session, if the server is away for longer
	}{
		{"killed, and the caller hangs up", kill, "", "", false, ""},
		{"killed, and the callee hangs up", kill, "teacher", "student", true, ""},
		{"restarted, and the caller hangs up", (*e2e.Server).Stop, "teacher", "student", false, ""},
		{"restarted, and the callee hangs up", (*e2e.Server).Stop, "", "", true, ""},
		{"away for long", kill, "", "", false, "1s"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			s := e2e.Start(t, "-resume-window", cmp.Or(tt.window, "30s"))
			callee, caller := enterAs(t, s.URL, "bob", tt.calleeRole), enterAs(t, s.URL, "ann", tt.callerRole)
			ring(caller, callee)
			callee.Click("#accept")
			talk(caller, callee)
			id := wantOneCall(caller, callee)
			tt.end(s)
			for _, p := range []*e2e.Page{caller, callee} {
				caption(p, "No connection to the server; the call goes on")
			}
			if tt.window != "" {
				wantTold(caller, "detached")
				wantTold(callee, "detached")
			}
			talk(caller, callee)
			again(t, s)
			wantTold(caller, "attached")
			wantTold(callee, "attached")
			if got := wantOneCall(caller, callee); got == id {
				t.Errorf("the call is %s still", id)
			}
			talk(caller, callee)
			for _, p := range []*e2e.Page{caller, callee} {
				wantNotTold(p, "ended")
				e2e.Until[bool](p, "the caption to go", `document.querySelector("#progress").textContent === ""`)
			}
			wantNotTold(caller, "incoming")
			if tt.calleeHangsUp {
				hangUp(callee, caller)
			} else {
				hangUp(caller, callee)
			}
		})
	}
}

// Whoever hangs up while there is no server is heard by the end of the media, and is not
// called again by the next server.
func TestHangUpWithoutServer(t *testing.T) {
	e2e.Chromium(t)
	tests := []struct{ who, window, state string }{
		{"caller", "30s", "resuming"}, // while both still hope for their sessions
		{"callee", "30s", "resuming"},
		{"callee", "0", "detached"},
	}
	for _, tt := range tests {
		t.Run(tt.who+" "+tt.state, func(t *testing.T) {
			t.Parallel()
			s := e2e.Start(t, "-resume-window", tt.window)
			callee, caller := enter(t, s.URL, "bob"), enter(t, s.URL, "ann")
			ring(caller, callee)
			callee.Click("#accept")
			talk(caller, callee)
			kill(s)
			wantTold(caller, tt.state)
			wantTold(callee, tt.state)
			from, to := sides(tt.who, caller, callee)
			hangUp(from, to)
			again(t, s)
			for _, p := range []*e2e.Page{caller, callee} {
				e2e.Until[bool](p, "the list", `document.querySelector("#people li button.call:enabled") !== null`)
			}
			ring(callee, caller)
			if got := e2e.Value[int](callee, `told.filter((event) => event === "incoming").length`); got != 1 {
				t.Errorf("bob was rung %d times, expected 1", got)
			}
		})
	}
}

// Media that is gone for good ends a call, though no server says so.
func TestMediaGoneWithoutServer(t *testing.T) {
	t.Parallel()
	s := e2e.Start(t)
	callee, caller := enter(t, s.URL, "bob"), enter(t, s.URL, "ann")
	ring(caller, callee)
	callee.Click("#accept")
	talk(caller, callee)
	kill(s)
	callee.Close()
	caller.WantEnded("The connection to the server was lost, and the call with bob with it.")
}

// What is said while the network is away arrives once each and in order, be it more than
// the server takes at once.
func TestManyFramesAfterACut(t *testing.T) {
	t.Parallel()
	e2e.Chromium(t)
	const many = 400
	caller, callee, cut := throughProxy(t, "caller")
	ring(caller, callee)
	callee.Click("#accept")
	talk(caller, callee)
	e2e.Value[bool](callee, `(window.heard = [], switchboard.addEventListener("message", ({ detail: { direction, text } }) => {
		const { candidate } = JSON.parse(text);
		if (direction === "in" && candidate?.number) heard.push(candidate.number);
	}), true)`)
	cut.cut()
	cut.sever()
	wantTold(caller, "resuming")
	e2e.Value[bool](caller, fmt.Sprintf(`(() => {
		const { callID } = switchboard;
		for (let number = 1; number <= %d; number++) switchboard.send({ type: "candidate", callID, candidate: { candidate: "none", number } });
		return true;
	})()`, many))
	cut.mend()
	wantTold(caller, "resumed")
	if !e2e.Until[bool](callee, "all candidates", fmt.Sprintf(`heard.length >= %d`, many)) ||
		!e2e.Value[bool](callee, fmt.Sprintf(`heard.length === %d && heard.every((number, i) => number === i + 1)`, many)) {
		t.Errorf("bob hears %v", e2e.Value[[]int](callee, `heard`))
	}
	hangUp(caller, callee)
}
