package main

import (
	"bytes"
	"crypto/hmac"
	"crypto/sha1"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/netip"
	"net/url"
	"os"
	"slices"
	"strconv"
	"strings"
	"sync/atomic"
	"time"
	"unicode/utf8"

	"switchboard/internal/listen"
)

// iceServer is an RTCIceServer, as browsers take it.
type iceServer struct {
	URLs       []string `json:"urls"`
	Username   string   `json:"username,omitempty"`
	Credential string   `json:"credential,omitempty"`
}

// stunServer reads a STUN URI (RFC 7064).
func stunServer(uri string) (iceServer, error) {
	scheme, address, _ := strings.Cut(uri, ":")
	if scheme != "stun" && scheme != "stuns" {
		return iceServer{}, errors.New("a STUN server is of the form stun:host:port or stuns:host:port")
	}
	if err := checkICEAddress(address); err != nil {
		return iceServer{}, err
	}
	return iceServer{URLs: []string{uri}}, nil
}

// turnServer reads a TURN URI (RFC 7065), which may have the credentials that all
// clients are given: turn:user:password@host:port. Without them it is one of those
// that -turn-secret-file is for.
func turnServer(uri string) (server iceServer, err error) {
	scheme, rest, _ := strings.Cut(uri, ":")
	if scheme != "turn" && scheme != "turns" || strings.HasPrefix(rest, "//") {
		return iceServer{}, errors.New("a TURN server is of the form turn:user:password@host:port or turns:user:password@host:port; the host has no // before it")
	}
	if at := strings.LastIndexByte(rest, '@'); at >= 0 {
		if server, err = turnCredentials(rest[:at]); err != nil {
			return iceServer{}, err
		}
		rest = rest[at+1:]
	}
	address, query, asked := strings.Cut(rest, "?")
	if asked && query != "transport=udp" && query != "transport=tcp" {
		return iceServer{}, errors.New("behind a TURN server's port there may be ?transport=udp or ?transport=tcp, and nothing else")
	}
	server.URLs = []string{scheme + ":" + rest}
	return server, checkICEAddress(address)
}

// turnCredentials reads user:password.
func turnCredentials(s string) (iceServer, error) {
	user, password, _ := strings.Cut(s, ":")
	username, userErr := unescapeCredential(user)
	credential, passwordErr := unescapeCredential(password)
	if err := errors.Join(userErr, passwordErr); err != nil {
		return iceServer{}, errors.New("what stands before the @ of a TURN server is a user and a password, turn:user:password@host:port, with %25 for a percent sign")
	}
	return iceServer{Username: username, Credential: credential}, nil
}

func unescapeCredential(s string) (string, error) {
	s, err := url.PathUnescape(s)
	if err != nil || s == "" || !utf8.ValidString(s) {
		return "", errors.New("not a credential")
	}
	return s, nil
}

// checkICEAddress refuses what is not host, host:port, [IPv6] or [IPv6]:port.
// One such address makes browsers refuse the whole list.
func checkICEAddress(address string) error {
	host, port := address, "3478"
	if colon := strings.LastIndexByte(address, ':'); colon > strings.LastIndexByte(address, ']') {
		host, port = address[:colon], address[colon+1:]
	}
	inner, bracketed := strings.CutPrefix(host, "[")
	inner, closed := strings.CutSuffix(inner, "]")
	addr, _ := netip.ParseAddr(inner)
	switch {
	case bracketed != closed || bracketed != addr.Is6() || addr.Zone() != "" || !listen.IsHost(inner):
		return errors.New("the host is a name, an IPv4 address, or an IPv6 address in brackets")
	case !listen.IsPort(port, 1):
		return errors.New("the port is a number from 1 to 65535")
	}
	return nil
}

// iceServers are the STUN and TURN servers that clients are told of when they are
// signed in. Writers ask for them at the same time as SIGHUP has the secret read again.
type iceServers struct {
	list []byte // JSON; if credentials are made, it ends where the username begins

	// For credentials that expire. A TURN server that has the same secret checks them
	// without asking anybody (draft-uberti-behave-turn-rest-00, coturn's use-auth-secret).
	secretFile string
	secret     atomic.Pointer[[]byte]
	ttl        time.Duration // 0: none are made
}

// minTURNSecret is the least length of a secret, in bytes. Whoever has credentials could
// find a short one by trying all of its length.
const minTURNSecret = 16

// iceServers returns what clients are told, nil if there is nothing to tell.
func (cfg Config) iceServers() (*iceServers, error) {
	given, shared := cfg.turnServers()
	servers := slices.Concat(cfg.stun, given)
	switch {
	case cfg.turnSecretFile == "" && len(shared.URLs) > 0:
		return nil, errors.New("-turn: a TURN server without user:password@ needs -turn-secret-file")
	case cfg.turnSecretFile != "" && len(shared.URLs) == 0:
		return nil, fmt.Errorf("-turn-secret-file: %s is for a -turn without user:password@, and there is none", cfg.turnSecretFile)
	case cfg.turnSecretFile != "":
		list := bytes.TrimSuffix(listJSON(append(servers, shared)), []byte("}]"))
		ice := &iceServers{list: append(list, `,"username":"`...), secretFile: cfg.turnSecretFile, ttl: cfg.turnTTL}
		return ice, ice.reload()
	case len(servers) > 0:
		return &iceServers{list: listJSON(servers)}, nil
	}
	return nil, nil
}

func listJSON(servers []iceServer) []byte {
	list, err := json.Marshal(servers)
	if err != nil {
		panic(err) // strings only
	}
	return list
}

// turnServers returns the TURN servers that were given with their credentials, and as
// one all that share the secret: browsers ask each entry for a relay, and one is enough.
func (cfg Config) turnServers() (given []iceServer, shared iceServer) {
	for _, server := range cfg.turn {
		if server.Username == "" {
			shared.URLs = append(shared.URLs, server.URLs...)
			continue
		}
		given = append(given, server)
	}
	return given, shared
}

// reload reads the secret again. If that fails, the one in use stays.
func (ice *iceServers) reload() error {
	secret, err := readSecret(ice.secretFile, minTURNSecret)
	if err != nil {
		return fmt.Errorf("-turn-secret-file: %w", err)
	}
	ice.secret.Store(&secret)
	return nil
}

// lifetime returns how long the credentials hold that each party is given; 0 if none
// expire.
func (ice *iceServers) lifetime() time.Duration {
	if ice == nil {
		return 0
	}
	return ice.ttl
}

// append appends the servers as JSON. If their credentials expire they are made here,
// anew each time and for the party with that id, so that nothing keeps them.
func (ice *iceServers) append(dst []byte, id string) []byte {
	dst = append(dst, ice.list...)
	if ice.ttl == 0 {
		return dst
	}
	username := strconv.FormatInt(time.Now().Add(ice.ttl).Unix(), 10) + ":" + id
	return fmt.Appendf(dst, `%s","credential":"%s"}]`, username, turnPassword(*ice.secret.Load(), username))
}

// turnPassword returns the password that belongs to a username.
func turnPassword(secret []byte, username string) string {
	mac := hmac.New(sha1.New, secret)
	mac.Write([]byte(username))
	return base64.StdEncoding.EncodeToString(mac.Sum(nil))
}

// maxSecretFile bounds what is read of a file that is to hold a secret: it may be
// another one by mistake.
const maxSecretFile = 64 << 10

// readSecret returns what a file holds, without the line ends behind it. It refuses a
// secret of fewer than atLeast bytes. The error names the file, and nothing of its content.
func readSecret(file string, atLeast int) ([]byte, error) {
	content, err := readFile(file)
	if err != nil {
		return nil, err
	}
	secret := bytes.TrimRight(content, "\r\n")
	switch {
	case len(secret) == 0:
		return nil, fmt.Errorf("%s is empty", file)
	case len(secret) < atLeast:
		return nil, fmt.Errorf("%s holds a secret that is too short: it has at least %d bytes", file, atLeast)
	case len(content) > maxSecretFile:
		return nil, fmt.Errorf("%s is too large for a secret", file)
	}
	return secret, nil
}

// readFile returns the content of a file, or one byte more than maxSecretFile of it. It
// refuses what is no regular file: to open a pipe may wait for ever, and no signal would
// end the program meanwhile.
func readFile(name string) ([]byte, error) {
	info, err := os.Stat(name)
	switch {
	case err != nil:
		return nil, err
	case info.IsDir():
		return nil, fmt.Errorf("%s is a directory", name)
	case !info.Mode().IsRegular():
		return nil, fmt.Errorf("%s is not a file", name)
	}
	file, err := os.Open(name)
	if err != nil {
		return nil, err
	}
	defer file.Close()
	return io.ReadAll(io.LimitReader(file, maxSecretFile+1))
}
