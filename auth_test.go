package main

import (
	"bytes"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"log/slog"
	"net/http"
	"os"
	"path/filepath"
	"reflect"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"
	"unsafe"

	"switchboard/internal/logs"
	"switchboard/internal/token"
)

const withKey = "-token-key-file " + keyFile

// keyFile has the secret of the tokens that withTokens makes.
const keyFile = "testdata/keys/secret"

var writtenToken = regexp.MustCompile(`<(\{.*?\})>`)

// withTokens puts a token in the place of each <{what it says}> in a text. Its exp and
// nbf may be written as how far ahead they are, such as "1h".
func withTokens(text string) string {
	return writtenToken.ReplaceAllStringFunc(text, func(written string) string {
		return makeToken(written[1 : len(written)-1])
	})
}

// makeToken signs claims as another program would (RFC 7515, A.1).
func makeToken(written string) string {
	var claims map[string]any
	if err := json.Unmarshal([]byte(written), &claims); err != nil {
		panic(written + ": " + err.Error())
	}
	for _, key := range []string{"exp", "nbf"} {
		if ahead, ok := claims[key].(string); ok {
			d, err := time.ParseDuration(ahead)
			if err != nil {
				panic(written + ": " + err.Error())
			}
			claims[key] = time.Now().Add(d).Unix()
		}
	}
	payload, err := json.Marshal(claims)
	if err != nil {
		panic(err)
	}
	secret, err := os.ReadFile(keyFile)
	if err != nil {
		panic(err)
	}
	encode := base64.RawURLEncoding.EncodeToString
	text := encode([]byte(`{"alg":"HS256"}`)) + "." + encode(payload)
	mac := hmac.New(sha256.New, bytes.TrimRight(secret, "\n"))
	mac.Write([]byte(text))
	return text + "." + encode(mac.Sum(nil))
}

func TestBearer(t *testing.T) {
	long := strings.Repeat("x", token.MaxBytes+1)
	for _, tt := range []struct {
		values []string
		want   string
	}{
		{nil, ""},
		{[]string{"Bearer a.b.c"}, "a.b.c"},
		{[]string{"bEARER   a.b.c "}, "a.b.c"},
		{[]string{"Basic YTpi", "Bearer a"}, "a"},
		{[]string{"Bearer", "Bearer "}, ""},
		{[]string{"Bearera", "a Bearer b"}, ""},
		{[]string{"Bearer " + long + "more"}, long},
	} {
		if got := bearerIn(http.Header{"Authorization": tt.values}); got != tt.want {
			t.Errorf("%.40q: %.40q, want %.40q", tt.values, got, tt.want)
		}
	}
}

// What a token says becomes a login, by the rules for names and roles.
func TestTokenBecomesLogin(t *testing.T) {
	a, err := newAuthority([]string{keyFile}, token.Rules{Leeway: time.Minute}, nil)
	if err != nil {
		t.Fatal(err)
	}
	exp := time.Now().Add(time.Hour).Truncate(time.Second)
	for said, want := range map[string]Login{
		`"sub":" Ann  B "`:                      {Name: Name{"Ann B", "ann b"}, Grant: &Grant{}},
		`"sub":"ann","role":"TEACHER"`:          {Name: *nameOf("ann"), Role: "teacher", Grant: &Grant{}},
		`"sub":"ann","may_call":"Bob","room":7`: {},
		`"sub":"ann","may_call":[],"room":["B","a","b"]`: {Name: *nameOf("ann"),
			Grant: &Grant{MayCall: NameSet{}, Rooms: NameSet{"a", "b"}}},
		`"sub":""`:                    {},
		`"sub":"a\u0000"`:             {},
		`"sub":"ann","may_call":""`:   {},
		`"sub":"ann","room":["r",""]`: {},
	} {
		got, fault := a.verify(makeToken(fmt.Sprintf(`{%s,"exp":%d}`, said, exp.Unix())))
		if want.Grant != nil {
			want.Grant.Expires, want.Grant.Ends = exp, exp.Add(time.Minute)
		}
		if (fault == token.BadClaims) != (want.Grant == nil) || !reflect.DeepEqual(got, want) {
			t.Errorf("%s: %+v with %+v, %q; want %+v", said, got, got.Grant, fault, want)
		}
	}
}

// The log says once a minute for an address why sign-ins are refused, and counts the
// others.
func TestRefusedSignInsAreLogged(t *testing.T) {
	onStage(t, withKey, func(t *testing.T, s *stage) {
		s.Connect("ann", "/", nil)
		for _, message := range []string{
			`{"type":"login","name":"ann"}`,
			`{"type":"login","token":"nonsense"}`,
			`{"type":"login","token":"<{"sub":"ann","exp":"-1h"}>"}`,
		} {
			s.do("ann", message)
			s.Next("ann")
		}
		s.log.wantLines(t, `level=WARN msg="sign-in refused" reason=absent address=192.0.2.2`)
		s.Pass(14 * time.Second)
		s.do("ann", `{"type":"login","token":"<{"sub":"ann","exp":"1h"}>"}`)
		s.Next("ann")
		s.Pass(logs.WarningPause)
		s.log.lines()
		s.do("ann", `{"type":"login","token":"<{"sub":"ann","exp":"-1h"}>"}`)
		s.Next("ann")
		s.log.wantLines(t, `level=WARN msg="sign-in refused" reason=expired address=192.0.2.2 omitted=2`)
	})
}

// No line of the log, at any level, holds a token or a key, or a part of one.
func TestLogKeepsTokens(t *testing.T) {
	onStage(t, withKey+" -log-level debug", func(t *testing.T, s *stage) {
		secret, _ := os.ReadFile(keyFile)
		private := []string{string(secret)}
		try := func(how func(token string)) {
			for _, said := range []string{`{"sub":"ann","exp":"1h"}`, `{"sub":"ann","exp":"-1h"}`, `{"sub":"a\u0000","exp":"1h"}`, `{"sub":"ann","role":"pilot","exp":"1h"}`} {
				for _, token := range []string{makeToken(said), makeToken(said)[1:], makeToken(said) + "xxxxxxxxxxxx"} {
					private = append(private, token)
					s.Pass(logs.WarningPause) // or lines would be left out
					how(token)
				}
			}
		}
		try(func(token string) {
			s.Connect("ann", "/", nil)
			s.do("ann", fmt.Sprintf(`{"type":"login","token":%q}`, token))
		})
		try(func(token string) {
			s.Connect("ann", "/", http.Header{"Authorization": {"Bearer " + token}})
			s.do("ann", `{"id":"register"}`)
			s.do("ann", fmt.Sprintf(`{"id":%q,"token":{}}`, token))
		})
		try(func(token string) {
			s.Connect("ann", socketPath+"&token="+token, nil)
			s.do("ann", fmt.Sprintf(`40{"token":%q}`, token))
			s.do("ann", fmt.Sprintf(`42["login",{"name":"ann","token":[%q]}]`, token))
		})
		s.Pass(time.Hour)
		s.server.reloadKeys(func(file string, err error) { logReload(s.server.log, "token key", file, err) })
		logged := strings.Join(s.log.lines(), "\n")
		if !strings.Contains(logged, "sign-in refused") || !strings.Contains(logged, "signed in") || !strings.Contains(logged, "connection closed") {
			t.Fatalf("the log does not say enough to be looked through:\n%s", logged)
		}
		const part = 10 // characters
		for _, text := range private {
			for i := range len(text) - part {
				if strings.Contains(logged, text[i:i+part]) {
					t.Fatalf("the log has %q, a part of %q", text[i:i+part], text)
				}
			}
		}
	})
}

// After the keys have been read again, new ones count for whoever comes; who is signed
// in stays.
func TestKeysAreReadAgain(t *testing.T) {
	file := filepath.Join(t.TempDir(), "secret")
	secret, err := os.ReadFile(keyFile)
	if err != nil {
		t.Fatal(err)
	}
	write := func(text string) {
		t.Helper()
		if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	write("another secret of no less than 32 bytes")
	onStage(t, "-token-key-file "+file, func(t *testing.T, s *stage) {
		reload := func() { reload(s.server, nil) }
		login := func(client, code string) {
			t.Helper()
			s.Connect(client, "/", nil)
			s.do(client, `{"type":"login","token":"<{"sub":"ann","exp":"1h"}>"}`)
			if event, _ := s.Next(client); !strings.Contains(event.Text, code) {
				t.Errorf("%s hears %v, want %s", client, event, code)
			}
		}
		login("ann", "bad-token")
		write("too short")
		reload()
		login("bob", "bad-token")
		write(string(secret))
		reload()
		login("cyd", `"success":true`)
		write("another secret of no less than 32 bytes")
		reload()
		login("dan", "bad-token")
		s.do("cyd", `{"type":"ping"}`)
		if event, _ := s.Next("cyd"); event.Text != `{"type":"pong"}` {
			t.Errorf("cyd hears %v", event)
		}
		lines := slices.DeleteFunc(s.log.lines(), func(line string) bool { return !strings.Contains(line, "token key") })
		want := []string{
			fmt.Sprintf(`level=ERROR msg="the token key in use stays" file=%s error="%[1]s holds a secret of 9 bytes; HS256 needs 32 or more"`, file),
			`level=INFO msg="token key reloaded" file=` + file,
			`level=INFO msg="token key reloaded" file=` + file,
		}
		if !slices.Equal(lines, want) {
			t.Errorf("logged:\n%s\nwant:\n%s", strings.Join(lines, "\n"), strings.Join(want, "\n"))
		}
	})
}

// A page that begins with long-polling can send a header only there.
func TestBearerOfPolling(t *testing.T) {
	onStage(t, withKey, func(t *testing.T, s *stage) {
		_, open := s.request("GET", pollingPath, "", "Authorization", withTokens(`Bearer <{"sub":"ann","exp":"1h"}>`))
		id, _, _ := strings.Cut(strings.TrimPrefix(open, `0{"sid":"`), `"`)
		s.wantAnswer("POST", pollingPath+"&sid="+id, `40`, 200, "ok")
		s.goOver("ann", id)
		s.Next("ann")
		s.wantFrames("ann", `42["login",{"success":true,"name":"ann"}]`)
	})
}

// Behind a proxy it is the client's address that is counted.
func TestThrottleBehindAProxy(t *testing.T) {
	onStage(t, withKey+" "+forwards, func(t *testing.T, s *stage) {
		hears := func(client, address, want string) {
			t.Helper()
			s.Connect(client, "/", from(address))
			s.do(client, `{"type":"login"}`)
			if event, _ := s.Next(client); !strings.Contains(event.Text, want) {
				t.Errorf("%s from %s hears %v, want %s", client, address, event, want)
			}
		}
		for range 20 {
			hears("ann", "2001:db8:0:1::1", "bad-token")
		}
		hears("ann", "2001:db8:0:1::2", "rate-limited")
		hears("bob", "2001:db8:0:2::1", "bad-token")
	})
}

// In open mode a connection costs no more for tokens.
func TestSizeOfConnections(t *testing.T) {
	for what, tt := range map[string][2]uintptr{
		"a connection": {unsafe.Sizeof(connection{}), 416}, // both are size classes of the allocator
		"a client":     {unsafe.Sizeof(Client{}), 208},
	} {
		if tt[0] > tt[1] {
			t.Errorf("%s has %d bytes, more than %d", what, tt[0], tt[1])
		}
	}
	onStage(t, "", func(t *testing.T, s *stage) {
		s.signIn("ann")
		if s.server.tokens != nil || s.server.hub.registry.byKey["ann"].grant != nil {
			t.Error("there is something about tokens")
		}
	})
}

func TestTokenFlags(t *testing.T) {
	for args, want := range map[string]time.Duration{
		"": 5 * time.Minute,
		"-token-key-file a,b -token-issuer i -token-audience a -token-leeway 0": 15 * time.Second,
		"-token-key-file a -login-timeout 5m":                                   5 * time.Minute,
	} {
		cfg, err := parseConfig(strings.Fields(args), noEnv)
		if err != nil || cfg.loginTimeout != want {
			t.Errorf("%s: login timeout %v, %v; want %v", args, cfg.loginTimeout, err, want)
		}
	}
	cfg, err := parseConfig(nil, envOf(map[string]string{"SWITCHBOARD_TOKEN_KEY_FILE": "a,b", "SWITCHBOARD_LOGIN_TIMEOUT": "1m"}))
	if err != nil || len(cfg.tokenKeyFiles) != 2 || cfg.loginTimeout != time.Minute || cfg.tokenLeeway != 30*time.Second {
		t.Errorf("%v, %v, %v", cfg.tokenKeyFiles, cfg.loginTimeout, err)
	}
	for args, says := range map[string]string{
		"-token-key-file=":                            "-token-key-file names no file",
		"-token-key-file=,":                           "-token-key-file names no file",
		"-token-key-file " + strings.Repeat("a,", 17): "-token-key-file is given 17 times",
		"-token-issuer school":                        "-token-key-file",
		"-token-audience calls":                       "-token-key-file",
		"-token-key-file a -token-leeway -1s":         "-token-leeway: a time is 0 or more",
		"-token-key-file -----BEGIN":                  "-token-key-file: it is the name of a file",
	} {
		if _, err := parseConfig(strings.Fields(args), noEnv); err == nil || !strings.Contains(err.Error(), says) {
			t.Errorf("%s: %v, want %q", args, err, says)
		}
	}
}

// What keeps the server from starting names the flag and the file.
func TestKeyFilesAreReadAtTheStart(t *testing.T) {
	for file, says := range map[string]string{"no-such-file": "no such file", "testdata": "directory", "go.mod": "", keyFile: ""} {
		cfg, err := parseConfig([]string{"-token-key-file", keyFile + "," + file}, noEnv)
		if err != nil {
			t.Fatal(err)
		}
		_, err = newServer(cfg, slog.New(slog.DiscardHandler))
		if says == "" && err != nil || says != "" && (err == nil || !strings.HasPrefix(err.Error(), "-token-key-file: ") ||
			!strings.Contains(err.Error(), file) || !strings.Contains(err.Error(), says)) {
			t.Errorf("%s: %v, want %q", file, err, says)
		}
	}
}

func TestTokenCommand(t *testing.T) {
	a, err := newAuthority([]string{keyFile}, token.Rules{Issuer: "school"}, nil)
	if err != nil {
		t.Fatal(err)
	}
	env := envOf(map[string]string{"SWITCHBOARD_TOKEN_KEY_FILE": keyFile + ",other", "SWITCHBOARD_TOKEN_ISSUER": "school", "SWITCHBOARD_NAME": "eve"})
	for args, want := range map[string]Login{
		"-name ann": {Name: *nameOf("ann"), Grant: &Grant{}},
		"-name=Ann -role Teacher -may-call tess,tom -may-call bob -room= -ttl 2h": {Name: Name{"Ann", "ann"}, Role: "teacher",
			Grant: &Grant{MayCall: NameSet{"bob", "tess", "tom"}, Rooms: NameSet{}}},
	} {
		order, err := parseTokenOrder(strings.Fields(args), env)
		if err != nil {
			t.Errorf("%s: %v", args, err)
			continue
		}
		text, err := order.make()
		if err != nil {
			t.Errorf("%s: %v", args, err)
			continue
		}
		got, fault := a.verify(text)
		if left := time.Until(got.Grant.Expires); fault != "" || left > order.ttl || left < order.ttl-time.Minute {
			t.Errorf("%s: %q, holds for %v", args, fault, left)
		}
		got.Grant.Expires, got.Grant.Ends = time.Time{}, time.Time{}
		if !reflect.DeepEqual(got, want) {
			t.Errorf("%s: %+v with %+v", args, got, got.Grant)
		}
	}
	for args, says := range map[string]string{
		"": "-name is needed", "-name=": "-name is needed", "-name a\x01": "-name is needed", "-name ann -may-call b\x01": "-may-call takes",
		"-name ann -room " + strings.Repeat("r,", 101): "-room takes up to 100", "ann": "ann is not expected", "-name ann -ttl 0": "above zero",
		"-name ann -key-file no-such-file": "no such file", "-name ann -listen :1": "-listen is not a flag",
		"-name ann -may-call " + strings.Repeat(strings.Repeat("x", 60)+",", 99): "4096 bytes",
	} {
		order, err := parseTokenOrder(strings.Fields(args), env)
		if err == nil {
			_, err = order.make()
		}
		if err == nil || !strings.Contains(err.Error(), says) || strings.Contains(err.Error(), "\n") {
			t.Errorf("%.60s: %v, want %q", args, err, says)
		}
	}
}
