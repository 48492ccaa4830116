package main

import (
	"encoding/json"
	"errors"
	"net/netip"
	"net/url"
	"slices"
	"strings"
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

// turnServer reads a TURN URI (RFC 7065) with the credentials that all
// clients are given: turn:user:password@host:port.
func turnServer(uri string) (iceServer, error) {
	scheme, rest, _ := strings.Cut(uri, ":")
	at := strings.LastIndexByte(rest, '@')
	if strings.HasPrefix(rest, "//") {
		return iceServer{}, errors.New("the address of a TURN server has no //: it is of the form turn:user:password@host:port")
	}
	if scheme != "turn" && scheme != "turns" || at < 0 {
		return iceServer{}, errors.New("a TURN server is of the form turn:user:password@host:port or turns:user:password@host:port")
	}
	user, password, _ := strings.Cut(rest[:at], ":")
	username, userErr := unescapeCredential(user)
	credential, passwordErr := unescapeCredential(password)
	if err := errors.Join(userErr, passwordErr); err != nil {
		return iceServer{}, errors.New("a TURN server needs a user and a password, turn:user:password@host:port, with %25 for a percent sign")
	}
	address, query, asked := strings.Cut(rest[at+1:], "?")
	if asked && query != "transport=udp" && query != "transport=tcp" {
		return iceServer{}, errors.New("behind a TURN server's port there may be ?transport=udp or ?transport=tcp, and nothing else")
	}
	if err := checkICEAddress(address); err != nil {
		return iceServer{}, err
	}
	return iceServer{URLs: []string{scheme + ":" + rest[at+1:]}, Username: username, Credential: credential}, nil
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

// iceServers returns what clients are told at login as JSON, or nil if there
// is nothing to tell.
func (cfg Config) iceServers() []byte {
	servers := slices.Concat(cfg.stun, cfg.turn)
	if len(servers) == 0 {
		return nil
	}
	list, err := json.Marshal(servers)
	if err != nil {
		panic(err) // strings only
	}
	return list
}
