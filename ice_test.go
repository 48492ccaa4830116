package main

import (
	"strings"
	"testing"
)

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
		if _, err := turnServer("turn:u:p@" + bad); err == nil || says != "" && !strings.Contains(err.Error(), "the "+says) {
			t.Errorf("turn:u:p@%s: %v", bad, err)
		}
	}
	for _, bad := range []string{"stun.example.org", "http://host", "turn:host:3478", "turn:user@host", "turn::p@host", "turn:u:@host", "turn:u:p%zz@host", "turn:u:%ff@host", "stun:u:p@host", "turn://u:p@host:3478", "turns://u:p@host"} {
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
