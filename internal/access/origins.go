// Package access decides who may connect to a server: from which pages, from
// which addresses, and how many at once.
package access

import (
	"net/http"
	"regexp"
	"slices"
	"strings"
)

// Origins are the origins, as ParseOrigin returns them, from whose pages a
// browser may open a WebSocket, beside the page's own host. Without such a rule
// any page that a user visits could act as that user (RFC 6455, 10.2). Programs
// that are no browsers send no Origin and are let in.
type Origins []string

const (
	anyOrigin = "*"
	noOrigin  = "null" // what pages send that come from a file, or are in a sandboxed frame
)

// Allow reports whether the page that sends a request may connect.
func (o Origins) Allow(r *http.Request) bool {
	sent := r.Header["Origin"]
	switch {
	case len(sent) == 0:
		return true
	case len(sent) > 1:
		return false
	case slices.Contains(o, anyOrigin):
		return true
	case sent[0] == noOrigin:
		return slices.Contains(o, noOrigin)
	}
	from, err := readOrigin(sent[0])
	if err != nil || strings.Contains(from.host, "*") {
		return false
	}
	return from.isHost(r.Host) || slices.ContainsFunc(o, from.matches)
}

// FrameAncestors returns the value of frame-ancestors for the page's
// Content-Security-Policy: those who may connect may also frame the page, as
// far as a policy can name them. It can name neither "null" nor an IPv6 address.
func (o Origins) FrameAncestors() string {
	sources := []string{"'self'"}
	for _, allowed := range o {
		from, err := readOrigin(allowed)
		switch {
		case allowed == anyOrigin:
			return anyOrigin
		case err != nil: // "null"
		case from.host == "":
			sources = append(sources, from.scheme+":")
		case policyHost.MatchString(from.host):
			sources = append(sources, allowed)
		}
	}
	return strings.Join(sources, " ")
}

// policyHost is a host as a policy can name it (CSP Level 3, 2.3.1).
var policyHost = regexp.MustCompile(`^(\*\.)?[a-z0-9-]+(\.[a-z0-9-]+)*\.?$`)

// ParseOrigin returns an origin as browsers write it, or "null", or "*" for all.
// The error says what would do.
func ParseOrigin(s string) (string, error) {
	if s == anyOrigin || strings.EqualFold(s, noOrigin) {
		return strings.ToLower(s), nil
	}
	from, err := readOrigin(s)
	if err != nil {
		return "", err
	}
	return from.String(), nil
}
