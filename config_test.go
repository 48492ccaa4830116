package main

import (
	"errors"
	"flag"
	"log/slog"
	"os"
	"reflect"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"golang.org/x/time/rate"

	"switchboard/internal/access"
	"switchboard/internal/flags"
)

// defaultConfig is the configuration of a program started with no flags.
func defaultConfig() Config {
	var cfg Config
	newFlags(&cfg)
	return cfg
}

// variable returns the environment variable of a flag.
func variable(name string) string { return flags.EnvName(newFlags(&Config{}), name) }

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
		envOf(env))
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
	if want := (access.Origins{"https://a.example", "https://b.example", "*"}); !slices.Equal(cfg.origins, want) {
		t.Errorf("origins are %q, want %q: a list may be given several times", cfg.origins, want)
	}
	if standard := defaultConfig(); !slices.Equal(standard.listen, []string{":9090"}) || standard.loginTimeout != 5*time.Minute {
		t.Errorf("%+v", standard)
	}
}

// Whatever is wrong is said in one line that names the flag, or the variable,
// and says what would do.
func TestConfigRefusals(t *testing.T) {
	for _, tt := range []struct{ flag, value, says string }{
		{"listen", "9090", "of the form host:port"}, {"listen", ":99999", "port"}, {"listen", ":http", "port"},
		{"listen", "http://localhost:9090", "of the form host:port"}, {"listen", "a b:9090", "host"}, {"listen", "10.0.0.300:9090", "host"},
		{"listen", "unix:", "needs a path"}, {"listen", "unix:/" + strings.Repeat("x", 107), "107 bytes"},
		{"base-path", "call", "begins with a slash"},
		{"origins", "https://a.example, app.example", "number 2: "},
		{"trusted-proxies", "home", "10.0.0.0/8"}, {"trusted-proxies", "10.0.0.0/8,::1,10.0.0.0/99", "number 3: "},
		{"tls-key", "-----BEGIN PRIVATE KEY-----", "name of a file"}, {"tls-cert", "MII\nMII", "name of a file"},
		{"tls-self-signed", "yes", "true or false"}, {"greeting", "on", "true or false"}, {"check", "2", "true or false"},
		{"may-call", "teacher", "teacher:student"}, {"may-call", "a:b:c", "teacher:student"}, {"may-call", ":b", "teacher:student"},
		{"max-calls", "0", "whole number, at least 1"}, {"max-calls", "1.5", "whole number"}, {"burst", "0", "at least 1"},
		{"max-connections", "-1", "at least 0"}, {"max-connections-per-ip", "many", "whole number"},
		{"ring-timeout", "45", "45s"}, {"ring-timeout", "0s", "above zero"}, {"pong-timeout", "-1s", "above zero"},
		{"turn-ttl", "4999ms", "at least 5s"}, {"turn-ttl", "0", "above zero"}, {"turn-secret-file", "a\nb", "name of a file"}, {"turn", "turn:user@host", "a user and a password"},
		{"max-message", "0", "above zero"}, {"max-message", "64kb", "64KiB"}, {"max-queue", "1e6", "64KiB"},
		{"rate", "-1", "messages a second"}, {"rate", "x", "messages a second"}, {"rate", "NaN", "messages a second"}, {"rate", "Inf", "messages a second"},
		{"log-format", "xml", "text or json"}, {"log-level", "loud", "debug, info, warn or error"},
	} {
		_, byFlag := parseConfig([]string{"-" + tt.flag + "=" + tt.value}, noEnv)
		wantRefusal(t, byFlag, "-"+tt.flag+": ", tt.says, tt.value)
		_, byEnv := parseConfig(nil, envOf(map[string]string{variable(tt.flag): tt.value}))
		wantRefusal(t, byEnv, variable(tt.flag)+": ", tt.says, tt.value)
	}
}

func wantRefusal(t *testing.T, err error, named, says, value string) {
	t.Helper()
	if err == nil {
		t.Errorf("%s%s is taken", named, value)
		return
	}
	text := err.Error()
	if !strings.HasPrefix(text, named) || !strings.Contains(text, says) || strings.Contains(text, "\n") {
		t.Errorf("of %q it is said %q, want one line that begins with %s and tells of %q", value, text, named, says)
	}
}

func envOf(env map[string]string) func(string) (string, bool) {
	return func(name string) (string, bool) { value, ok := env[name]; return value, ok }
}

// What is wrong with the command line as a whole.
func TestCommandLineRefusals(t *testing.T) {
	for args, says := range map[string]string{
		"-nonsense":         "-nonsense is not a flag",
		"--nonsense=1":      "-nonsense is not a flag",
		"start":             "start is not expected",
		"-greeting false":   "-greeting=false",
		"-ring-timeout":     "-ring-timeout needs a value",
		"-listen ,":         "-listen names no address",
		"-max-queue 100KiB": "-max-queue is too small",
		"-tls-cert a":       "-tls-key",
		"-tls-key a":        "-tls-cert",
		"-pong-timeout 1h":  "-ping-interval",
		"-tls-self-signed -tls-cert a -tls-key b": "leave out -tls-cert",
	} {
		_, err := parseConfig(strings.Fields(args), noEnv)
		if err == nil || !strings.Contains(err.Error(), says) || strings.Contains(err.Error(), "\n") {
			t.Errorf("%s: got %v, want one line with %q", args, err, says)
		}
	}
	for _, help := range []string{"-h", "--help"} {
		if _, err := parseConfig([]string{"-greeting", help}, noEnv); !errors.Is(err, flag.ErrHelp) {
			t.Errorf("%s: got %v", help, err)
		}
	}
}

// A variable that is empty is one that was not given: Compose files make such.
func TestEmptyEnvironment(t *testing.T) {
	for _, empty := range []string{"", " ", "\r"} {
		cfg, err := parseConfig(nil, func(string) (string, bool) { return empty, true })
		if err != nil {
			t.Fatalf("%q: %v", empty, err)
		}
		if want := defaultConfig(); !reflect.DeepEqual(cfg, want) {
			t.Errorf("%q: got %+v, want %+v", empty, cfg, want)
		}
	}
	if cfg, err := parseConfig(nil, envOf(map[string]string{"SWITCHBOARD_GREETING": "true\r"})); err != nil || !cfg.greeting {
		t.Errorf("a file from Windows: %v, %v", cfg.greeting, err)
	}
}

// No error repeats a value: it may be a password, in its place or in a wrong
// one.
func TestErrorsKeepSecrets(t *testing.T) {
	const secret = "hunter2"
	check := func(name, value string, err error) {
		if err != nil && strings.Contains(err.Error(), secret) {
			t.Errorf("%s %s: %v", name, value, err)
		}
	}
	for _, value := range []string{
		secret, "turn:user:" + secret + "@turn.example.org:99999999", "turn:user:" + secret + "@", "turn:" + secret, "turn:user:%" + secret + "@host",
		"stun:user:" + secret + "@host", "https://user:" + secret + "@host/%zz", "a," + secret + ",b", "-----BEGIN " + secret, secret + "\n",
	} {
		newFlags(&Config{}).VisitAll(func(f *flag.Flag) {
			_, err := parseConfig([]string{"-" + f.Name + "=" + value}, noEnv)
			check("-"+f.Name, value, err)
			_, err = parseConfig(nil, envOf(map[string]string{variable(f.Name): value}))
			check(variable(f.Name), value, err)
		})
		for _, args := range [][]string{{value}, {"-" + value}, {"--" + value}, {"-turn" + value}, {"-turn=", value}, {"-turn:" + value, "x"}} {
			_, err := parseConfig(args, noEnv)
			if err == nil {
				t.Errorf("%q is taken", args)
			}
			check("", strings.Join(args, " "), err)
		}
	}
}

// What is asked, for each way in which the server may have been started.
func TestHealthCheckTarget(t *testing.T) {
	for _, tt := range []struct{ args, env, url, socket string }{
		{"", "", "http://127.0.0.1:9090/healthz", ""},
		{"", "LISTEN=0.0.0.0:80,unix:/run/x", "http://127.0.0.1:80/healthz", ""},
		{"", "LISTEN=[::]:80", "http://127.0.0.1:80/healthz", ""},
		{"", "LISTEN=192.0.2.7:80", "http://192.0.2.7:80/healthz", ""},
		{"", "LISTEN=unix:/run/x.sock", "http://localhost/healthz", "/run/x.sock"},
		{"-base-path /call", "TLS_SELF_SIGNED=true", "https://127.0.0.1:9090/call/healthz", ""},
		{"-listen :1 -tls-cert c -tls-key k", "LISTEN=:2", "https://127.0.0.1:1/healthz", ""},
		{"localhost:81", "BASE_PATH=/call", "http://localhost:81/call/healthz", ""},
		{":81", "", "http://127.0.0.1:81/healthz", ""},
		{"unix:/run/y.sock", "LISTEN=:1", "http://localhost/healthz", "/run/y.sock"},
		{"http://host:1", "TLS_SELF_SIGNED=true", "http://host:1/healthz", ""},
		{"https://host/call/", "", "https://host/call/healthz", ""},
		{"https://host/call", "", "https://host/call/healthz", ""},
		{"https://host/call/readyz", "", "https://host/call/readyz", ""},
	} {
		env := map[string]string{}
		if name, value, ok := strings.Cut(tt.env, "="); ok {
			env["SWITCHBOARD_"+name] = value
		}
		h, err := parseHealthCheck(strings.Fields(tt.args), envOf(env))
		if err != nil || h.URL.String() != tt.url || h.Socket != tt.socket {
			t.Errorf("health %s with %s asks %v at %q, %v; want %s at %q", tt.args, tt.env, h.URL, h.Socket, err, tt.url, tt.socket)
		}
	}
	for args, says := range map[string]string{
		"http://a http://b": "one URL", "nonsense": "a URL such as", "ftp://host/": "a URL such as", "http://u:hunter2@host:port/": "a URL such as",
		"-listen :0": "port 0", "-nonsense": "not a flag", "-listen ,": "names no address",
	} {
		if _, err := parseHealthCheck(strings.Fields(args), noEnv); err == nil || !strings.Contains(err.Error(), says) || strings.Contains(err.Error(), "hunter2") {
			t.Errorf("health %s: %v, want %q", args, err, says)
		}
	}
}
