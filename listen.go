package main

import (
	"crypto/tls"
	"errors"
	"fmt"
	"net"
	"os"
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

// dialable returns an address that a browser on this machine can open.
func dialable(addr net.Addr) string {
	host, port, err := net.SplitHostPort(addr.String())
	if ip := net.ParseIP(host); err != nil || ip == nil || !ip.IsUnspecified() {
		return addr.String()
	}
	return net.JoinHostPort("localhost", port)
}
