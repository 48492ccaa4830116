package main

import (
	"errors"
	"flag"
	"fmt"
	"io"
	"log/slog"
	"math"
	"path"
	"slices"
	"strconv"
	"strings"
	"time"

	"golang.org/x/time/rate"

	"switchboard/internal/access"
	"switchboard/internal/flags"
	"switchboard/internal/health"
	"switchboard/internal/ice"
	"switchboard/internal/listen"
	"switchboard/internal/token"
)

// Config is what flags and environment say. newFlags gives the meaning and
// the default of each.
type Config struct {
	listen         []string // host:port, or unix:/path
	basePath       string   // begins and ends with a slash
	origins        access.Origins
	trustedProxies access.Proxies
	tlsCert        string
	tlsKey         string
	tlsSelfSigned  bool
	static         string // a directory; "": the demo page

	mayCall  Rights
	maxCalls int
	stun     []ice.Server
	turn     []ice.Server
	greeting bool

	turnSecretFile string
	turnTTL        time.Duration
	tokenKeyFiles  []string // none: open mode
	tokenIssuer    string
	tokenAudience  string
	tokenLeeway    time.Duration

	ringTimeout  time.Duration
	loginTimeout time.Duration
	pingInterval time.Duration
	pongTimeout  time.Duration
	writeTimeout time.Duration
	resumeWindow time.Duration
	drainTimeout time.Duration

	maxMessage          int64 // bytes
	maxQueue            int64 // bytes
	rate                rate.Limit
	burst               int
	maxConnections      int
	maxConnectionsPerIP int

	logFormat string
	logLevel  slog.Level

	check   bool
	version bool
}

// newFlags defines the flags, which set cfg. README.md shows them as a
// table; a test compares the two.
func newFlags(cfg *Config) *flag.FlagSet {
	f := flag.NewFlagSet("switchboard", flag.ContinueOnError)
	f.SetOutput(io.Discard)

	flags.List(f, &cfg.listen, "listen", ":9090", "address to listen on, or unix:/path; repeatable", listen.ParseAddress)
	flags.Value(f, &cfg.basePath, "base-path", "/", "path that everything is served below, such as /call/, for a proxy that does not strip it", parseBasePath)
	flags.List(f, &cfg.origins, "origins", "", "origins of other pages that may connect and frame the demo page, such as https://app.example.org or https://*.example.org; null for pages from disk; * for all", access.ParseOrigin)
	flags.List(f, &cfg.trustedProxies, "trusted-proxies", "", "addresses or networks of proxies whose X-Forwarded-For is believed; a proxy on a unix socket is always believed", access.ParseProxy)
	flags.Value(f, &cfg.tlsCert, "tls-cert", "", "PEM file with the certificate for TLS; read again on SIGHUP", parseFile)
	flags.Value(f, &cfg.tlsKey, "tls-key", "", "PEM file with the private key of -tls-cert; read again on SIGHUP", parseFile)
	flags.Switch(f, &cfg.tlsSelfSigned, "tls-self-signed", "serve TLS with a certificate made at start, so that a second device in the network may use its camera")
	flags.Value(f, &cfg.static, "static", "", "directory to serve in place of the demo page", parseFile)

	flags.Value(f, &cfg.mayCall, "may-call", "teacher:student,teacher:-,-:-", "who may call whom, as pairs of roles, caller:callee; - stands for no role", parseRights)
	flags.Value(f, &cfg.maxCalls, "max-calls", "8", "how many calls at once a client may have if its role may call others; other clients may have one", atLeast(1))
	flags.List(f, &cfg.stun, "stun", "", "STUN servers to tell clients of, such as stun:stun.example.org:3478", ice.STUN)
	flags.List(f, &cfg.turn, "turn", "", "TURN servers to tell clients of, such as turn:user:password@turn.example.org:3478; best given as SWITCHBOARD_TURN, since everybody on the machine can read flags; without user:password@ it needs -turn-secret-file", ice.TURN)
	flags.Value(f, &cfg.turnSecretFile, "turn-secret-file", "", "file with the secret shared with TURN servers that are given without user:password@ (coturn's static-auth-secret), for credentials that expire; read again on SIGHUP", parseFile)
	flags.Value(f, &cfg.turnTTL, "turn-ttl", "12h", "how long credentials made by -turn-secret-file hold, at least 5s", parseTTL)
	flags.Switch(f, &cfg.greeting, "greeting", "greet each connection with a line of text, as the tutorial's server does")

	flags.List(f, &cfg.tokenKeyFiles, "token-key-file", "", "sign-in by token (JWT): file with a secret (HS256), or with a public key in PEM (EdDSA, RS256); repeatable; read again on SIGHUP", parseFile)
	flags.Value(f, &cfg.tokenIssuer, "token-issuer", "", "issuer (iss) that every token must have", parseText)
	flags.Value(f, &cfg.tokenAudience, "token-audience", "", "audience (aud) that every token must name", parseText)
	flags.Value(f, &cfg.tokenLeeway, "token-leeway", "30s", "how far the clocks of the server and of those who make tokens may differ; may be 0", parseLeeway)

	flags.Value(f, &cfg.ringTimeout, "ring-timeout", "45s", "how long a call may ring", parseDuration)
	flags.Value(f, &cfg.loginTimeout, "login-timeout", "5m", "how long a connection may go without signing in or joining a room; 15s with -token-key-file, unless it is given", parseDuration)
	flags.Value(f, &cfg.pingInterval, "ping-interval", "25s", "how often each connection is pinged", parseDuration)
	flags.Value(f, &cfg.pongTimeout, "pong-timeout", "10s", "how long a client may take to answer a ping", parseDuration)
	flags.Value(f, &cfg.writeTimeout, "write-timeout", "5s", "how long a client may take to read the next 16 KiB of what is written to it", parseDuration)
	flags.Value(f, &cfg.resumeWindow, "resume-window", "30s", "how long a client that asked for it may take to come back after its connection was lost; 0: clients cannot come back", parseWindow)
	flags.Value(f, &cfg.drainTimeout, "drain-timeout", "10s", "how long a stop waits for connections to close", parseDuration)

	flags.Value(f, &cfg.maxMessage, "max-message", "64KiB", "how large a message from a client may be", parseSize)
	flags.Value(f, &cfg.maxQueue, "max-queue", "1MiB", "how much may wait to be sent to a client before it is disconnected as too slow", parseSize)
	flags.Value(f, &cfg.rate, "rate", "50", "how many messages a second a client may send; 0: no limit", parseRate)
	flags.Value(f, &cfg.burst, "burst", "200", "how many messages a client may send at once before -rate applies", atLeast(1))
	flags.Value(f, &cfg.maxConnections, "max-connections", "0", "how many connections there may be at once; 0: no limit", atLeast(0))
	flags.Value(f, &cfg.maxConnectionsPerIP, "max-connections-per-ip", "0", "how many connections one address, or one IPv6 /64, may have at once; 0: no limit", atLeast(0))

	flags.Value(f, &cfg.logFormat, "log-format", "text", "form of the log: text or json", oneOf("text", "json"))
	flags.Value(f, &cfg.logLevel, "log-level", "info", "lowest level that is logged: debug, info, warn or error", parseLevel)

	flags.Switch(f, &cfg.check, "check", "check the configuration and exit")
	flags.Switch(f, &cfg.version, "version", "print the version and exit")
	return f
}

// parseConfig reads the command line, then the environment for what it does
// not say. The error is one line; flag.ErrHelp asks for the usage.
func parseConfig(args []string, lookupEnv func(string) (string, bool)) (Config, error) {
	var cfg Config
	f := newFlags(&cfg)
	rest, err := flags.Set(f, args, lookupEnv)
	switch {
	case err != nil:
		return cfg, err
	case len(rest) > 0:
		return cfg, stray(rest[0])
	case flags.Given(f, "token-key-file") && !cfg.usesTokens():
		return cfg, errors.New("-token-key-file names no file") // and is not to be taken for open mode
	}
	if cfg.usesTokens() && !flags.Given(f, "login-timeout") {
		cfg.loginTimeout = tokenLoginTimeout
	}
	return cfg, cfg.validate()
}

// tokenLoginTimeout is the login timeout where sign-in is by token: pages have theirs
// at hand when they connect, and nobody has to type a name first.
const tokenLoginTimeout = 15 * time.Second

// parseHealthCheck reads what follows `switchboard health`: a URL or an
// address, or else the flags and the environment of the server itself.
func parseHealthCheck(args []string, lookupEnv func(string) (string, bool)) (health.Check, error) {
	var cfg Config
	rest, err := flags.Set(newFlags(&cfg), args, lookupEnv)
	switch {
	case err != nil:
		return health.Check{}, err
	case len(rest) > 1:
		return health.Check{}, errors.New("health takes one URL")
	case len(rest) == 0 && len(cfg.listen) == 0:
		return health.Check{}, cfg.validate()
	case len(rest) == 0:
		return cfg.healthCheck(cfg.listen[0])
	}
	if address, err := listen.ParseAddress(rest[0]); err == nil {
		return cfg.healthCheck(address)
	}
	return health.ParseURL(rest[0])
}

// healthCheck returns how to ask a server of this configuration that listens
// at the address.
func (cfg Config) healthCheck(address string) (health.Check, error) {
	scheme := "http"
	if cfg.servesTLS() {
		scheme = "https"
	}
	return health.Listening(address, scheme, cfg.basePath)
}

// stray says what is wrong with an argument that is no flag.
func stray(arg string) error {
	if arg == "true" || arg == "false" {
		return fmt.Errorf("a switch and its value are one word, such as -greeting=%s", arg)
	}
	return fmt.Errorf("%s is not expected: all settings are flags, such as -listen :9090", flags.Mention(arg, "an argument"))
}

// validate checks what one flag alone does not show.
func (cfg Config) validate() error {
	switch {
	case len(cfg.listen) == 0:
		return errors.New("-listen names no address")
	case cfg.maxMessage < minMessage:
		return fmt.Errorf("-max-message is too small for a login: it is at least %s", sizeText(minMessage))
	case cfg.maxQueue < minQueue(cfg.maxMessage):
		return fmt.Errorf("-max-queue is too small for a call with messages of %s: it is at least %s",
			sizeText(cfg.maxMessage), sizeText(minQueue(cfg.maxMessage)))
	case (cfg.tlsCert == "") != (cfg.tlsKey == ""):
		return errors.New("-tls-cert and -tls-key go together")
	case cfg.tlsSelfSigned && cfg.tlsCert != "":
		return errors.New("-tls-self-signed makes its own certificate: leave out -tls-cert")
	case len(cfg.tokenKeyFiles) > maxTokenKeys:
		return fmt.Errorf("-token-key-file is given %d times: there may be %d keys", len(cfg.tokenKeyFiles), maxTokenKeys)
	case !cfg.usesTokens() && cfg.tokenIssuer+cfg.tokenAudience != "":
		return errors.New("-token-issuer and -token-audience are of no use without -token-key-file")
	case cfg.pongTimeout > cfg.pingInterval:
		return fmt.Errorf("-pong-timeout (%v) may not be longer than -ping-interval (%v): set both", cfg.pongTimeout, cfg.pingInterval)
	}
	return nil
}

// maxTokenKeys bounds the keys, since a token may be tried with each of them.
const maxTokenKeys = 16

// minMessage is the least for -max-message.
const minMessage = 1 << 10

// minQueue returns the least for -max-queue. When a call is answered, a party
// may hear at once the answer, the offer, and all candidates that were held,
// and half of its queue is for that. Some space is left for what the hub says.
func minQueue(maxMessage int64) int64 { return 2 * (2*maxMessage + maxHeldBytes + 16<<10) }

// servesTLS reports whether connections are to be encrypted.
func (cfg Config) servesTLS() bool { return cfg.tlsCert != "" || cfg.tlsSelfSigned }

// tokenRules returns what has to hold of every token.
func (cfg Config) tokenRules() token.Rules {
	return token.Rules{Issuer: cfg.tokenIssuer, Audience: cfg.tokenAudience, Leeway: cfg.tokenLeeway}
}

// usesTokens reports whether clients sign in by token; else it is open mode.
func (cfg Config) usesTokens() bool { return len(cfg.tokenKeyFiles) > 0 }

// sizeText writes a number of bytes as parseSize reads it.
func sizeText(bytes int64) string {
	if bytes%(1<<10) != 0 {
		return strconv.FormatInt(bytes, 10)
	}
	return strconv.FormatInt(bytes>>10, 10) + "KiB"
}

// usage describes the flags.
func usage(w io.Writer) {
	var cfg Config
	f := newFlags(&cfg)
	f.SetOutput(w)
	fmt.Fprint(w, "Switchboard connects two browsers for a WebRTC call.\n\nUsage:\n"+
		"  switchboard [flags]                serve\n"+
		"  switchboard health [flags] [URL]   ask whether a server is well: the one with these flags, or the one at the URL\n"+
		"  switchboard token [flags]          make a token (switchboard token -h shows how)\n\nFlags:\n")
	f.PrintDefaults()
	fmt.Fprintf(w, "\nEach flag can be given by environment too: -ring-timeout as %s.\n", flags.EnvName(f, "ring-timeout"))
}

func parseBasePath(s string) (string, error) {
	if !strings.HasPrefix(s, "/") {
		return "", errors.New("a path prefix begins with a slash, such as /call/")
	}
	return strings.TrimSuffix(path.Clean(s), "/") + "/", nil
}

// parseFile takes the name of a file or directory. A key in place of its name
// would stand in the error that there is no such file.
func parseFile(s string) (string, error) {
	if strings.ContainsAny(s, "\n\x00") || strings.Contains(s, "-----BEGIN") {
		return "", errors.New("it is the name of a file, not what is in it")
	}
	return s, nil
}

func parseDuration(s string) (time.Duration, error) {
	d, err := time.ParseDuration(s)
	if err != nil || d <= 0 {
		return 0, errors.New("a time is above zero, and of the form 45s or 5m")
	}
	return d, nil
}

// parseWindow reads a time that may be 0.
func parseWindow(s string) (time.Duration, error) {
	if s == "0" || s == "0s" {
		return 0, nil
	}
	return parseDuration(s)
}

// minTURNTTL is the least for -turn-ttl: a client that was given new credentials has
// to set up a relay with them before they expire.
const minTURNTTL = 5 * time.Second

func parseTTL(s string) (time.Duration, error) {
	d, err := parseDuration(s)
	if err == nil && d < minTURNTTL {
		err = fmt.Errorf("it is at least %v", minTURNTTL)
	}
	return d, err
}

func parseLeeway(s string) (time.Duration, error) {
	d, err := time.ParseDuration(s)
	if err != nil || d < 0 {
		return 0, errors.New("a time is 0 or more, and of the form 30s or 1m")
	}
	return d, nil
}

func parseText(s string) (string, error) { return s, nil }

// parseSize reads a number of bytes, which may end in KiB or MiB.
func parseSize(s string) (int64, error) {
	number, unit := s, int64(1)
	for suffix, bytes := range map[string]int64{"KiB": 1 << 10, "MiB": 1 << 20} {
		if n, ok := strings.CutSuffix(s, suffix); ok {
			number, unit = n, bytes
		}
	}
	n, err := strconv.ParseInt(strings.TrimSpace(number), 10, 32)
	if err != nil || n < 1 {
		return 0, errors.New("a size is above zero, and of the form 65536, 64KiB or 1MiB")
	}
	return n * unit, nil
}

func parseRate(s string) (rate.Limit, error) {
	n, err := strconv.ParseFloat(s, 64)
	switch {
	case err != nil || !(n >= 0 && n <= math.MaxInt32): // nor NaN
		return 0, errors.New("it is a number of messages a second, such as 50 or 0.5; 0: no limit")
	case n == 0:
		return rate.Inf, nil
	}
	return rate.Limit(n), nil
}

func parseLevel(s string) (level slog.Level, err error) {
	if level.UnmarshalText([]byte(s)) != nil {
		err = errors.New("it is debug, info, warn or error")
	}
	return level, err
}

func atLeast(least int) func(string) (int, error) {
	return func(s string) (int, error) {
		n, err := strconv.Atoi(s)
		if err != nil || n < least {
			return 0, fmt.Errorf("it is a whole number, at least %d", least)
		}
		return n, nil
	}
}

func oneOf(words ...string) func(string) (string, error) {
	return func(s string) (string, error) {
		if slices.Contains(words, s) {
			return s, nil
		}
		return "", fmt.Errorf("it is %s", strings.Join(words, " or "))
	}
}
