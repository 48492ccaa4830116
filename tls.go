package main

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"fmt"
	"math/big"
	"net"
	"os"
	"slices"
	"strconv"
	"sync/atomic"
	"time"
)

// certificate is what TLS connections are served with. It can be loaded anew
// while connections come in.
type certificate struct {
	certFile, keyFile string
	current           atomic.Pointer[tls.Certificate]
}

// loadCertificate reads a certificate and its key from PEM files.
func loadCertificate(certFile, keyFile string) (*certificate, error) {
	c := &certificate{certFile: certFile, keyFile: keyFile}
	return c, c.reload()
}

// reload reads the files again. If that fails, the certificate in use stays.
func (c *certificate) reload() error {
	pair, err := tls.LoadX509KeyPair(c.certFile, c.keyFile)
	if err != nil {
		return err
	}
	c.current.Store(&pair)
	return nil
}

func (c *certificate) config() *tls.Config {
	return &tls.Config{
		// WebSockets are upgraded from HTTP/1.1.
		NextProtos: []string{"http/1.1"},
		GetCertificate: func(*tls.ClientHelloInfo) (*tls.Certificate, error) {
			return c.current.Load(), nil
		},
	}
}

// selfSignedCertificate makes a throw-away certificate for this machine's
// names and addresses. Browsers warn of it, and then let a second device in
// the same network use its camera, which plain HTTP would not.
func selfSignedCertificate() (*certificate, error) {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return nil, err
	}
	serial, err := rand.Int(rand.Reader, new(big.Int).Lsh(big.NewInt(1), 120))
	if err != nil {
		return nil, err
	}
	template := &x509.Certificate{
		SerialNumber: serial,
		Subject:      pkix.Name{CommonName: "Switchboard, self-signed"},
		NotBefore:    time.Now().Add(-time.Hour),
		NotAfter:     time.Now().Add(30 * 24 * time.Hour),
		KeyUsage:     x509.KeyUsageDigitalSignature,
		ExtKeyUsage:  []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth},
		DNSNames:     []string{"localhost"},
		IPAddresses:  localAddresses(),
	}
	if host, err := os.Hostname(); err == nil && isHost(host) {
		template.DNSNames = append(template.DNSNames, host)
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, &key.PublicKey, key)
	if err != nil {
		return nil, err
	}
	c := &certificate{}
	c.current.Store(&tls.Certificate{Certificate: [][]byte{der}, PrivateKey: key})
	return c, nil
}

// localAddresses returns the addresses under which this machine is reached.
func localAddresses() []net.IP {
	addrs, err := net.InterfaceAddrs()
	if err != nil {
		return []net.IP{net.IPv4(127, 0, 0, 1), net.IPv6loopback}
	}
	var ips []net.IP
	for _, addr := range addrs {
		if network, ok := addr.(*net.IPNet); ok {
			ips = append(ips, network.IP)
		}
	}
	return ips
}

// maxPhones bounds how many addresses a start prints for other devices: a
// machine may have dozens, for containers and tunnels.
const maxPhones = 4

// phoneAddresses returns where other devices in the network find a server that
// listens at addr, on a machine with these addresses: the likeliest first.
func phoneAddresses(addr net.Addr, local []net.IP) []string {
	tcp, ok := addr.(*net.TCPAddr)
	if !ok || !tcp.IP.IsUnspecified() {
		return nil // elsewhere it is not to be found
	}
	networks := [4][]string{} // at home; in offices; mostly of containers; IPv6
	for _, ip := range local {
		four := ip.To4()
		kind := 3
		switch {
		case !ip.IsPrivate() || four == nil && tcp.IP.To4() != nil:
			continue
		case four != nil:
			kind = map[byte]int{192: 0, 10: 1, 172: 2}[four[0]]
		}
		networks[kind] = append(networks[kind], net.JoinHostPort(ip.String(), strconv.Itoa(tcp.Port)))
	}
	all := slices.Concat(networks[:]...)
	return all[:min(len(all), maxPhones)]
}

// certificate returns what to serve TLS with, or nil for plain HTTP.
func (cfg Config) certificate() (*certificate, error) {
	switch {
	case cfg.tlsSelfSigned:
		return selfSignedCertificate()
	case cfg.tlsCert != "":
		cert, err := loadCertificate(cfg.tlsCert, cfg.tlsKey)
		if err != nil {
			return nil, fmt.Errorf("-tls-cert and -tls-key: %w", err)
		}
		return cert, nil
	}
	return nil, nil
}
