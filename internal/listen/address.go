package listen

import (
	"errors"
	"fmt"
	"net"
	"net/netip"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"syscall"
)

// maxSocketPath is how long the path of a unix socket may be, in bytes.
const maxSocketPath = len(syscall.RawSockaddrUnix{}.Path) - 1

// ParseAddress returns an address that Open takes: host:port, :port or
// unix:/path. The error says what would do, and repeats nothing of s.
func ParseAddress(s string) (string, error) {
	if file, ok := strings.CutPrefix(s, "unix:"); ok {
		if file == "" || len(file) > maxSocketPath {
			return "", fmt.Errorf("unix: needs a path of at most %d bytes", maxSocketPath)
		}
		return s, nil
	}
	host, port, err := net.SplitHostPort(s)
	switch {
	case err != nil:
		return "", errors.New("an address is of the form host:port, :port or unix:/path")
	case host != "" && !IsHost(host):
		return "", errors.New("the host is a name or an IP address of this machine, without a scheme or a path")
	case !IsPort(port, 0):
		return "", errors.New("the port is a number up to 65535; 0: any that is free")
	}
	return s, nil
}

// hostLabel is a part between the dots of a host name.
var hostLabel = regexp.MustCompile(`^[0-9A-Za-z_]([0-9A-Za-z_-]{0,61}[0-9A-Za-z_])?$`)

// IsHost reports whether s is the name or the IP address of a machine.
func IsHost(s string) bool {
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
	mistypedIPv4 := strings.Trim(last, "0123456789") == ""
	return len(s) <= 254 && !mistypedIPv4
}

// IsPort reports whether s is the number of a port, from the least on.
func IsPort(s string, least uint64) bool {
	n, err := strconv.ParseUint(s, 10, 16)
	return err == nil && n >= least
}

// Dialable returns an address that a browser on this machine can open, of a
// server that listens at addr.
func Dialable(addr net.Addr) string {
	host, port, err := net.SplitHostPort(addr.String())
	if ip := net.ParseIP(host); err != nil || ip == nil || !ip.IsUnspecified() {
		return addr.String()
	}
	return net.JoinHostPort("localhost", port)
}

// PhoneAddresses returns addresses at which other devices in the network find a
// server that listens at addr: the likeliest first, none if it is bound to one
// address.
func PhoneAddresses(addr net.Addr) []string { return phoneAddresses(addr, localAddresses()) }

// maxPhones bounds how many addresses a start prints for other devices: a
// machine may have dozens, for containers and tunnels.
const maxPhones = 4

// phoneAddresses is PhoneAddresses of a machine with these addresses.
func phoneAddresses(addr net.Addr, local []net.IP) []string {
	tcp, ok := addr.(*net.TCPAddr)
	if !ok || !tcp.IP.IsUnspecified() {
		return nil
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

// localAddresses returns the addresses of this machine.
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
