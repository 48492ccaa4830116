// Package turn tests that calls come through a real TURN server.
package turn

import (
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"syscall"
	"testing"

	"switchboard/e2e"
)

const (
	secret = "6f1c0d5e8a7b4932"
	other  = "0123456789abcdef"
)

// startServer starts a server that tells of the TURN server, and makes credentials with
// the secret. It returns the file that holds that.
func startServer(t *testing.T, coturn *e2e.Coturn, secret string, flags ...string) (*e2e.Server, string) {
	t.Helper()
	file := filepath.Join(t.TempDir(), "turn-secret")
	write(t, file, secret)
	return e2e.Start(t, append([]string{"-turn", coturn.URI, "-turn-secret-file", file, "-log-level", "debug"}, flags...)...), file
}

func write(t *testing.T, file, secret string) {
	t.Helper()
	if err := os.WriteFile(file, []byte(secret+"\n"), 0o600); err != nil {
		t.Fatal(err)
	}
}

// enter opens the page of somebody whom no other way than a relay is left to.
func enter(t *testing.T, s *e2e.Server, name string) *e2e.Page {
	t.Helper()
	p := e2e.Enter(t, s.URL, name, "")
	e2e.Value[bool](p, `(window.RTCPeerConnection = class extends RTCPeerConnection {
		constructor(configuration) { super({ ...configuration, iceTransportPolicy: "relay" }); }
	}, true)`)
	return p
}

// call has one call the other, and waits until both see and hear each other by relays.
func call(caller, callee *e2e.Page) {
	caller.T.Helper()
	caller.Click(fmt.Sprintf(`#people li[data-name=%q] button.call:enabled`, callee.Name))
	callee.See("#incoming")
	callee.Click("#accept")
	for _, p := range []*e2e.Page{caller, callee} {
		p.WantSound()
		p.WantPicture("#remote-video", 1)
		kinds := e2e.Until[string](p, "the pair in use", `switchboard.pc.getStats().then((stats) => {
			const pair = [...stats.values()].find((s) => s.type === "candidate-pair" && s.nominated && s.state === "succeeded");
			return pair && [pair.localCandidateId, pair.remoteCandidateId].map((id) => stats.get(id).candidateType).join(" ");
		})`)
		if kinds != "relay relay" {
			p.T.Errorf("%s is connected by %s", p.Name, kinds)
		}
	}
}

// A relayed call goes on with new credentials, and the next one begins with them.
func TestRelayedCalls(t *testing.T) {
	e2e.Chromium(t)
	for _, transport := range []string{"udp", "tcp"} {
		t.Run(transport, func(t *testing.T) {
			t.Parallel()
			coturn := e2e.StartCoturn(t, secret)
			coturn.URI += "?transport=" + transport
			s, _ := startServer(t, coturn, secret, "-turn-ttl", "8s")
			ann, bob := enter(t, s, "ann"), enter(t, s, "bob")
			given := []string{credentials(ann), credentials(bob)}
			call(ann, bob)
			for i, p := range []*e2e.Page{ann, bob} {
				e2e.Until[bool](p, "new credentials in the call", fmt.Sprintf(
					`switchboard.iceServers[0].username !== %q && switchboard.pc.getConfiguration().iceServers[0].username === switchboard.iceServers[0].username`,
					strings.Fields(given[i])[0]))
				p.WantPicture("#remote-video", 1)
			}
			ann.Click("#hang-up")
			bob.WantEnded("ann hung up.")
			expired(ann, given[0])
			call(bob, ann)
			given = append(given, credentials(ann), credentials(bob))
			wantSilence(t, s, append(given, secret)...)
		})
	}
}

// credentials returns username and credential of the page, with a blank between.
func credentials(p *e2e.Page) string {
	p.T.Helper()
	return e2e.Value[string](p, `switchboard.iceServers.map(({ username, credential }) => username + " " + credential)[0]`)
}

// expired waits until the credentials are.
func expired(p *e2e.Page, given string) {
	p.T.Helper()
	second, _, _ := strings.Cut(given, ":")
	e2e.Until[bool](p, "the credentials to expire", fmt.Sprintf(`Date.now() / 1000 > %s + 1`, second))
}

// wantSilence checks that the log says nothing that is private, and that it has the
// ids by which coturn knows the parties.
func wantSilence(t *testing.T, s *e2e.Server, private ...string) {
	t.Helper()
	log := s.Printed.String()
	for _, words := range private {
		for _, word := range strings.Fields(words) {
			if strings.Contains(log, word) {
				t.Errorf("the server's log holds %q", word)
			}
			if _, id, ok := strings.Cut(word, ":"); ok && !regexp.MustCompile(`signed in.* turn=`+id).MatchString(log) {
				t.Errorf("the server's log has no turn=%s", id)
			}
		}
	}
}

// gather asks for relays with some credentials, and returns how many candidates there are
// and with which codes the TURN server has refused.
func gather(p *e2e.Page, uri, given string) string {
	p.T.Helper()
	username, credential, _ := strings.Cut(given, " ")
	return e2e.Value[string](p, fmt.Sprintf(`new Promise((resolve) => {
		const iceServers = [{ urls: [%q], username: %q, credential: %q }];
		const pc = new RTCPeerConnection({ iceServers, iceTransportPolicy: "relay" });
		let relays = 0;
		const codes = new Set();
		pc.onicecandidateerror = ({ errorCode }) => codes.add(errorCode);
		pc.onicecandidate = ({ candidate }) => {
			if (candidate?.candidate) relays++;
			if (candidate) return;
			pc.close();
			resolve([relays ? "relayed" : "refused", ...codes].join(" "));
		};
		pc.createDataChannel("");
		pc.setLocalDescription();
	})`, uri, username, credential))
}

const (
	relayed = "relayed"
	refused = "refused 401"
)

func want(p *e2e.Page, what, uri, given, outcome string) {
	p.T.Helper()
	if got := gather(p, uri, given); got != outcome {
		p.T.Errorf("%s: %s, expected %s", what, got, outcome)
	}
}

// Credentials of another secret, and those that have expired, are good for nothing.
func TestBadCredentials(t *testing.T) {
	e2e.Chromium(t)
	coturn := e2e.StartCoturn(t, secret)
	good, _ := startServer(t, coturn, secret, "-turn-ttl", "5s")
	bad, _ := startServer(t, coturn, other)
	ann, eve := enter(t, good, "ann"), enter(t, bad, "eve")
	first := credentials(ann)
	want(ann, "good ones", coturn.URI, first, relayed)
	want(eve, "those of another secret", coturn.URI, credentials(eve), refused)
	want(ann, "those with another's password", coturn.URI, strings.Replace(first, " ", " x", 1), refused)
	expired(ann, first)
	want(ann, "stale ones", coturn.URI, first, refused)
	want(ann, "renewed ones", coturn.URI, credentials(ann), relayed)

	// In a call, the two do not come together.
	bob := enter(t, bad, "bob")
	eve.Click(`#people li[data-name="bob"] button.call:enabled`)
	bob.See("#incoming")
	bob.Click("#accept")
	e2e.Until[bool](bob, "the failure", `document.querySelector("#ended").textContent !== ""`)
	if e2e.Value[bool](bob, `document.querySelector("#remote-video").videoWidth > 0`) {
		t.Error("a call without a relay has a picture")
	}
}

// A secret is changed as README.md says, without a break for anybody.
func TestSecretIsChanged(t *testing.T) {
	e2e.Chromium(t)
	coturn := e2e.StartCoturn(t, secret)
	s, file := startServer(t, coturn, secret)
	s.Wait(regexp.MustCompile(`WARN.*open mode.*anybody who signs in gets credentials`))
	ann := enter(t, s, "ann")
	coturn.Restart(t, other, secret)
	write(t, file, other)
	s.Signal(syscall.SIGHUP)
	s.Wait(regexp.MustCompile(`TURN secret reloaded`))
	bob := enter(t, s, "bob")
	want(ann, "the old secret", coturn.URI, credentials(ann), relayed)
	want(bob, "the new secret", coturn.URI, credentials(bob), relayed)
	call(ann, bob)

	coturn.Restart(t, other)
	want(ann, "the old secret, gone from coturn", coturn.URI, credentials(ann), refused)
	want(bob, "the new secret", coturn.URI, credentials(bob), relayed)

	write(t, file, "too short")
	s.Signal(syscall.SIGHUP)
	s.Wait(regexp.MustCompile(`the TURN secret in use stays.*` + regexp.QuoteMeta(file) + `.*too short`))
	cyd := enter(t, s, "cyd")
	want(cyd, "the secret in use", coturn.URI, credentials(cyd), relayed)
	wantSilence(t, s, secret, other, credentials(ann), credentials(bob), credentials(cyd))
}
