// Package listen opens the addresses that a server listens at, TCP and unix
// sockets, with TLS or without. It says what such an address looks like, and
// under which other devices find the server.
package listen

import (
	"crypto/tls"
	"errors"
	"fmt"
	"net"
	"os"
	"strings"
	"syscall"
)

// Open opens every address, or none. cert is nil without TLS.
func Open(addresses []string, cert *Certificate) ([]net.Listener, error) {
	var listeners []net.Listener
	for _, address := range addresses {
		l, err := open(address)
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

func open(address string) (net.Listener, error) {
	if file, ok := strings.CutPrefix(address, "unix:"); ok {
		return openUnix(file)
	}
	l, err := net.Listen("tcp", address)
	if errors.Is(err, syscall.EADDRINUSE) {
		return nil, fmt.Errorf("%s is in use by another program; choose another address with -listen", address)
	}
	return l, err
}

// openUnix opens a socket for a proxy on this machine. The permissions of its
// directory decide who may reach it. It replaces a socket that a dead process
// left behind.
func openUnix(file string) (net.Listener, error) {
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
