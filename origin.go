package main

import (
	"net/http"
	"net/url"
	"slices"
	"strings"
)

// originRule says from which pages a browser may open a WebSocket. Without
// it any page that a user visits could act as that user (RFC 6455, 10.2).
// Programs that are no browsers send no Origin and are let in.
type originRule struct {
	allowed []string // beside the page's own host; "*" allows all
}

func (o originRule) allows(r *http.Request) bool {
	origins := r.Header["Origin"]
	if len(origins) == 0 {
		return true
	}
	if len(origins) > 1 {
		return false
	}
	origin := strings.ToLower(origins[0])
	return sameHost(origin, r.Host) || slices.Contains(o.allowed, origin) || slices.Contains(o.allowed, "*")
}

var impliedPorts = map[string]string{"http": ":80", "https": ":443"}

// sameHost reports whether a page of the given origin came from host. A port
// that the scheme implies may be left out on either side.
func sameHost(origin, host string) bool {
	u, err := url.Parse(origin)
	if err != nil || u.Host == "" {
		return false
	}
	implied := impliedPorts[u.Scheme]
	return strings.TrimSuffix(u.Host, implied) == strings.TrimSuffix(strings.ToLower(host), implied)
}
