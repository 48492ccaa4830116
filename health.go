package main

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
	"time"

	"switchboard/internal/flags"
	"switchboard/internal/listen"
)

// healthTimeout bounds `switchboard health`, which containers run every half
// a minute.
const healthTimeout = 3 * time.Second

// A healthCheck is one question to a running server.
type healthCheck struct {
	url    *url.URL
	socket string // the path of a unix socket; "": by TCP
}

// parseHealthCheck reads what follows `switchboard health`: a URL or an
// address, or else the flags and the environment of the server itself.
func parseHealthCheck(args []string, lookupEnv func(string) (string, bool)) (healthCheck, error) {
	var cfg Config
	rest, err := flags.Set(newFlags(&cfg), args, lookupEnv)
	switch {
	case err != nil:
		return healthCheck{}, err
	case len(rest) > 1:
		return healthCheck{}, errors.New("health takes one URL")
	case len(rest) == 0:
		if len(cfg.listen) == 0 {
			return healthCheck{}, cfg.validate()
		}
		return cfg.healthCheck(cfg.listen[0])
	}
	if address, err := listen.ParseAddress(rest[0]); err == nil {
		return cfg.healthCheck(address)
	}
	u, err := url.Parse(rest[0])
	if err != nil || u.Scheme != "http" && u.Scheme != "https" || u.Host == "" {
		return healthCheck{}, errors.New("health takes a URL such as http://localhost:9090/, or an address as -listen does")
	}
	if last := path.Base(u.Path); last != "healthz" && last != "readyz" {
		u = u.JoinPath("healthz")
	}
	return healthCheck{url: u}, nil
}

// healthCheck returns how to ask a server of this configuration that listens
// at the address.
func (cfg Config) healthCheck(address string) (healthCheck, error) {
	u := &url.URL{Scheme: "http", Host: address, Path: cfg.basePath + "healthz"}
	if cfg.tlsCert != "" || cfg.tlsSelfSigned {
		u.Scheme = "https"
	}
	if socket, ok := strings.CutPrefix(address, "unix:"); ok {
		u.Host = "localhost"
		return healthCheck{u, socket}, nil
	}
	host, port, err := net.SplitHostPort(address)
	switch {
	case err != nil:
		return healthCheck{}, err
	case port == "0":
		return healthCheck{}, errors.New("at port 0 the server listens at any that is free: name its URL")
	}
	if ip, err := netip.ParseAddr(host); host == "" || err == nil && ip.IsUnspecified() {
		u.Host = net.JoinHostPort("127.0.0.1", port)
	}
	return healthCheck{url: u}, nil
}

// ask returns nil if the server says that it is well.
func (h healthCheck) ask(ctx context.Context) error {
	client := http.Client{
		Transport:     &http.Transport{DialContext: h.dial, DialTLSContext: h.dialTLS, DisableKeepAlives: true},
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, h.url.String(), nil)
	if err != nil {
		return err
	}
	resp, err := client.Do(req)
	var failed *url.Error
	switch {
	case errors.As(err, &failed) && failed.Timeout():
		return fmt.Errorf("%s does not answer in time", h.url.Redacted())
	case errors.As(err, &failed):
		return fmt.Errorf("%s: %w", h.url.Redacted(), failed.Err)
	case err != nil:
		return err
	}
	resp.Body.Close()
	if resp.StatusCode != http.StatusOK {
		return fmt.Errorf("%s answers %s", h.url.Redacted(), resp.Status)
	}
	return nil
}

func (h healthCheck) dial(ctx context.Context, network, address string) (net.Conn, error) {
	var d net.Dialer
	if h.socket != "" {
		return d.DialContext(ctx, "unix", h.socket)
	}
	return d.DialContext(ctx, network, address)
}

// dialTLS does not ask who vouches for a server on this machine: its
// certificate is for the name that others know, or made by itself.
func (h healthCheck) dialTLS(ctx context.Context, network, address string) (net.Conn, error) {
	conn, err := h.dial(ctx, network, address)
	if err != nil {
		return nil, err
	}
	secure := tls.Client(conn, &tls.Config{ServerName: h.url.Hostname(), InsecureSkipVerify: withinMachine(conn)})
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
