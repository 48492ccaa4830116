package main

import (
	"encoding/json"
	"fmt"
	"net/url"
	"slices"
	"strings"
)

// iceServer is an RTCIceServer, as browsers take it.
type iceServer struct {
	URLs       []string `json:"urls"`
	Username   string   `json:"username,omitempty"`
	Credential string   `json:"credential,omitempty"`
}

// stunServer reads a STUN URI (RFC 7064).
func stunServer(uri string) (iceServer, error) {
	scheme, rest, _ := strings.Cut(uri, ":")
	if (scheme != "stun" && scheme != "stuns") || rest == "" || rest[0] == '/' {
		return iceServer{}, fmt.Errorf("%q is not of the form stun:host:port", uri)
	}
	return iceServer{URLs: []string{uri}}, nil
}

// turnServer reads a TURN URI (RFC 7065) with the credentials that all
// clients are given: turn:user:password@host:port.
func turnServer(uri string) (iceServer, error) {
	scheme, rest, _ := strings.Cut(uri, ":")
	at := strings.LastIndexByte(rest, '@')
	if (scheme != "turn" && scheme != "turns") || at < 0 || at == len(rest)-1 || rest[0] == '/' {
		return iceServer{}, fmt.Errorf("a TURN server is of the form turn:user:password@host:port")
	}
	user, password, ok := strings.Cut(rest[:at], ":")
	username, err := url.PathUnescape(user)
	if err != nil || !ok {
		return iceServer{}, fmt.Errorf("a TURN server needs a user and a password: turn:user:password@host:port")
	}
	credential, err := url.PathUnescape(password)
	if err != nil {
		return iceServer{}, fmt.Errorf("the password of a TURN server has a %% that is not an escape")
	}
	return iceServer{URLs: []string{scheme + ":" + rest[at+1:]}, Username: username, Credential: credential}, nil
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
