package main

import (
	"crypto/x509"
	"net"
	"slices"
	"testing"
)

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

// Every address that is printed is in the certificate.
func TestSelfSignedCoversThisMachine(t *testing.T) {
	cert, err := selfSignedCertificate()
	if err != nil {
		t.Fatal(err)
	}
	leaf, err := x509.ParseCertificate(cert.current.Load().Certificate[0])
	if err != nil {
		t.Fatal(err)
	}
	for _, ip := range append(localAddresses(), net.IPv4(127, 0, 0, 1)) {
		if err := leaf.VerifyHostname(ip.String()); err != nil {
			t.Error(err)
		}
	}
	if err := leaf.VerifyHostname("localhost"); err != nil {
		t.Error(err)
	}
}
