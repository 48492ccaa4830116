package main

import (
	"crypto/tls"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"os"
	"regexp"
	"strconv"
	"strings"
	"syscall"
)

// listenAll opens every address, or none. cert is nil without TLS.
func listenAll(addresses []string, cert *certificate) ([]net.Listener, error) {
	var listeners []net.Listener
	for _, address := range addresses {
		l, err := listen(address)
		if err != nil {
			for _, open := range listeners {
				open.Close()
			}
			return nil, err
		}
		if cert != nil {
			l = tls.NewListener(l, cert.config())
		}
		listeners = append(listeners, l)
	}
	return listeners, nil
}

func listen(address string) (net.Listener, error) {
	if file, ok := strings.CutPrefix(address, "unix:"); ok {
		return listenUnix(file)
	}
	l, err := net.Listen("tcp", address)
	if errors.Is(err, syscall.EADDRINUSE) {
		return nil, fmt.Errorf("%s is in use by another program; choose another address with -listen", address)
	}
	return l, err
}

// listenUnix opens a socket for a proxy on this machine. Who may reach it is
// decided by the directory it is in. A socket that a dead process left
// behind is replaced.
func listenUnix(file string) (net.Listener, error) {
	if conn, err := net.Dial("unix", file); err == nil {
		conn.Close()
		return nil, fmt.Errorf("unix:%s is in use by another program; choose another path with -listen", file)
	} else if errors.Is(err, syscall.ECONNREFUSED) {
		if info, err := os.Lstat(file); err == nil && info.Mode()&os.ModeSocket == 0 {
			return nil, fmt.Errorf("%s exists and is not a socket; choose another path with -listen", file)
		}
		os.Remove(file)
	}
	l, err := net.Listen("unix", file)
	if err != nil {
		return nil, err
	}
	if err := os.Chmod(file, 0o666); err != nil {
		l.Close()
		return nil, err
	}
	return l, nil
}

// maxSocketPath is how long the path of a unix socket may be, in bytes.
const maxSocketPath = len(syscall.RawSockaddrUnix{}.Path) - 1

// hostLabel is a part between the dots of a host name.
var hostLabel = regexp.MustCompile(`^[0-9A-Za-z_]([0-9A-Za-z_-]{0,61}[0-9A-Za-z_])?$`)

// isHost reports whether s is the name or the IP address of a machine.
func isHost(s string) bool {
	if _, err := netip.ParseAddr(s); err == nil {
		return true
	}
	labels := strings.Split(strings.TrimSuffix(s, "."), ".")
	for _, label := range labels {
		if !hostLabel.MatchString(label) {
			return false
		}
	}
	last := labels[len(labels)-1]
	return len(s) <= 254 && strings.Trim(last, "0123456789") != "" // else it is no IPv4 address, but meant to be
}

// isPort reports whether s is the number of a port, from the least on.
func isPort(s string, least uint64) bool {
	n, err := strconv.ParseUint(s, 10, 16)
	return err == nil && n >= least
}

// dialable returns an address that a browser on this machine can open.
func dialable(addr net.Addr) string {
	host, port, err := net.SplitHostPort(addr.String())
	if ip := net.ParseIP(host); err != nil || ip == nil || !ip.IsUnspecified() {
		return addr.String()
	}
	return net.JoinHostPort("localhost", port)
}
