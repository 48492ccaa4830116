package main

import (
	"log/slog"
	"reflect"
	"strings"
	"testing"
	"time"

	"switchboard/internal/token"
)

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
