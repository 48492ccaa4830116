package server

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"syscall"
	"testing"

	"switchboard/e2e"
)

// Nothing that is secret is in the log, at any level, or on a command line of the
// machine: no key, no token, refused ones too, no secret of a session, no credential.
func TestSecretsStaySecret(t *testing.T) {
	keyFile, turnFile := e2e.WriteSecret(t, "keys"), e2e.WriteSecret(t, "turn")
	s := e2e.Start(t, "-log-level", "debug", "-token-key-file", keyFile, "-turn", "turn:turn.example.org", "-turn-secret-file", turnFile)
	to := e2e.Route{URL: s.WS()}
	secrets := []string{contentOf(t, keyFile), contentOf(t, turnFile)}

	valid := e2e.Token(t, "-key-file", keyFile, "-name", "ann")
	foreign := e2e.Token(t, "-key-file", e2e.WriteSecret(t, "another"), "-name", "ann")
	ann := e2e.Connect(t, to)
	ann.LoginBy(foreign)
	ann.Send(e2e.Message{"type": "login", "token": valid, "resume": true})
	granted := ann.Want("login")
	session, _ := granted["session"].(string)
	secrets = append(secrets, session, credentialIn(t, granted))
	ann.WS.NetConn().Close()

	back := e2e.Connect(t, to)
	back.Send(e2e.Message{"type": "login", "session": "X" + session, "seq": 0})
	back.Want("login")
	back.Send(e2e.Message{"type": "login", "session": session, "seq": 0, "token": valid})
	secrets = append(secrets, credentialIn(t, back.Want("login")))
	s.Signal(syscall.SIGHUP)
	lines := commandLines(t)
	s.Stop()

	if strings.Contains(s.Printed.String(), "open mode") {
		t.Error("the log speaks of open mode where sign-in is by token")
	}
	for _, token := range []string{valid, foreign} {
		secrets = append(secrets, strings.Split(token, ".")[1:]...) // the head is the same for all
	}
	for i, secret := range secrets {
		switch {
		case len(secret) < 16:
			t.Errorf("secret %d is %q", i, secret)
		case strings.Contains(s.Printed.String(), secret):
			t.Errorf("secret %d is in the log", i)
		case strings.Contains(lines, secret):
			t.Errorf("secret %d is on a command line", i)
		}
	}
}

// Relays cost money: whoever lets anybody have them is told so.
func TestRelaysForAnybody(t *testing.T) {
	s := e2e.Start(t, "-turn", "turn:turn.example.org", "-turn-secret-file", e2e.WriteSecret(t, "turn"))
	s.Wait(regexp.MustCompile(`level=WARN.*open mode and -turn-secret-file`))
}

func contentOf(t *testing.T, file string) string {
	t.Helper()
	content, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	return strings.TrimSpace(string(content))
}

// credentialIn returns the credential for a TURN server in a reply to a login.
func credentialIn(t *testing.T, reply e2e.Message) string {
	t.Helper()
	text, err := json.Marshal(reply["iceServers"])
	var servers []struct{ Credential string }
	if err == nil {
		err = json.Unmarshal(text, &servers)
	}
	if err != nil || len(servers) != 1 {
		t.Fatalf("iceServers of %v: %v", reply, err)
	}
	return servers[0].Credential
}

// commandLines returns those of all processes.
func commandLines(t *testing.T) string {
	t.Helper()
	files, err := filepath.Glob("/proc/[0-9]*/cmdline")
	if err != nil || len(files) == 0 {
		t.Skip("there is no /proc here")
	}
	var all strings.Builder
	for _, file := range files {
		line, _ := os.ReadFile(file) // some have ended meanwhile
		fmt.Fprintf(&all, "%s\n", line)
	}
	return all.String()
}
