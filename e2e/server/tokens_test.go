package server

import (
	"crypto/ed25519"
	"crypto/rand"
	"crypto/x509"
	"encoding/pem"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"syscall"
	"testing"

	"switchboard/e2e"
)

// The operator's way: a pair of keys, a server that has the public one, and a token
// by the other.
func TestTokens(t *testing.T) {
	private, public := writePair(t)
	secret := e2e.WriteSecret(t, "first")
	s := e2e.Start(t, "-token-key-file", public, "-token-key-file", secret, "-token-issuer", "school")
	s.Wait(regexp.MustCompile(`Sign-in by token, with 2 keys`))
	to := e2e.Route{URL: s.WS()}
	for i, tt := range []struct {
		flags []string
		code  any
	}{
		{[]string{"-key-file", private, "-name", "ann", "-role", "Teacher", "-issuer", "school"}, nil},
		{[]string{"-key-file", secret, "-name", "ann", "-issuer", "school"}, nil},
		{[]string{"-key-file", secret, "-name", "ann"}, "bad-token"},
		{[]string{"-key-file", e2e.WriteSecret(t, "another"), "-name", "ann", "-issuer", "school"}, "bad-token"},
	} {
		p := e2e.Connect(t, to)
		if reply := p.LoginBy(e2e.Token(t, tt.flags...)); reply["code"] != tt.code {
			t.Errorf("token %d: %v, want %v", i, reply, tt.code)
		}
	}
	s.Wait(regexp.MustCompile(`sign-in refused.*reason=claims`))
}

// writePair writes the two keys of a pair to files.
func writePair(t *testing.T) (private, public string) {
	t.Helper()
	open, closed, err := ed25519.GenerateKey(rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	write := func(name, kind string, der []byte, err error) string {
		t.Helper()
		file := filepath.Join(t.TempDir(), name)
		if err == nil {
			err = os.WriteFile(file, pem.EncodeToMemory(&pem.Block{Type: kind, Bytes: der}), 0o600)
		}
		if err != nil {
			t.Fatal(err)
		}
		return file
	}
	der, err := x509.MarshalPKCS8PrivateKey(closed)
	private = write("private.pem", "PRIVATE KEY", der, err)
	der, err = x509.MarshalPKIXPublicKey(open)
	return private, write("public.pem", "PUBLIC KEY", der, err)
}

// What is wrong with a key keeps the server from starting, and -check finds it too. The
// line names flag and file, and has nothing of what is in the file.
func TestBadKeyFiles(t *testing.T) {
	private, public := writePair(t)
	short := filepath.Join(t.TempDir(), "short")
	os.WriteFile(short, []byte("hunter2\n"), 0o600)
	for file, says := range map[string]string{
		private: "holds a private key; the server needs the public one", short: "32", "no-such-file": "no such file", t.TempDir(): "directory",
	} {
		for _, flags := range [][]string{{"-listen=127.0.0.1:0"}, {"-check"}} {
			code, stdout, stderr := runToEnd(t, nil, append(flags, "-token-key-file", file)...)
			if code != 1 || stdout != "" || strings.Count(stderr, "\n") != 1 || !strings.Contains(stderr, says) || !strings.Contains(stderr, file) ||
				!strings.Contains(stderr, "-token-key-file") || strings.Contains(stderr, "hunter2") {
				t.Errorf("%v with %s: status %d\n%s%s", flags, file, code, stdout, stderr)
			}
		}
	}
	if code, stdout, stderr := runToEnd(t, []string{"SWITCHBOARD_TOKEN_KEY_FILE=" + public}, "-check"); code != 0 {
		t.Errorf("a good file: status %d\n%s%s", code, stdout, stderr)
	}
	code, stdout, stderr := runToEnd(t, []string{"SWITCHBOARD_TOKEN_KEY_FILE=" + public}, "token", "-name", "ann")
	if code != 1 || stdout != "" || !strings.Contains(stderr, public+" makes no tokens: needs the private key\n") {
		t.Errorf("a token by a public key: status %d\n%s%s", code, stdout, stderr)
	}
	if code, help, _ := runToEnd(t, nil, "token", "-h"); code != 0 || !strings.Contains(help, "-may-call") {
		t.Errorf("token -h: status %d\n%s", code, help)
	}
}

// SIGHUP takes new keys, and leaves those in use whose files are bad. Nobody's sign-in
// ends by that.
func TestKeyReload(t *testing.T) {
	file := e2e.WriteSecret(t, "old")
	s := e2e.Start(t, "-token-key-file", file)
	to := e2e.Route{URL: s.WS()}
	signIn := func(name string) *e2e.Peer {
		t.Helper()
		p := e2e.Connect(t, to)
		p.Name = name
		if reply := p.LoginBy(e2e.Token(t, "-key-file", file, "-name", name)); reply["success"] != true {
			t.Fatalf("%s is refused: %v", name, reply)
		}
		return p
	}
	ann, bob := signIn("ann"), signIn("bob")
	e2e.Call(ann, bob)
	old := e2e.Token(t, "-key-file", file, "-name", "cyd")

	os.WriteFile(file, []byte("too short"), 0o600)
	s.Signal(syscall.SIGHUP)
	s.Wait(regexp.MustCompile(`level=ERROR.*` + regexp.QuoteMeta(file) + `.*`))
	if reply := e2e.Connect(t, to).LoginBy(old); reply["success"] != true {
		t.Errorf("with a bad file: %v", reply)
	}

	os.WriteFile(file, []byte("new and more than 32 bytes of a secret\n"), 0o600)
	s.Signal(syscall.SIGHUP)
	s.Wait(regexp.MustCompile(`token key reloaded`))
	signIn("dan")
	if reply := e2e.Connect(t, to).LoginBy(old); reply["code"] != "bad-token" {
		t.Errorf("by the old key: %v", reply)
	}
	e2e.Exchange(ann, bob, "after the reload")
}
