package token

import (
	"bytes"
	"crypto"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"encoding/base64"
	"encoding/pem"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"switchboard/internal/keyfile"
)

const secret = "a secret of no less than 32 bytes"

// writeFile returns the name of a new file with that in it.
func writeFile(t testing.TB, data []byte) string {
	t.Helper()
	file := filepath.Join(t.TempDir(), "key")
	if err := os.WriteFile(file, data, 0o600); err != nil {
		t.Fatal(err)
	}
	return file
}

func encode(kind string, der []byte) []byte {
	return pem.EncodeToMemory(&pem.Block{Type: kind, Bytes: der})
}

// A pair are the two keys of a method.
type pair struct{ private, public []byte } // DER

func newPair(t testing.TB, signer crypto.Signer, err error) pair {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
	private, err := x509.MarshalPKCS8PrivateKey(signer)
	if err != nil {
		t.Fatal(err)
	}
	public, err := x509.MarshalPKIXPublicKey(signer.Public())
	if err != nil {
		t.Fatal(err)
	}
	return pair{private, public}
}

func edPair(t testing.TB) pair {
	_, private, err := ed25519.GenerateKey(rand.Reader)
	return newPair(t, private, err)
}

func rsaPair(t testing.TB, bits int) pair {
	private, err := rsa.GenerateKey(rand.Reader, bits)
	return newPair(t, private, err)
}

// strongRSA is made once, since that takes long.
var strongRSA = sync.OnceValue(func() *rsa.PrivateKey {
	key, err := rsa.GenerateKey(rand.Reader, minRSABits)
	if err != nil {
		panic(err)
	}
	return key
})

func TestKeyFiles(t *testing.T) {
	ed, strong := edPair(t), newPair(t, strongRSA(), nil)
	for name, tt := range map[string]struct{ signs, verifies []byte }{
		"HS256":             {[]byte(secret), []byte(secret)},
		"HS256, other ends": {[]byte(secret + "\n"), []byte(secret + "\r\n\r\n")},
		"EdDSA":             {encode("PRIVATE KEY", ed.private), encode("PUBLIC KEY", ed.public)},
		"RS256":             {encode("PRIVATE KEY", strong.private), append([]byte("kept for the site\n"), encode("PUBLIC KEY", strong.public)...)},
	} {
		signing, err := ReadSigningKey(writeFile(t, tt.signs))
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		verifying, err := ReadVerifyingKey(writeFile(t, tt.verifies))
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		text, err := Sign(signing, fresh("ann"), Rules{})
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		if _, fault := NewVerifier([]Key{verifying}, Rules{}).Verify(text); fault != "" {
			t.Errorf("%s: its own token is refused: %s", name, fault)
		}
	}
}

// A file that is no good is refused with its name, and never with what is in it.
func TestKeyFileRefusals(t *testing.T) {
	ed, weak := edPair(t), rsaPair(t, 1024)
	curve, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	elliptic := newPair(t, curve, err)
	edPublic, edPrivate := encode("PUBLIC KEY", ed.public), encode("PRIVATE KEY", ed.private)
	for name, tt := range map[string]struct {
		data               []byte
		verifying, signing string // "": the file is good
	}{
		"empty":             {nil, "is empty", "is empty"},
		"line ends":         {[]byte("\n\r\n"), "is empty", "is empty"},
		"short":             {[]byte(secret[:31] + "\n"), "31 bytes", "31 bytes"},
		"large":             {bytes.Repeat([]byte("x"), keyfile.MaxSize+1), "too large", "too large"},
		"private key":       {edPrivate, "holds a private key; the server needs the public one", ""},
		"old private key":   {encode("RSA PRIVATE KEY", ed.private), "holds a private key", "PKCS 8"},
		"public key":        {edPublic, "", "makes no tokens: needs the private key"},
		"other PEM":         {encode("CERTIFICATE", ed.public), "PUBLIC KEY block", "PRIVATE KEY block"},
		"two keys":          {append(edPublic, edPublic...), "several", "several"},
		"damaged":           {edPublic[:60], "damaged", "damaged"},
		"something behind":  {append(bytes.Clone(edPublic), "more"...), "damaged", "damaged"},
		"no key in it":      {encode("PUBLIC KEY", []byte("x")), "another kind", "needs the private"},
		"no private in it":  {encode("PRIVATE KEY", []byte("x")), "private", "another kind"},
		"weak RSA":          {encode("PUBLIC KEY", weak.public), "2048", "private"},
		"weak private RSA":  {encode("PRIVATE KEY", weak.private), "private", "2048"},
		"elliptic":          {encode("PUBLIC KEY", elliptic.public), "another kind", "private"},
		"elliptic, private": {encode("PRIVATE KEY", elliptic.private), "private", "another kind"},
		"DER":               {ed.public, "another form", "another form"},
		"bare base64":       {[]byte(base64.StdEncoding.EncodeToString(ed.public)), "another form", "another form"},
		"base64 in lines":   {bytes.ReplaceAll(bytes.ReplaceAll(edPublic, []byte("-----BEGIN PUBLIC KEY-----\n"), nil), []byte("-----END PUBLIC KEY-----\n"), nil), "another form", "another form"},
		"JWK":               {[]byte(`{"kty":"OKP","crv":"Ed25519","x":"11qYAYKxCrfVS_7TyWQHOg"}`), "another form", "another form"},
		"of SSH":            {[]byte("ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIJ ann@example.org"), "another form", "another form"},
	} {
		file := writeFile(t, tt.data)
		_, err := ReadVerifyingKey(file)
		wantError(t, name+", verifying", err, file, tt.verifying, tt.data)
		_, err = ReadSigningKey(file)
		wantError(t, name+", signing", err, file, tt.signing, tt.data)
	}
	for _, file := range []string{t.TempDir(), "no-such-file", os.DevNull} {
		_, err := ReadVerifyingKey(file)
		wantError(t, file, err, file, " ", nil)
	}
}

func wantError(t *testing.T, name string, err error, file, says string, data []byte) {
	t.Helper()
	switch {
	case says == "" && err != nil:
		t.Errorf("%s: refused: %v", name, err)
	case says == "":
	case err == nil:
		t.Errorf("%s: taken", name)
	case !strings.Contains(err.Error(), file), !strings.Contains(err.Error(), says), strings.Contains(err.Error(), "\n"):
		t.Errorf("%s: refused with %q, want one line with %s and %q", name, err, file, says)
	case len(data) > 8 && strings.Contains(err.Error(), string(data[len(data)-8:])):
		t.Errorf("%s: refused with what is in the file: %q", name, err)
	}
}

// What begins like JSON or like a key of SSH may be a secret all the same.
func TestSecretsThatLookLikeKeys(t *testing.T) {
	for _, text := range []string{"{not JSON, but a secret for a site}", "ssh-and-the-like-are-only-a-beginning", "sk-0123456789abcdef0123456789abcdef"} {
		if _, err := ReadVerifyingKey(writeFile(t, []byte(text))); err != nil {
			t.Errorf("%s: %v", text, err)
		}
	}
}

// A file that has become bad leaves its key in use; the others are taken.
func TestReload(t *testing.T) {
	first, second := writeFile(t, []byte("first "+secret)), writeFile(t, []byte("second "+secret))
	keys, err := LoadKeys([]string{first, second}, Rules{})
	if err != nil {
		t.Fatal(err)
	}
	before := map[string]string{first: signBy(t, first), second: signBy(t, second)}
	os.WriteFile(first, []byte("too short"), 0o600)
	os.WriteFile(second, []byte("third "+secret), 0o600)
	after := signBy(t, second)
	if _, fault := keys.Verify(after); fault != BadSignature {
		t.Errorf("a key is used that has not been read: %q", fault)
	}
	wrong := map[string]bool{}
	keys.Reload(func(file string, err error) { wrong[file] = err != nil })
	if !wrong[first] || wrong[second] || len(wrong) != 2 {
		t.Errorf("these files are said to be bad: %v", wrong)
	}
	for what, tt := range map[string]struct {
		token string
		fault Fault
	}{"the key that stays": {before[first], ""}, "the old key": {before[second], BadSignature}, "the new key": {after, ""}} {
		if _, fault := keys.Verify(tt.token); fault != tt.fault {
			t.Errorf("a token of %s: %q, want %q", what, fault, tt.fault)
		}
	}
	if _, err := LoadKeys([]string{second, first}, Rules{}); err == nil {
		t.Error("a bad file is taken at the start")
	}
}

func signBy(t *testing.T, file string) string {
	t.Helper()
	key, err := ReadSigningKey(file)
	if err != nil {
		t.Fatal(err)
	}
	text, err := Sign(key, fresh("ann"), Rules{})
	if err != nil {
		t.Fatal(err)
	}
	return text
}
