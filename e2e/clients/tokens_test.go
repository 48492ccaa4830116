package clients

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"switchboard/e2e"
	"switchboard/internal/transcript"
)

// wscat brings a token by hand, or in its handshake.
func TestWscatToken(t *testing.T) {
	t.Parallel()
	wscat := wscatProgram(t)
	secret := e2e.WriteSecret(t, "a")
	s := e2e.Start(t, "-token-key-file", secret)
	token := e2e.Token(t, "-key-file", secret, "-name", "ann", "-role", "teacher")
	for name, flags := range map[string][]string{
		"by hand":          {"-x", fmt.Sprintf(`{"type":"login","token":%q}`, token)},
		"in its handshake": {"-H", "Authorization: Bearer " + token, "-x", `{"type":"login"}`},
	} {
		ctx, cancel := context.WithTimeout(t.Context(), e2e.Patience)
		defer cancel()
		cmd := exec.CommandContext(ctx, wscat, append([]string{"--no-color", "-c", s.WS(), "-w", "5"}, flags...)...)
		open, closeInput := openInput(t)
		defer closeInput()
		cmd.Stdin = open
		out, err := cmd.CombinedOutput()
		if want := `{"type":"login","success":true,"name":"ann","role":"teacher"}` + "\n"; err != nil || string(out) != want {
			t.Errorf("%s: wscat printed %q (%v), expected %q", name, out, err, want)
		}
	}
}

// Stock clients bring it in auth, a page of the one-to-one family when it registers;
// and they call each other.
func TestSocketIOToken(t *testing.T) {
	secret := e2e.WriteSecret(t, "a")
	forEachSocketIOClient(t, func(t *testing.T, connect func(*e2e.Server, string) *socketIOClient) {
		s := e2e.Start(t, "-token-key-file", secret)
		ids := transcript.Bindings{}
		token := func(name string) string { return e2e.Token(t, "-key-file", secret, "-name", name) }

		stranger := connect(s, `{"userID":"ann"}`)
		stranger.want(ids, "connect_error", `"a valid token is needed to sign in"`, `{"code":"bad-token"}`)

		ann := connect(s, fmt.Sprintf(`{"token":%q}`, token("ann")))
		ann.want(ids, "connect", `"..."`, `"websocket"`)
		ann.want(ids, "login", `{"success":true,"name":"ann"}`)
		bob := e2e.Connect(t, e2e.Route{URL: s.WS()})
		bob.SendText(fmt.Sprintf(`{"id":"register","name":"bob","token":%q}`, token("bob")))
		if frame, err := bob.Hear(); err != nil || string(frame) != `{"id":"registerResponse","response":"accepted"}` {
			t.Fatalf("bob hears %s, %v", frame, err)
		}
		bob.SendText(`{"id":"call","from":"bob","to":"ann","sdpOffer":{"type":"offer","sdp":"v=0"}}`)
		ann.want(ids, "request-call", `{"sdp":{"type":"offer","sdp":"v=0"},"name":"bob","callID":"5f0c2a1e-8d53-4b7a-9c1f-3e2d4b6a7c01"}`)

		// The same client in another tab.
		again := connect(s, fmt.Sprintf(`{"token":%q,"name":"ANN"}`, token("ann")))
		again.want(ids, "connect")
		again.want(ids, "login", `{"success":true,"name":"ann"}`)
		if frame, err := bob.Hear(); err != nil || !strings.Contains(string(frame), "rejected") {
			t.Errorf("bob hears %s, %v", frame, err)
		}
	})
}

var fencedProgram = regexp.MustCompile("(?ms)^```(js|python|php|go)\n(.*?)^```$")

// The programs in docs/tokens.md make tokens that are taken.
func TestProgramsThatMakeTokens(t *testing.T) {
	text, err := os.ReadFile(e2e.Root + "/docs/tokens.md")
	if err != nil {
		t.Fatal(err)
	}
	programs := fencedProgram.FindAllStringSubmatch(string(text), -1)
	if len(programs) != 4 {
		t.Errorf("docs/tokens.md has %d programs", len(programs))
	}
	runners := map[string][]string{"js": {"node"}, "python": {"python3"}, "php": {"php"}, "go": {"go", "run"}}
	for _, m := range programs {
		language, source := m[1], m[2]
		t.Run(language, func(t *testing.T) {
			t.Parallel()
			runner := runners[language]
			program := e2e.Program(t, runner[0])
			secret := e2e.WriteSecret(t, language)
			s := e2e.Start(t, "-token-key-file", secret)
			folder := filepath.Dir(secret)
			file := map[string]string{"js": "program.cjs"}[language]
			if file == "" {
				file = "program." + language
			}
			if err := os.WriteFile(filepath.Join(folder, file), []byte(source), 0o600); err != nil {
				t.Fatal(err)
			}
			ctx, cancel := context.WithTimeout(t.Context(), e2e.Patience)
			defer cancel()
			cmd := exec.CommandContext(ctx, program, append(runner[1:], file)...)
			cmd.Dir, cmd.Stderr = folder, os.Stderr
			out, err := cmd.Output()
			if err != nil {
				t.Fatal(err)
			}
			reply := e2e.Connect(t, e2e.Route{URL: s.WS()}).LoginBy(strings.TrimSuffix(string(out), "\n"))
			if reply["success"] != true || reply["name"] != "ann" || reply["role"] != "teacher" {
				t.Errorf("its token %q is answered %v", out, reply)
			}
		})
	}
}
