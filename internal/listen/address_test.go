package listen

import (
	"net"
	"slices"
	"strings"
	"testing"
)

func TestParseAddress(t *testing.T) {
	for _, good := range []string{
		":0", ":9090", "localhost:65535", "my_host:1", "a.example.:1", "192.0.2.1:80", "[::1]:80", "[fe80::1%eth0]:80",
		"unix:relative", "unix:/" + strings.Repeat("x", maxSocketPath-1),
	} {
		if got, err := ParseAddress(good); got != good || err != nil {
			t.Errorf("%s is read as %q, %v", good, got, err)
		}
	}
	for bad, says := range map[string]string{
		"": "of the form host:port", "9090": "of the form host:port", "::1:80": "of the form host:port", "http://localhost:9090": "of the form host:port",
		"a b:1": "the host is", "/run/x:1": "the host is", "-a:1": "the host is", "a..b:1": "the host is", "10.0.0.300:1": "the host is", "bücher.example:1": "the host is",
		strings.Repeat("a", 64) + ":1": "the host is", strings.Repeat("a.", 128) + "a:1": "the host is",
		"a:": "the port is", ":65536": "the port is", ":-1": "the port is", ":http": "the port is",
		"unix:": "a path of at most", "unix:/" + strings.Repeat("x", maxSocketPath): "a path of at most",
	} {
		if got, err := ParseAddress(bad); got != "" || err == nil || !strings.Contains(err.Error(), says) {
			t.Errorf("%s is read as %q, %v; want %q", bad, got, err, says)
		}
	}
}

func TestDialable(t *testing.T) {
	for _, tt := range []struct {
		addr net.Addr
		want string
	}{
		{&net.TCPAddr{IP: net.IPv6unspecified, Port: 90}, "localhost:90"},
		{&net.TCPAddr{IP: net.IPv4zero, Port: 90}, "localhost:90"},
		{&net.TCPAddr{Port: 90}, ":90"},
		{&net.TCPAddr{IP: net.IPv4(192, 0, 2, 1), Port: 90}, "192.0.2.1:90"},
		{&net.TCPAddr{IP: net.IPv6loopback, Port: 90}, "[::1]:90"},
		{&net.UnixAddr{Name: "/run/x", Net: "unix"}, "/run/x"},
	} {
		if got := Dialable(tt.addr); got != tt.want {
			t.Errorf("%v is dialled as %s, want %s", tt.addr, got, tt.want)
		}
	}
}

func TestPhoneAddresses(t *testing.T) {
	var local []net.IP
	for _, s := range []string{"127.0.0.1", "::1", "172.17.0.1", "203.0.113.7", "10.1.2.3", "fe80::1", "fd00::7", "192.168.1.7", "169.254.1.1", "2001:db8::1"} {
		local = append(local, net.ParseIP(s))
	}
	all := []string{"192.168.1.7:90", "10.1.2.3:90", "172.17.0.1:90", "[fd00::7]:90"}
	for _, tt := range []struct {
		addr  net.Addr
		local []net.IP
		want  []string
	}{
		{&net.TCPAddr{IP: net.IPv6unspecified, Port: 90}, local, all},
		{&net.TCPAddr{IP: net.IPv6unspecified, Port: 90}, slices.Repeat(local, 5), slices.Repeat(all[:1], 4)},
		{&net.TCPAddr{IP: net.IPv4zero, Port: 90}, local, all[:3]},
		{&net.TCPAddr{IP: net.IPv4zero, Port: 90}, local[:2], nil},
		{&net.TCPAddr{IP: net.IPv4(127, 0, 0, 1), Port: 90}, local, nil},
		{&net.TCPAddr{IP: net.ParseIP("192.168.1.7"), Port: 90}, local, nil},
		{&net.UnixAddr{Name: "/run/x"}, local, nil},
	} {
		if got := phoneAddresses(tt.addr, tt.local); !slices.Equal(got, tt.want) {
			t.Errorf("at %v with %v: %v, want %v", tt.addr, tt.local, got, tt.want)
		}
	}
}
