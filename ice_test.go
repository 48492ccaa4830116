package main

import (
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"os"
	"path/filepath"
	"reflect"
	"regexp"
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

// iceServersOf returns what the flags make of ICE servers.
func iceServersOf(t *testing.T, flags ...string) (*iceServers, error) {
	t.Helper()
	cfg, err := parseConfig(flags, noEnv)
	if err != nil {
		t.Fatal(err)
	}
	return cfg.iceServers()
}

// What a party is told, for each way to give TURN servers. The password was made with
// `printf 946728000:ID | openssl dgst -sha1 -hmac 'sixteen letters!' -binary | base64`.
func TestICEServers(t *testing.T) {
	secret := secretFile(t, testSecret+"\r\n")
	made := `"username":"946728000:ID","credential":"7NnRySsdoowZmNEb5bwNd5n7CQE="`
	for _, tt := range []struct{ flags, want string }{
		{"-stun stun:a:3478,stuns:b", `[{"urls":["stun:a:3478"]},{"urls":["stuns:b"]}]`},
		{"-turn turn:u%3A1:p@ss:w@c:3478?transport=udp", `[{"urls":["turn:c:3478?transport=udp"],"username":"u:1","credential":"p@ss:w"}]`},
		{"-turn turn:a -turn-secret-file " + secret, `[{"urls":["turn:a"],` + made + `}]`},
		{"-stun stun:s -turn turn:a,turn:u:p@b,turns:a:443?transport=tcp -turn-secret-file " + secret,
			`[{"urls":["stun:s"]},{"urls":["turn:b"],"username":"u","credential":"p"},{"urls":["turn:a","turns:a:443?transport=tcp"],` + made + `}]`},
		{"-turn turn:a -turn-ttl 5s -turn-secret-file " + secret, `[{"urls":["turn:a"],"username":"946684805:ID","credential":"FvKLvurbZrkXWMTatAQlm6lw3Zs="}]`},
	} {
		synctest.Test(t, func(t *testing.T) {
			ice, err := iceServersOf(t, strings.Fields(tt.flags)...)
			if err != nil {
				t.Fatal(err)
			}
			if got := string(ice.append(nil, "ID")); got != tt.want {
				t.Errorf("%s: got %s, want %s", tt.flags, got, tt.want)
			}
		})
	}
}

func TestNoICEServers(t *testing.T) {
	if ice, err := iceServersOf(t); ice != nil || err != nil {
		t.Errorf("got %+v, %v where none are set", ice, err)
	}
}

// The examples of RFC 2202, 3 with texts for keys.
func TestTURNPassword(t *testing.T) {
	for _, tt := range []struct{ key, text, digest string }{
		{"Jefe", "what do ya want for nothing?", "effcdf6ae5eb2fa2d27416d5f184df9c259a7c79"},
		{strings.Repeat("\x0b", 20), "Hi There", "b617318655057264e28bc0b6fb378c8ef146be00"},
		{strings.Repeat("\xaa", 80), "Test Using Larger Than Block-Size Key - Hash Key First", "aa4ae5e15272d00e95705637ce8a3b55ed402112"},
	} {
		digest, _ := hex.DecodeString(tt.digest)
		if got, want := turnPassword([]byte(tt.key), tt.text), base64.StdEncoding.EncodeToString(digest); got != want {
			t.Errorf("%q: %s, want %s", tt.text, got, want)
		}
	}
}

// What keeps the server from starting names the flag and the file, and never the content.
func TestTURNSecretsRefused(t *testing.T) {
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
		ice, err := iceServersOf(t, "-turn="+tt.turn, "-turn-secret-file="+tt.file)
		switch {
		case err == nil:
			t.Errorf("%s: taken, as %s", name, ice.append(nil, "ID"))
		case !strings.Contains(err.Error(), tt.says), !strings.Contains(err.Error(), "-turn"), !strings.Contains(err.Error(), tt.file),
			strings.Contains(err.Error(), "letters"), strings.Contains(err.Error(), "\n"):
			t.Errorf("%s: %v, want the flag, the file and %q", name, err, tt.says)
		}
	}
}

// A new secret signs from then on; a bad one leaves the one in use.
func TestTURNSecretIsReadAgain(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		file := secretFile(t, testSecret)
		ice, err := iceServersOf(t, "-turn=turn:a", "-turn-secret-file="+file)
		if err != nil {
			t.Fatal(err)
		}
		first := string(ice.append(nil, "ID"))
		write := func(secret string) error {
			if err := os.WriteFile(file, []byte(secret), 0o600); err != nil {
				t.Fatal(err)
			}
			return ice.reload()
		}
		if err := write("too short"); err == nil || string(ice.append(nil, "ID")) != first {
			t.Errorf("a short secret: %v", err)
		}
		if err := write("another secret, as long\n"); err != nil || string(ice.append(nil, "ID")) == first {
			t.Errorf("a new secret: %v", err)
		}
	})
}

// Browsers refuse a whole list for one server that they cannot read.
func TestICEAddresses(t *testing.T) {
	for _, good := range []string{
		"host", "host:3478", "stun.example.org:1", "stun.example.org.:65535", "1-und-1.example", "under_score", "xn--bcher-kva.example",
		"192.0.2.1", "192.0.2.1:3478", "[2001:db8::1]", "[2001:db8::1]:3478", "[::ffff:192.0.2.1]",
	} {
		if _, err := stunServer("stun:" + good); err != nil {
			t.Errorf("stun:%s: %v", good, err)
		}
		for _, transport := range []string{"", "?transport=udp", "?transport=tcp"} {
			if _, err := turnServer("turns:u:p@" + good + transport); err != nil {
				t.Errorf("turns:u:p@%s%s: %v", good, transport, err)
			}
		}
	}
	for _, bare := range []string{"turn:host", "turn:host:3478", "turns:host:443?transport=tcp", "turn:[::1]?transport=udp"} {
		server, err := turnServer(bare)
		if err != nil || !reflect.DeepEqual(server, iceServer{URLs: []string{bare}}) {
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
		if _, err := stunServer("stun:" + bad); err == nil || says != "" && !strings.Contains(err.Error(), "the "+says) {
			t.Errorf("stun:%s: %v", bad, err)
		}
		for _, who := range []string{"", "u:p@"} {
			if _, err := turnServer("turn:" + who + bad); err == nil || says != "" && !strings.Contains(err.Error(), "the "+says) {
				t.Errorf("turn:%s%s: %v", who, bad, err)
			}
		}
	}
	for _, bad := range []string{"stun.example.org", "http://host", "turn:", "turn:user@host", "turn:@host", "turn:u:p@", "turn:host@", "turn::p@host", "turn:u:@host", "turn:u:p%zz@host", "turn:u:%ff@host", "stun:u:p@host", "turn://u:p@host:3478", "turns://u:p@host"} {
		if _, err := turnServer(bad); err == nil {
			t.Errorf("-turn %s is taken", bad)
		}
		if _, err := stunServer(bad); err == nil {
			t.Errorf("-stun %s is taken", bad)
		}
	}
	if _, err := stunServer("stun:host?transport=udp"); err == nil {
		t.Error("STUN knows no ?transport")
	}
}

// Secret, credential and username are in no line of the log, at any level; the id is in
// the line for the sign-in, as the TURN server logs it.
func TestTURNCredentialsAreNotLogged(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		file := secretFile(t, testSecret)
		s := newStage(t, []string{"-log-level=debug", "-turn=turn:a", "-turn-secret-file=" + file, "-turn-ttl=8s"})
		defer s.leave()
		hear := func(name string) []byte {
			event, ok := s.Next(name)
			if !ok {
				t.Fatalf("%s hears nothing", name)
			}
			return []byte(event.Text)
		}
		s.Connect("ann", "/", nil)
		s.do("ann", `{"type":"login","name":"ann"}`)
		s.Connect("otto", "/", nil)
		s.do("otto", `{"id":"register","name":"otto"}`)
		frames := [][]byte{hear("ann"), hear("otto")}
		s.Pass(5 * time.Second)
		frames = append(frames, hear("ann"))
		reload(s.server, nil)
		os.WriteFile(file, []byte("tiny"), 0o600)
		reload(s.server, nil)
		s.Pass(5 * time.Second)
		frames = append(frames, hear("ann"))
		s.Close("ann")
		s.Close("otto")
		synctest.Wait()
		checkLog(t, strings.Join(s.log.lines(), "\n"), frames)
	})
}

// checkLog looks in a log for what the frames have given away.
func checkLog(t *testing.T, log string, frames [][]byte) {
	t.Helper()
	for _, frame := range frames {
		var told struct {
			ICEServers []iceServer `json:"iceServers"`
		}
		if err := json.Unmarshal(frame, &told); err != nil || len(told.ICEServers) != 1 {
			t.Fatalf("%s: %v", frame, err)
		}
		server := told.ICEServers[0]
		_, id, _ := strings.Cut(server.Username, ":")
		if !regexp.MustCompile(`msg="signed in" .* turn=` + id + `\b`).MatchString(log) {
			t.Errorf("%s is in no line for a sign-in:\n%s", id, log)
		}
		for _, private := range []string{server.Username, server.Credential, testSecret, "tiny"} {
			if strings.Contains(log, private) {
				t.Errorf("%q is in the log:\n%s", private, log)
			}
		}
	}
}
