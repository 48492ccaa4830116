package listen

import (
	"crypto/tls"
	"crypto/x509"
	"encoding/pem"
	"net"
	"os"
	"path/filepath"
	"testing"
	"time"
)

// shown returns the certificate that a TLS client is shown, which asks for
// HTTP/2 first.
func shown(t *testing.T, cert *Certificate) *x509.Certificate {
	t.Helper()
	listeners, err := Open([]string{"127.0.0.1:0"}, cert)
	if err != nil {
		t.Fatal(err)
	}
	defer listeners[0].Close()
	go func() {
		if conn, err := listeners[0].Accept(); err == nil {
			conn.Write([]byte("ok")) // which shakes hands
			conn.Close()
		}
	}()
	conn, err := tls.Dial("tcp", listeners[0].Addr().String(), &tls.Config{InsecureSkipVerify: true, NextProtos: []string{"h2", "http/1.1"}})
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	if spoken := conn.ConnectionState().NegotiatedProtocol; spoken != "http/1.1" {
		t.Errorf("agreed on %q, which WebSockets are not made of", spoken)
	}
	return conn.ConnectionState().PeerCertificates[0]
}

// Every address that is printed is in the certificate.
func TestSelfSignedCoversThisMachine(t *testing.T) {
	cert, err := SelfSign()
	if err != nil {
		t.Fatal(err)
	}
	leaf := shown(t, cert)
	for _, ip := range append(localAddresses(), net.IPv4(127, 0, 0, 1)) {
		if err := leaf.VerifyHostname(ip.String()); err != nil {
			t.Error(err)
		}
	}
	if err := leaf.VerifyHostname("localhost"); err != nil {
		t.Error(err)
	}
	if now := time.Now(); now.Before(leaf.NotBefore) || now.After(leaf.NotAfter) {
		t.Errorf("it is good from %v until %v", leaf.NotBefore, leaf.NotAfter)
	}
}

// A new certificate is served from the next connection on. One that cannot be
// read changes nothing.
func TestReload(t *testing.T) {
	dir := t.TempDir()
	certFile, keyFile := filepath.Join(dir, "cert"), filepath.Join(dir, "key")
	writePair := func() (serial string) {
		pair, err := SelfSign()
		if err != nil {
			t.Fatal(err)
		}
		key, err := x509.MarshalPKCS8PrivateKey(pair.current.Load().PrivateKey)
		if err != nil {
			t.Fatal(err)
		}
		der := pair.current.Load().Certificate[0]
		writePEM(t, certFile, "CERTIFICATE", der)
		writePEM(t, keyFile, "PRIVATE KEY", key)
		leaf, err := x509.ParseCertificate(der)
		if err != nil {
			t.Fatal(err)
		}
		return leaf.SerialNumber.String()
	}
	if _, err := LoadCertificate(certFile, keyFile); err == nil {
		t.Fatal("loaded from no files")
	}
	first := writePair()
	cert, err := LoadCertificate(certFile, keyFile)
	if err != nil {
		t.Fatal(err)
	}
	second := writePair()
	if got := shown(t, cert).SerialNumber.String(); got != first {
		t.Errorf("before a reload %s is served, want %s", got, first)
	}
	if err := cert.Reload(); err != nil {
		t.Fatal(err)
	}
	writePEM(t, keyFile, "PRIVATE KEY", []byte("broken"))
	if err := cert.Reload(); err == nil {
		t.Error("a broken key is taken")
	}
	if got := shown(t, cert).SerialNumber.String(); got != second {
		t.Errorf("after a reload that failed %s is served, want %s", got, second)
	}
}

func writePEM(t *testing.T, file, kind string, der []byte) {
	t.Helper()
	if err := os.WriteFile(file, pem.EncodeToMemory(&pem.Block{Type: kind, Bytes: der}), 0o600); err != nil {
		t.Fatal(err)
	}
}
