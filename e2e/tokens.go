package e2e

import (
	"context"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// WriteSecret returns the name of a new file with a secret for tokens, which begins
// with this text.
func WriteSecret(t *testing.T, begin string) string {
	t.Helper()
	file := filepath.Join(t.TempDir(), "secret")
	if err := os.WriteFile(file, []byte(begin+" and more than 32 bytes of a secret\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	return file
}

// Token returns what `switchboard token` prints.
func Token(t *testing.T, flags ...string) string {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), Patience)
	defer cancel()
	out, err := Command(ctx, t, nil, append([]string{"token"}, flags...)...).Output()
	text, line := strings.CutSuffix(string(out), "\n")
	if err != nil || !line || strings.ContainsAny(text, " \n") {
		t.Fatalf("switchboard token %v prints %q: %v", flags, out, err)
	}
	return text
}

// LoginBy signs in by token.
func (p *Peer) LoginBy(token string) Message {
	p.T.Helper()
	p.Send(Message{"type": "login", "token": token})
	return p.Want("login")
}
