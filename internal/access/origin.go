package access

import (
	"errors"
	"fmt"
	"net/netip"
	"regexp"
	"slices"
	"strconv"
	"strings"
)

// origin is where a page comes from.
type origin struct{ scheme, host, port string }

// String returns an origin as browsers write it (RFC 6454, 6.2).
func (o origin) String() string {
	if o.port == "" {
		return o.scheme + "://" + o.host
	}
	return o.scheme + "://" + o.host + ":" + o.port
}

// matches reports whether an origin is one that is allowed. "*" stands for one
// or more labels of a host, none of which is empty.
func (o origin) matches(allowed string) bool {
	text := o.String()
	before, after, subdomains := strings.Cut(allowed, "*")
	if !subdomains {
		return text == allowed
	}
	return strings.HasPrefix(text, before) && strings.HasSuffix(text, after)
}

var impliedPorts = map[string]string{"http": "80", "https": "443"}

// isWeb tells pages from servers from those of extensions and apps, whatever
// these call their hosts.
func (o origin) isWeb() bool { return impliedPorts[o.scheme] != "" }

// isHost reports whether a page of that origin came from a host, which is
// what the Host header of a request says. A port that the scheme implies may
// be left out of it.
func (o origin) isHost(host string) bool {
	own := strings.TrimPrefix(o.String(), o.scheme+"://")
	return o.isWeb() && own == strings.TrimSuffix(strings.ToLower(host), ":"+impliedPorts[o.scheme])
}

// readOrigin reads scheme://host or scheme://host:port. The error says what is
// wrong with it, for whoever typed it.
func readOrigin(s string) (o origin, err error) {
	scheme, rest, found := strings.Cut(strings.ToLower(s), "://")
	rest = strings.TrimSuffix(rest, "/")
	switch {
	case !found || !isScheme(scheme):
		return o, errors.New("an origin is of the form https://app.example.org")
	case scheme == "ws" || scheme == "wss":
		return o, fmt.Errorf("the origin of a page begins with http or https, as its address does, and not with %s", scheme)
	case strings.ContainsAny(rest, "/?#"):
		return o, errors.New("an origin ends with the host or the port: leave out the path and what follows it")
	case strings.Contains(rest, "@"):
		return o, errors.New("an origin has no user name: leave out what stands before the @")
	}
	o = origin{scheme: scheme, host: rest}
	if i := strings.LastIndexByte(rest, ':'); i > strings.LastIndexByte(rest, ']') {
		o.host = rest[:i]
		if o.port, err = readPort(rest[i+1:]); err != nil {
			return o, err
		}
	}
	if rest == "" && !o.isWeb() {
		return o, nil // pages of some apps have no host, nor have files
	}
	if o.port == impliedPorts[scheme] {
		o.port = ""
	}
	o.host, err = readHost(o.host, o.isWeb())
	return o, err
}

func isScheme(s string) bool {
	return s != "" && 'a' <= s[0] && s[0] <= 'z' && consistsOf(s, "+-.")
}

// consistsOf reports whether a text has nothing but small letters, digits and
// these.
func consistsOf(s, others string) bool {
	return strings.IndexFunc(s, func(r rune) bool {
		return !('a' <= r && r <= 'z' || '0' <= r && r <= '9' || strings.ContainsRune(others, r))
	}) < 0
}

func readPort(s string) (string, error) {
	port, err := strconv.ParseUint(s, 10, 16)
	if err != nil || port == 0 {
		return "", errors.New("a port is a number from 1 to 65535")
	}
	return strconv.FormatUint(port, 10), nil
}

// readHost reads a host, which may begin with "*.". What browsers would write
// otherwise, and so would never match, is an error.
func readHost(host string, web bool) (string, error) {
	name := strings.TrimPrefix(host, "*.")
	labels := strings.Split(name, ".")
	last := labels[len(labels)-1]
	switch {
	case host == "":
		return "", errors.New("an origin has a host, as in https://app.example.org")
	case host[0] == '[':
		return readIPv6(host)
	case host == "*":
		return "", errors.New("* alone is for all origins, https://*.example.org for the subdomains of a host")
	case strings.Contains(name, "*"):
		return "", errors.New("a * may only stand for what is before a host, as in https://*.example.org")
	case strings.ContainsFunc(name, func(r rune) bool { return r > '~' }):
		return "", errors.New("browsers send a host in its ASCII form: write the one that begins with xn--")
	case name == "" || !consistsOf(name, "-_.") || web && slices.Contains(labels[:len(labels)-1], ""):
		return "", fmt.Errorf("%s is not a host", excerpt(host))
	case web && numeric.MatchString(last) && !isIPv4(host):
		return "", fmt.Errorf("%s is not an IPv4 address as browsers write it, in four numbers", excerpt(host))
	}
	return host, nil
}

// numeric is a last label that makes a host an IPv4 address (URL standard, 3.5).
var numeric = regexp.MustCompile(`^([0-9]+|0x[0-9a-f]*)$`)

func isIPv4(host string) bool {
	addr, err := netip.ParseAddr(host)
	return err == nil && addr.Is4()
}

func readIPv6(host string) (string, error) {
	addr, err := netip.ParseAddr(strings.TrimSuffix(host[1:], "]"))
	if err != nil || !addr.Is6() || addr.Zone() != "" || !strings.HasSuffix(host, "]") {
		return "", fmt.Errorf("%s is not an IPv6 address", excerpt(host))
	}
	if b := addr.As16(); addr.Is4In6() { // browsers do not write these with dots
		return fmt.Sprintf("[::ffff:%x:%x]", uint(b[12])<<8|uint(b[13]), uint(b[14])<<8|uint(b[15])), nil
	}
	return "[" + addr.String() + "]", nil
}

// excerpt returns what an error may repeat of a host: the beginning, with what
// does not print escaped.
func excerpt(host string) string {
	quoted := strconv.Quote(host)
	return fmt.Sprintf("%.64s", quoted[1:len(quoted)-1])
}
