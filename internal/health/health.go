// Package health asks a running server whether it is well, as containers and
// operators do.
package health

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/netip"
	"net/url"
	"path"
	"strings"
)

// A Check is one question to a running server.
type Check struct {
	URL    *url.URL
	Socket string // the path of a unix socket; "": by TCP
}

// ParseURL returns the check of a server at a URL: of its /healthz unless the
// URL names a check itself.
func ParseURL(s string) (Check, error) {
	u, err := url.Parse(s)
	if err != nil || u.Scheme != "http" && u.Scheme != "https" || u.Host == "" {
		return Check{}, errors.New("health takes a URL such as http://localhost:9090/, or an address as -listen does")
	}
	if last := path.Base(u.Path); last != "healthz" && last != "readyz" {
		u = u.JoinPath("healthz")
	}
	return Check{URL: u}, nil
}

// Listening returns the check of a server on this machine that listens at
// host:port or unix:/path, by http or https, below a base path.
func Listening(address, scheme, basePath string) (Check, error) {
	u := &url.URL{Scheme: scheme, Host: address, Path: basePath + "healthz"}
	if socket, ok := strings.CutPrefix(address, "unix:"); ok {
		u.Host = "localhost"
		return Check{u, socket}, nil
	}
	host, port, err := net.SplitHostPort(address)
	switch {
	case err != nil:
		return Check{}, err
	case port == "0":
		return Check{}, errors.New("at port 0 the server listens at any that is free: name its URL")
	}
	if ip, err := netip.ParseAddr(host); host == "" || err == nil && ip.IsUnspecified() {
		u.Host = net.JoinHostPort("127.0.0.1", port)
	}
	return Check{URL: u}, nil
}

// Ask returns nil if the server says that it is well.
func (c Check) Ask(ctx context.Context) error {
	client := http.Client{
		Transport:     &http.Transport{DialContext: c.dial, DialTLSContext: c.dialTLS, DisableKeepAlives: true},
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, c.URL.String(), nil)
	if err != nil {
		return err
	}
	resp, err := client.Do(req)
	var failed *url.Error
	switch {
	case errors.As(err, &failed) && failed.Timeout():
		return fmt.Errorf("%s does not answer in time", c.URL.Redacted())
	case errors.As(err, &failed):
		return fmt.Errorf("%s: %w", c.URL.Redacted(), failed.Err)
	case err != nil:
		return err
	}
	resp.Body.Close()
	if resp.StatusCode != http.StatusOK {
		return fmt.Errorf("%s answers %s", c.URL.Redacted(), resp.Status)
	}
	return nil
}

func (c Check) dial(ctx context.Context, network, address string) (net.Conn, error) {
	var d net.Dialer
	if c.Socket != "" {
		return d.DialContext(ctx, "unix", c.Socket)
	}
	return d.DialContext(ctx, network, address)
}

// dialTLS does not verify the certificate of a server on this machine: it is
// for the name that others know, or self-signed.
func (c Check) dialTLS(ctx context.Context, network, address string) (net.Conn, error) {
	conn, err := c.dial(ctx, network, address)
	if err != nil {
		return nil, err
	}
	secure := tls.Client(conn, &tls.Config{ServerName: c.URL.Hostname(), InsecureSkipVerify: withinMachine(conn)})
	if err := secure.HandshakeContext(ctx); err != nil {
		conn.Close()
		return nil, err
	}
	return secure, nil
}

// withinMachine reports whether both ends of conn are on this machine.
func withinMachine(conn net.Conn) bool {
	here, ok := conn.LocalAddr().(*net.TCPAddr)
	there, tcp := conn.RemoteAddr().(*net.TCPAddr)
	return !ok || !tcp || there.IP.IsLoopback() || there.IP.Equal(here.IP)
}
