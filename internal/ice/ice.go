// Package ice holds the STUN and TURN servers that clients are told of, and makes their
// credentials for these.
package ice

import (
	"bytes"
	"crypto/hmac"
	"crypto/sha1"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"net/netip"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"sync/atomic"
	"time"
	"unicode/utf8"

	"switchboard/internal/keyfile"
	"switchboard/internal/listen"
)

// Server is an RTCIceServer, as browsers take it.
type Server struct {
	URLs       []string `json:"urls"`
	Username   string   `json:"username,omitempty"`
	Credential string   `json:"credential,omitempty"`
}

// STUN reads a STUN URI (RFC 7064).
func STUN(uri string) (Server, error) {
	scheme, address, _ := strings.Cut(uri, ":")
	if scheme != "stun" && scheme != "stuns" {
		return Server{}, errors.New("a STUN server is of the form stun:host:port or stuns:host:port")
	}
	if err := checkAddress(address); err != nil {
		return Server{}, err
	}
	return Server{URLs: []string{uri}}, nil
}

// TURN reads a TURN URI (RFC 7065), which may have the credentials that all
// clients are given: turn:user:password@host:port. Without them it is one of those
// that -turn-secret-file is for.
func TURN(uri string) (server Server, err error) {
	scheme, rest, _ := strings.Cut(uri, ":")
	if scheme != "turn" && scheme != "turns" || strings.HasPrefix(rest, "//") {
		return Server{}, errors.New("a TURN server is of the form turn:user:password@host:port or turns:user:password@host:port; the host has no // before it")
	}
	if at := strings.LastIndexByte(rest, '@'); at >= 0 {
		if server, err = credentials(rest[:at]); err != nil {
			return Server{}, err
		}
		rest = rest[at+1:]
	}
	address, query, asked := strings.Cut(rest, "?")
	if asked && query != "transport=udp" && query != "transport=tcp" {
		return Server{}, errors.New("behind a TURN server's port there may be ?transport=udp or ?transport=tcp, and nothing else")
	}
	server.URLs = []string{scheme + ":" + rest}
	return server, checkAddress(address)
}

// credentials reads user:password.
func credentials(s string) (Server, error) {
	user, password, _ := strings.Cut(s, ":")
	username, userErr := unescapeCredential(user)
	credential, passwordErr := unescapeCredential(password)
	if err := errors.Join(userErr, passwordErr); err != nil {
		return Server{}, errors.New("what stands before the @ of a TURN server is a user and a password, turn:user:password@host:port, with %25 for a percent sign")
	}
	return Server{Username: username, Credential: credential}, nil
}

func unescapeCredential(s string) (string, error) {
	s, err := url.PathUnescape(s)
	if err != nil || s == "" || !utf8.ValidString(s) {
		return "", errors.New("not a credential")
	}
	return s, nil
}

// checkAddress refuses what is not host, host:port, [IPv6] or [IPv6]:port.
// One such address makes browsers refuse the whole list.
func checkAddress(address string) error {
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

// Servers are the STUN and TURN servers that clients are told of when they are
// signed in. Writers ask for them at the same time as SIGHUP has the secret read again.
type Servers struct {
	list []byte // JSON; if credentials are made, it ends where the username begins

	// For credentials that expire. A TURN server that has the same secret checks them
	// without asking anybody (draft-uberti-behave-turn-rest-00, coturn's use-auth-secret).
	secretFile string
	secret     atomic.Pointer[[]byte]
	ttl        time.Duration // 0: none are made
}

// minSecret is the least length of a secret, in bytes. Whoever has credentials could
// find a short one by trying all of its length.
const minSecret = 16

// New returns what clients are told, nil if there is nothing to tell. TURN servers without
// a username need secretFile, the file with the secret that they share with this server;
// ttl is how long the credentials hold that are made by it. Errors name the flag and the
// file, and hold nothing of what is in it.
func New(stun, turn []Server, secretFile string, ttl time.Duration) (*Servers, error) {
	given, shared := bySecret(turn)
	known := slices.Concat(stun, given)
	switch {
	case secretFile == "" && len(shared.URLs) > 0:
		return nil, errors.New("-turn: a TURN server without user:password@ needs -turn-secret-file")
	case secretFile != "" && len(shared.URLs) == 0:
		return nil, fmt.Errorf("-turn-secret-file: %s is for a -turn without user:password@, and there is none", secretFile)
	case secretFile != "":
		list := bytes.TrimSuffix(encode(append(known, shared)), []byte("}]"))
		s := &Servers{list: append(list, `,"username":"`...), secretFile: secretFile, ttl: ttl}
		return s, s.Reload()
	case len(known) > 0:
		return &Servers{list: encode(known)}, nil
	}
	return nil, nil
}

func encode(servers []Server) []byte {
	list, err := json.Marshal(servers)
	if err != nil {
		panic(err) // strings only
	}
	return list
}

// bySecret returns the TURN servers that were given with their credentials, and as one
// all that share the secret: browsers ask each entry for a relay, and one is enough.
func bySecret(turn []Server) (given []Server, shared Server) {
	for _, server := range turn {
		if server.Username == "" {
			shared.URLs = append(shared.URLs, server.URLs...)
			continue
		}
		given = append(given, server)
	}
	return given, shared
}

// Reload reads the secret again. If that fails, the one in use stays.
func (s *Servers) Reload() error {
	secret, err := readSecret(s.secretFile)
	if err != nil {
		return fmt.Errorf("-turn-secret-file: %w", err)
	}
	s.secret.Store(&secret)
	return nil
}

// Lifetime returns how long the credentials hold that each party is given; 0 if none
// expire.
func (s *Servers) Lifetime() time.Duration {
	if s == nil {
		return 0
	}
	return s.ttl
}

// Append appends the servers as JSON. If their credentials expire they are made here,
// anew each time and for the party with that id, so that nothing keeps them.
func (s *Servers) Append(dst []byte, id string) []byte {
	dst = append(dst, s.list...)
	if s.ttl == 0 {
		return dst
	}
	username := strconv.FormatInt(time.Now().Add(s.ttl).Unix(), 10) + ":" + id
	return fmt.Appendf(dst, `%s","credential":"%s"}]`, username, password(*s.secret.Load(), username))
}

// password returns the password that belongs to a username.
func password(secret []byte, username string) string {
	mac := hmac.New(sha1.New, secret)
	mac.Write([]byte(username))
	return base64.StdEncoding.EncodeToString(mac.Sum(nil))
}

// readSecret returns what a file holds, without the line ends behind it.
func readSecret(file string) ([]byte, error) {
	content, err := keyfile.Read(file)
	if err != nil {
		return nil, err
	}
	secret := bytes.TrimRight(content, "\r\n")
	switch {
	case len(secret) == 0:
		return nil, fmt.Errorf("%s is empty", file)
	case len(secret) < minSecret:
		return nil, fmt.Errorf("%s holds a secret that is too short: it has at least %d bytes", file, minSecret)
	}
	return secret, nil
}
