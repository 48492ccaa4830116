package ice

import (
	"encoding/base64"
	"encoding/hex"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"
	"testing/synctest"
	"time"
)

const testSecret = "sixteen letters!"

// secretFile returns the name of a file with that in it.
func secretFile(t *testing.T, content string) string {
	t.Helper()
	file := filepath.Join(t.TempDir(), "secret")
	if err := os.WriteFile(file, []byte(content), 0o600); err != nil {
		t.Fatal(err)
	}
	return file
}

// serversOf returns what is made of addresses with commas between them.
func serversOf(t *testing.T, stun, turn, secretFile string, ttl time.Duration) (*Servers, error) {
	t.Helper()
	parse := func(uris string, read func(string) (Server, error)) (servers []Server) {
		for uri := range strings.SplitSeq(uris, ",") {
			if uri == "" {
				continue
			}
			server, err := read(uri)
			if err != nil {
				t.Fatal(err)
			}
			servers = append(servers, server)
		}
		return servers
	}
	return New(parse(stun, STUN), parse(turn, TURN), secretFile, ttl)
}

// What a party is told, for each way to give TURN servers. The password was made with
// `printf 946728000:ID | openssl dgst -sha1 -hmac 'sixteen letters!' -binary | base64`.
func TestServers(t *testing.T) {
	secret := secretFile(t, testSecret+"\r\n")
	made := `"username":"946728000:ID","credential":"7NnRySsdoowZmNEb5bwNd5n7CQE="`
	for _, tt := range []struct {
		stun, turn, secret string
		ttl                time.Duration
		want               string
	}{
		{"stun:a:3478,stuns:b", "", "", 0, `[{"urls":["stun:a:3478"]},{"urls":["stuns:b"]}]`},
		{"", "turn:u%3A1:p@ss:w@c:3478?transport=udp", "", time.Hour, `[{"urls":["turn:c:3478?transport=udp"],"username":"u:1","credential":"p@ss:w"}]`},
		{"", "turn:a", secret, 12 * time.Hour, `[{"urls":["turn:a"],` + made + `}]`},
		{"stun:s", "turn:a,turn:u:p@b,turns:a:443?transport=tcp", secret, 12 * time.Hour,
			`[{"urls":["stun:s"]},{"urls":["turn:b"],"username":"u","credential":"p"},{"urls":["turn:a","turns:a:443?transport=tcp"],` + made + `}]`},
		{"", "turn:a", secret, 5 * time.Second, `[{"urls":["turn:a"],"username":"946684805:ID","credential":"FvKLvurbZrkXWMTatAQlm6lw3Zs="}]`},
	} {
		synctest.Test(t, func(t *testing.T) {
			servers, err := serversOf(t, tt.stun, tt.turn, tt.secret, tt.ttl)
			if err != nil {
				t.Fatal(err)
			}
			if got := string(servers.Append(nil, "ID")); got != tt.want {
				t.Errorf("%s %s: got %s, want %s", tt.stun, tt.turn, got, tt.want)
			}
		})
	}
}

func TestNoServers(t *testing.T) {
	if servers, err := New(nil, nil, "", time.Hour); servers != nil || err != nil || servers.Lifetime() != 0 {
		t.Errorf("got %+v, %v where none are set", servers, err)
	}
}

// The examples of RFC 2202, 3 with texts for keys.
func TestPassword(t *testing.T) {
	for _, tt := range []struct{ key, text, digest string }{
		{"Jefe", "what do ya want for nothing?", "effcdf6ae5eb2fa2d27416d5f184df9c259a7c79"},
		{strings.Repeat("\x0b", 20), "Hi There", "b617318655057264e28bc0b6fb378c8ef146be00"},
		{strings.Repeat("\xaa", 80), "Test Using Larger Than Block-Size Key - Hash Key First", "aa4ae5e15272d00e95705637ce8a3b55ed402112"},
	} {
		digest, _ := hex.DecodeString(tt.digest)
		if got, want := password([]byte(tt.key), tt.text), base64.StdEncoding.EncodeToString(digest); got != want {
			t.Errorf("%q: %s, want %s", tt.text, got, want)
		}
	}
}

// What keeps the server from starting names the flag and the file, and never the content.
func TestSecretsRefused(t *testing.T) {
	for name, tt := range map[string]struct {
		turn, file, says string
	}{
		"no file":         {"turn:a", "", "-turn: "},
		"no server":       {"", secretFile(t, testSecret), "-turn-secret-file: "},
		"only static":     {"turn:u:p@a", secretFile(t, testSecret), "-turn-secret-file: "},
		"missing":         {"turn:a", filepath.Join(t.TempDir(), "none"), "no such file"},
		"a directory":     {"turn:a", t.TempDir(), "is a directory"},
		"a device":        {"turn:a", "/dev/null", "is not a file"},
		"empty":           {"turn:a", secretFile(t, ""), "is empty"},
		"only a line end": {"turn:a", secretFile(t, "\n\r\n"), "is empty"},
		"short":           {"turn:a", secretFile(t, "fifteen letters\n"), "at least 16 bytes"},
		"large":           {"turn:a", secretFile(t, strings.Repeat("letters ", 10_000)), "too large"},
	} {
		servers, err := serversOf(t, "", tt.turn, tt.file, time.Hour)
		switch {
		case err == nil:
			t.Errorf("%s: taken, as %s", name, servers.Append(nil, "ID"))
		case !strings.Contains(err.Error(), tt.says), !strings.Contains(err.Error(), "-turn"), !strings.Contains(err.Error(), tt.file),
			strings.Contains(err.Error(), "letters"), strings.Contains(err.Error(), "\n"):
			t.Errorf("%s: %v, want the flag, the file and %q", name, err, tt.says)
		}
	}
}

// A new secret signs from then on; a bad one leaves the one in use.
func TestSecretIsReadAgain(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		file := secretFile(t, testSecret)
		servers, err := serversOf(t, "", "turn:a", file, time.Hour)
		if err != nil {
			t.Fatal(err)
		}
		first := string(servers.Append(nil, "ID"))
		write := func(secret string) error {
			if err := os.WriteFile(file, []byte(secret), 0o600); err != nil {
				t.Fatal(err)
			}
			return servers.Reload()
		}
		if err := write("too short"); err == nil || string(servers.Append(nil, "ID")) != first {
			t.Errorf("a short secret: %v", err)
		}
		if err := write("another secret, as long\n"); err != nil || string(servers.Append(nil, "ID")) == first {
			t.Errorf("a new secret: %v", err)
		}
	})
}

// Browsers refuse a whole list for one server that they cannot read.
func TestAddresses(t *testing.T) {
	for _, good := range []string{
		"host", "host:3478", "stun.example.org:1", "stun.example.org.:65535", "1-und-1.example", "under_score", "xn--bcher-kva.example",
		"192.0.2.1", "192.0.2.1:3478", "[2001:db8::1]", "[2001:db8::1]:3478", "[::ffff:192.0.2.1]",
	} {
		if _, err := STUN("stun:" + good); err != nil {
			t.Errorf("stun:%s: %v", good, err)
		}
		for _, transport := range []string{"", "?transport=udp", "?transport=tcp"} {
			if _, err := TURN("turns:u:p@" + good + transport); err != nil {
				t.Errorf("turns:u:p@%s%s: %v", good, transport, err)
			}
		}
	}
	for _, bare := range []string{"turn:host", "turn:host:3478", "turns:host:443?transport=tcp", "turn:[::1]?transport=udp"} {
		server, err := TURN(bare)
		if err != nil || !reflect.DeepEqual(server, Server{URLs: []string{bare}}) {
			t.Errorf("-turn %s: %+v, %v", bare, server, err)
		}
	}
	for bad, says := range map[string]string{
		"": "host", ":3478": "host", "//host": "host", "host/": "host", "a b": "host", "a..b": "host", "-a": "host", "a-": "host", "bücher.example": "host",
		"999.1.1.1": "host", "192.0.2": "host", "2001:db8::1": "host", "[2001:db8::1": "host", "[192.0.2.1]": "host", "[host]:1": "host",
		"[fe80::1%25eth0]": "host", "[]": "host", strings.Repeat("a", 64): "host", strings.Repeat("a.", 128) + "a": "host",
		"host:": "port", "host:0": "port", "host:65536": "port", "host:99999999": "port", "host:-1": "port", "host:+1": "port", "host:x": "port", "[::1]:": "port", "[::1]3478": "host",
		"host?": "", "host?transport=sctp": "", "host:3478?transport=": "", "host?transport=udp&x=1": "", "host#": "host",
	} {
		if _, err := STUN("stun:" + bad); err == nil || says != "" && !strings.Contains(err.Error(), "the "+says) {
			t.Errorf("stun:%s: %v", bad, err)
		}
		for _, who := range []string{"", "u:p@"} {
			if _, err := TURN("turn:" + who + bad); err == nil || says != "" && !strings.Contains(err.Error(), "the "+says) {
				t.Errorf("turn:%s%s: %v", who, bad, err)
			}
		}
	}
	for _, bad := range []string{"stun.example.org", "http://host", "turn:", "turn:user@host", "turn:@host", "turn:u:p@", "turn:host@", "turn::p@host", "turn:u:@host", "turn:u:p%zz@host", "turn:u:%ff@host", "stun:u:p@host", "turn://u:p@host:3478", "turns://u:p@host"} {
		if _, err := TURN(bad); err == nil {
			t.Errorf("-turn %s is taken", bad)
		}
		if _, err := STUN(bad); err == nil {
			t.Errorf("-stun %s is taken", bad)
		}
	}
	if _, err := STUN("stun:host?transport=udp"); err == nil {
		t.Error("STUN knows no ?transport")
	}
}
