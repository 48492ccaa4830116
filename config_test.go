package main

import (
	"errors"
	"flag"
	"log/slog"
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"golang.org/x/time/rate"
)

// defaultConfig is the configuration of a program started with no flags.
func defaultConfig() Config {
	var cfg Config
	newFlags(&cfg)
	return cfg
}

func noEnv(string) (string, bool) { return "", false }

// The table in README.md is what the program says of itself.
func TestReadmeShowsTheFlags(t *testing.T) {
	readme, err := os.ReadFile("README.md")
	if err != nil {
		t.Fatal(err)
	}
	row := regexp.MustCompile("(?m)^\\| `-([a-z-]+)` \\|(.*?)\\| (.*) \\|$")
	shown := map[string][2]string{}
	for _, m := range row.FindAllStringSubmatch(string(readme), -1) {
		shown[m[1]] = [2]string{strings.Trim(m[2], " `"), m[3]}
	}
	newFlags(&Config{}).VisitAll(func(f *flag.Flag) {
		standard := f.DefValue
		if standard == "false" {
			standard = "off"
		}
		if want := [2]string{standard, f.Usage}; shown[f.Name] != want {
			t.Errorf("README.md says of -%s %q, the program %q", f.Name, shown[f.Name], want)
		}
		delete(shown, f.Name)
	})
	for name := range shown {
		t.Errorf("README.md shows -%s, which there is not", name)
	}
}

func TestConfigFromFlagsAndEnvironment(t *testing.T) {
	env := map[string]string{
		"SWITCHBOARD_RING_TIMEOUT": "20s",
		"SWITCHBOARD_RATE":         "0",
		"SWITCHBOARD_LISTEN":       ":1,unix:/run/x",
		"SWITCHBOARD_GREETING":     "true",
	}
	cfg, err := parseConfig([]string{"-ring-timeout", "10s", "-max-message=16KiB", "-origins", "https://A.example",
		"-origins", "https://b.example/,*", "-base-path", "/call", "-log-level", "debug", "-trusted-proxies", "10.0.0.0/8,::1"},
		func(name string) (string, bool) { value, ok := env[name]; return value, ok })
	if err != nil {
		t.Fatal(err)
	}
	if cfg.ringTimeout != 10*time.Second {
		t.Error("a flag that is given must win over the environment")
	}
	if cfg.rate != rate.Inf || !cfg.greeting || !slices.Equal(cfg.listen, []string{":1", "unix:/run/x"}) {
		t.Errorf("the environment does not stand in: %v, %v, %v", cfg.rate, cfg.greeting, cfg.listen)
	}
	if cfg.maxMessage != 16<<10 || cfg.basePath != "/call/" || cfg.logLevel != slog.LevelDebug || len(cfg.trustedProxies) != 2 {
		t.Errorf("%+v", cfg)
	}
	if want := []string{"https://a.example", "https://b.example", "*"}; !slices.Equal(cfg.origins, want) {
		t.Errorf("origins are %q, want %q: a list may be given several times", cfg.origins, want)
	}
	if standard := defaultConfig(); !slices.Equal(standard.listen, []string{":9090"}) || standard.loginTimeout != 5*time.Minute {
		t.Errorf("%+v", standard)
	}
}

func TestConfigRefusals(t *testing.T) {
	for _, args := range []string{
		"-nonsense", "stray", "-listen 9090", "-listen unix:", "-listen :99999", "-listen ,", "-max-queue 100KiB", "-base-path call", "-origins app.example", "-origins https://a.example/path",
		"-trusted-proxies home", "-tls-cert a", "-tls-key a", "-tls-self-signed -tls-cert a -tls-key b", "-may-call teacher",
		"-may-call a:b:c", "-may-call :b", "-max-calls 0", "-max-calls x", "-stun stun.example.org", "-stun stun:", "-stun stun://stun.example.org", "-turn turn://u:p@host", "-turn turn:host:3478",
		"-turn turn:user@host", "-turn turn:u:p@", "-turn turn:u:%zz@host", "-ring-timeout 45", "-ring-timeout 0s", "-pong-timeout 1h",
		"-max-message 0", "-max-message 64kb", "-rate -1", "-rate x", "-rate NaN", "-burst 0", "-max-connections -1", "-log-format xml", "-log-level loud",
	} {
		_, err := parseConfig(strings.Fields(args), noEnv)
		if err == nil || strings.Contains(err.Error(), "\n") {
			t.Errorf("%s: got %v, want an error of one line", args, err)
		}
	}
	if _, err := parseConfig([]string{"-h"}, noEnv); !errors.Is(err, flag.ErrHelp) {
		t.Errorf("-h: got %v", err)
	}
	broken := func(name string) (string, bool) { return "soon", name == "SWITCHBOARD_RING_TIMEOUT" }
	if _, err := parseConfig(nil, broken); err == nil || !strings.Contains(err.Error(), "SWITCHBOARD_RING_TIMEOUT") {
		t.Errorf("got %v, want an error that names the variable", err)
	}
}

func TestICEServers(t *testing.T) {
	cfg, err := parseConfig([]string{"-stun", "stun:a:3478,stuns:b", "-turn", "turn:u%3A1:p@ss:w@c:3478?transport=udp"}, noEnv)
	if err != nil {
		t.Fatal(err)
	}
	want := `[{"urls":["stun:a:3478"]},{"urls":["stuns:b"]},{"urls":["turn:c:3478?transport=udp"],"username":"u:1","credential":"p@ss:w"}]`
	if got := string(cfg.iceServers()); got != want {
		t.Errorf("got %s, want %s", got, want)
	}
	if got := defaultConfig().iceServers(); got != nil {
		t.Errorf("got %s where none are set", got)
	}
}

func TestRights(t *testing.T) {
	rights, err := parseRights("Teacher:student, teacher:-,-:-")
	if err != nil {
		t.Fatal(err)
	}
	for _, tt := range []struct {
		caller, callee string
		may            bool
	}{
		{"teacher", "student", true}, {"teacher", "", true}, {"", "", true},
		{"student", "teacher", false}, {"student", "student", false}, {"student", "", false},
		{"", "teacher", false}, {"", "student", false}, {"teacher", "teacher", false},
	} {
		if got := rights.mayCall(tt.caller, tt.callee); got != tt.may {
			t.Errorf("mayCall(%q, %q) = %t", tt.caller, tt.callee, got)
		}
	}
	if !rights.holdsSeveral("teacher") || rights.holdsSeveral("student") || rights.holdsSeveral("") {
		t.Error("only a teacher holds several calls")
	}
	if rights.known["-"] || rights.known["doctor"] || !rights.known["student"] {
		t.Errorf("known roles are %v", rights.known)
	}
}
