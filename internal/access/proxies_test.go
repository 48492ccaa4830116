package access

import (
	"context"
	"net"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"testing"
)

func TestClientAddress(t *testing.T) {
	trusted := Proxies{netip.MustParsePrefix("10.0.0.0/8"), netip.MustParsePrefix("2001:db8::/32"), netip.MustParsePrefix("fe80::/10")}
	tcp, unix := &net.TCPAddr{}, &net.UnixAddr{Net: "unix"}
	for _, tt := range []struct {
		local                 net.Addr
		peer, forwarded, want string
	}{
		{tcp, "198.51.100.7:1", "", "198.51.100.7"},
		{tcp, "198.51.100.7:1", "203.0.113.1", "198.51.100.7"},
		{tcp, "10.0.0.1:1", "203.0.113.1", "203.0.113.1"},
		{tcp, "10.0.0.1:1", "6.6.6.6, 203.0.113.1", "203.0.113.1"},
		{tcp, "10.0.0.1:1", "203.0.113.1, 10.0.0.2", "203.0.113.1"},
		{tcp, "[2001:db8::1]:1", "2001:db9::5", "2001:db9::5"},
		{tcp, "[::ffff:10.0.0.1]:1", "203.0.113.1", "203.0.113.1"},
		{tcp, "[fe80::1%eth0]:1", "203.0.113.1", "203.0.113.1"},
		{tcp, "10.0.0.1:1", "203.0.113.1:5000", "203.0.113.1"},
		{tcp, "10.0.0.1:1", "203.0.113.1:", "203.0.113.1"},
		{tcp, "10.0.0.1:1", "[2001:db9::1]:5000", "2001:db9::1"},
		{tcp, "10.0.0.1:1", "[2001:db9::1]", "2001:db9::1"},
		{tcp, "10.0.0.1:1", "2001:db9::1:5000", "2001:db9::1:5000"},
		{tcp, "10.0.0.1:1", `"[2001:db9::1]:5000"`, "2001:db9::1"},
		{tcp, "10.0.0.1:1", `"203.0.113.1"`, "203.0.113.1"},
		{tcp, "10.0.0.1:1", "\t203.0.113.1 ", "203.0.113.1"},
		{tcp, "10.0.0.1:1", "fe81::1%eth0, 10.0.0.3:80", "fe81::1"},
		{tcp, "10.0.0.1:1", "::ffff:203.0.113.1", "203.0.113.1"},
		{tcp, "10.0.0.1:1", "[::ffff:203.0.113.1]:9", "203.0.113.1"},
		{tcp, "10.0.0.1:1", "6.6.6.6, 203.0.113.1:1, 10.0.0.2:2", "203.0.113.1"},
		{tcp, "10.0.0.1:1", "203.0.113.1, unknown", "10.0.0.1"},
		{tcp, "10.0.0.1:1", "203.0.113.1,", "10.0.0.1"},
		{tcp, "10.0.0.1:1", "_hidden", "10.0.0.1"},
		{tcp, "10.0.0.1:1", "nonsense", "10.0.0.1"},
		{tcp, "10.0.0.1:1", "", "10.0.0.1"},
		{unix, "@", "203.0.113.1", "203.0.113.1"},
		{unix, "@", "6.6.6.6, 203.0.113.1", "203.0.113.1"},
		{unix, "@", "", "invalid IP"},
	} {
		r := requestFrom(tt.local, tt.peer, tt.forwarded)
		if got := trusted.ClientAddress(r).String(); got != tt.want {
			t.Errorf("%s forwarded for %q comes from %s, want %s", tt.peer, tt.forwarded, got, tt.want)
		}
	}
}

func requestFrom(local net.Addr, peer, forwarded string) *http.Request {
	r := httptest.NewRequest("GET", "/", nil)
	r = r.WithContext(context.WithValue(r.Context(), http.LocalAddrContextKey, local))
	r.RemoteAddr = peer
	if forwarded != "" {
		r.Header.Set("X-Forwarded-For", forwarded)
	}
	return r
}

func TestClientSubnet(t *testing.T) {
	trusted := Proxies{netip.MustParsePrefix("10.0.0.0/8")}
	tcp, unix := &net.TCPAddr{}, &net.UnixAddr{Net: "unix"}
	for _, tt := range []struct {
		local                 net.Addr
		peer, forwarded, want string
	}{
		{tcp, "198.51.100.7:1", "", "198.51.100.7/32"},
		{tcp, "[2001:db8::1]:1", "", "2001:db8::/64"},
		{tcp, "[2001:db8::ffff:1]:1", "", "2001:db8::/64"},
		{tcp, "10.0.0.1:1", "203.0.113.1", "203.0.113.1/32"},
		{tcp, "10.0.0.1:1", "2001:db8::7", "2001:db8::/64"},
		// Nobody knows whose these are.
		{tcp, "10.0.0.1:1", "", "invalid Prefix"},
		{tcp, "10.0.0.1:1", "unknown", "invalid Prefix"},
		{tcp, "10.0.0.1:1", "203.0.113.1, unknown, 10.0.0.2", "invalid Prefix"},
		{unix, "@", "", "invalid Prefix"},
		{unix, "@", "unknown", "invalid Prefix"},
	} {
		if got := trusted.ClientSubnet(requestFrom(tt.local, tt.peer, tt.forwarded)).String(); got != tt.want {
			t.Errorf("%s forwarded for %q counts for %s, want %s", tt.peer, tt.forwarded, got, tt.want)
		}
	}
}

func TestPeerSubnet(t *testing.T) {
	for peer, want := range map[string]string{"198.51.100.7:1": "198.51.100.7/32", "[2001:db8::1%eth0]:1": "2001:db8::/64", "nonsense": "invalid Prefix"} {
		if got, unix := PeerSubnet(requestFrom(&net.TCPAddr{}, peer, "203.0.113.1")); got.String() != want || unix {
			t.Errorf("%s is of %s, want %s; by a unix socket: %t", peer, got, want, unix)
		}
	}
	if got, unix := PeerSubnet(requestFrom(&net.UnixAddr{Net: "unix"}, "@", "203.0.113.1")); got.IsValid() || !unix {
		t.Errorf("the peer of a unix socket is of %s; by a unix socket: %t", got, unix)
	}
}

func TestParseProxy(t *testing.T) {
	for given, want := range map[string]string{"10.0.0.7": "10.0.0.7/32", "10.1.2.3/8": "10.0.0.0/8", "::1": "::1/128", "2001:db8::7/32": "2001:db8::/32"} {
		if got, err := ParseProxy(given); got.String() != want || err != nil {
			t.Errorf("%s is read as %v, %v; want %s", given, got, err, want)
		}
	}
	for _, bad := range []string{"", "home", "10.0.0.0/33", "10.0.0.7:80", "10.0.0"} {
		if got, err := ParseProxy(bad); err == nil {
			t.Errorf("%s is read as %v", bad, got)
		}
	}
}
