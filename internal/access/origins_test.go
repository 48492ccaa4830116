package access

import (
	"net/http/httptest"
	"strings"
	"testing"
)

// origins returns the origins of a list that is separated by commas.
func origins(t *testing.T, list string) (all Origins) {
	t.Helper()
	for item := range strings.SplitSeq(list, ",") {
		if item = strings.TrimSpace(item); item == "" {
			continue
		}
		origin, err := ParseOrigin(item)
		if err != nil {
			t.Fatal(err)
		}
		all = append(all, origin)
	}
	return all
}

func TestOrigins(t *testing.T) {
	for _, tt := range []struct {
		allowed, origin, host string
		ok                    bool
	}{
		{"", "", "call.example", true},
		{"", "https://call.example", "call.example", true},
		{"", "https://call.example", "call.example:443", true},
		{"", "http://call.example:80", "call.example", true},
		{"", "https://CALL.example", "Call.example", true},
		{"", "http://localhost:9090", "localhost:9090", true},
		{"", "http://localhost:9090/", "localhost:9090", true}, // golang.org/x/net/websocket
		{"", "http://[::1]:9090", "[::1]:9090", true},
		{"", "http://192.0.2.7", "192.0.2.7", true},
		{"", "http://localhost:9091", "localhost:9090", false},
		{"", "https://call.example:80", "call.example", false},
		{"", "https://evil.example", "call.example", false},
		{"", "https://call.example.evil.example", "call.example", false},
		{"", "https://notcall.example", "call.example", false},
		{"", "null", "call.example", false},
		{"", "null", "null", false},
		{"", "call.example", "call.example", false},
		{"", "//call.example", "call.example", false},
		{"", "http://evil@call.example", "call.example", false},
		{"", "http://call.example@evil.example", "call.example", false},
		{"", "ftp://call.example", "call.example", false},
		{"", "ws://call.example", "call.example", false},
		{"", "chrome-extension://call.example", "call.example", false},
		{"", "http://call.example/path", "call.example", false},
		{"", "http://call.example?q", "call.example", false},
		{"", "http://call.example#f", "call.example", false},
		{"", "http://call.example:", "call.example", false},
		{"", "http:// call.example", "call.example", false},
		{"", "*", "call.example", false},
		{"", "https://*", "*", false},
		{"", "file://", "", false},
		{"https://app.example", "https://app.example", "call.example", true},
		{"https://app.example:443", "https://app.example", "call.example", true},
		{"HTTPS://App.Example/", "https://app.example", "call.example", true},
		{"http://app.example:0080", "http://app.example", "call.example", true},
		{"https://app.example", "http://app.example", "call.example", false},
		{"https://app.example", "https://app.example:8443", "call.example", false},
		{"https://app.example", "https://call.example", "call.example", true},
		{"http://[0:0:0:0:0:0:0:1]:3000", "http://[::1]:3000", "call.example", true},
		{"http://[::ffff:192.0.2.1]", "http://[::ffff:c000:201]", "call.example", true},
		{"https://xn--bcher-kva.example", "https://xn--bcher-kva.example", "call.example", true},
		{"http://my_host", "http://my_host", "call.example", true},

		{"null", "null", "call.example", true},
		{"null", "https://evil.example", "call.example", false},
		{"https://null", "null", "call.example", false},
		{"file://", "file://", "call.example", true},
		{"chrome-extension://abcdefghijklmnop", "chrome-extension://abcdefghijklmnop", "call.example", true},
		{"chrome-extension://abcdefghijklmnop", "chrome-extension://ponmlkjihgfedcba", "call.example", false},
		{"moz-extension://8c7c4444-5f0c-4000-8000-000000000001", "moz-extension://8c7c4444-5f0c-4000-8000-000000000001", "call.example", true},
		{"capacitor://localhost,ionic://localhost", "ionic://localhost", "call.example", true},
		{"capacitor://localhost", "http://localhost", "call.example", false},
		{"app://.", "app://.", "call.example", true},
		{"app://", "app://", "call.example", true},

		{"https://*.example.org", "https://app.example.org", "call.example", true},
		{"https://*.example.org", "https://a.b.example.org", "call.example", true},
		{"https://*.example.org", "https://example.org", "call.example", false},
		{"https://*.example.org", "https://.example.org", "call.example", false},
		{"https://*.example.org", "https://evil-example.org", "call.example", false},
		{"https://*.example.org", "https://evilexample.org", "call.example", false},
		{"https://*.example.org", "http://app.example.org", "call.example", false},
		{"https://*.example.org", "https://app.example.org:8443", "call.example", false},
		{"https://*.example.org", "https://app.example.org.evil.example", "call.example", false},
		{"https://*.example.org", "https://evil.example/.example.org", "call.example", false},
		{"https://*.example.org", "https://evil.example#.example.org", "call.example", false},
		{"https://*.example.org", "https://evil.example:1.example.org", "call.example", false},
		{"https://*.example.org", "https://*.example.org", "call.example", false},
		{"https://*.example.org:8443", "https://app.example.org:8443", "call.example", true},
		{"https://*.example.org:8443", "https://app.example.org", "call.example", false},
		{"https://*.example.org:443", "https://app.example.org", "call.example", true},
		{"http://*.localhost:3000", "http://app.localhost:3000", "call.example", true},

		{"*", "https://evil.example", "call.example", true},
		{"*", "null", "call.example", true},
		{"*", "what ever", "call.example", true},
	} {
		r := httptest.NewRequest("GET", "/", nil)
		r.Host = tt.host
		if tt.origin != "" {
			r.Header.Set("Origin", tt.origin)
		}
		if got := origins(t, tt.allowed).Allow(r); got != tt.ok {
			t.Errorf("origin %q at host %q with origins %q: %t", tt.origin, tt.host, tt.allowed, got)
		}
	}
	twice := httptest.NewRequest("GET", "/", nil)
	twice.Header["Origin"] = []string{"http://example.com", "http://example.com"}
	if (Origins{}).Allow(twice) || (Origins{"*"}).Allow(twice) {
		t.Error("two Origins are allowed")
	}
	twice.Header["Origin"] = []string{""}
	if (Origins{"null", "file://"}).Allow(twice) {
		t.Error("an empty Origin is allowed")
	}
}

// What no browser would ever send is refused at start, in words that say what
// would do.
func TestOriginsThatMatchNothing(t *testing.T) {
	for origin, want := range map[string]string{
		"app.example.org":                       "of the form https://app.example.org",
		"*.example.org":                         "of the form https://app.example.org",
		"//app.example.org":                     "of the form https://app.example.org",
		"https:app.example.org":                 "of the form https://app.example.org",
		"1https://app.example.org":              "of the form https://app.example.org",
		"localhost:3000":                        "of the form https://app.example.org",
		"https://":                              "has a host",
		"https:///":                             "has a host",
		"https://:8443":                         "has a host",
		"file://:80":                            "has a host",
		"https://a.example/path":                "leave out the path",
		"https://a.example//":                   "leave out the path",
		"https://a.example?q":                   "leave out the path",
		"https://a.example#f":                   "leave out the path",
		"https://u@a.example":                   "leave out what stands before the @",
		"https://u:p@a.example":                 "leave out what stands before the @",
		"wss://a.example":                       "not with wss",
		"ws://a.example":                        "not with ws",
		"https://a.example:":                    "a port is a number",
		"https://a.example:0":                   "a port is a number",
		"https://a.example:65536":               "a port is a number",
		"https://a.example:x":                   "a port is a number",
		"https://a.example:*":                   "a port is a number",
		"https://*":                             "* alone is for all",
		"https://*:8443":                        "* alone is for all",
		"chrome-extension://*":                  "* alone is for all",
		"https://app.*.example.org":             "a * may only stand",
		"https://*example.org":                  "a * may only stand",
		"https://*.*.example.org":               "a * may only stand",
		"https://example.*":                     "a * may only stand",
		"*://example.org":                       "of the form https://app.example.org",
		"https://*.":                            "is not a host",
		"https://*.192.0.2.7":                   "IPv4",
		"https://bücher.example":                "xn--",
		"https://a..example":                    "is not a host",
		"https://a example":                     "is not a host",
		"https://a.example;b":                   "is not a host",
		"https://" + strings.Repeat("a b", 100): strings.Repeat("a b", 21) + "a is not a host",
		"https://a%2eexample":                   "is not a host",
		"https://a.example:1:2":                 "is not a host",
		"http://::1":                            "is not a host",
		"http://127.1":                          "IPv4",
		"http://192.0.2.256":                    "IPv4",
		"http://0x7f.1":                         "IPv4",
		"http://010.0.0.1":                      "IPv4",
		"http://2130706433":                     "IPv4",
		"http://[::1":                           "IPv6",
		"http://[::1]x":                         "IPv6",
		"http://[fe80::1%eth0]":                 "IPv6",
		"http://[192.0.2.1]":                    "IPv6",
		"http://[::1\n]":                        `[::1\n] is not an IPv6`,
		"https://app.example.org;x.org":         "is not a host",
	} {
		_, err := ParseOrigin(origin)
		if err == nil || len(err.Error()) > 110 || !strings.Contains(err.Error(), want) || strings.Contains(err.Error(), "\n") {
			t.Errorf("%s: %v, want %q", origin, err, want)
		}
	}
}

// Whoever may connect may also frame the page, as far as its policy can say so.
func TestFrameAncestors(t *testing.T) {
	for list, want := range map[string]string{
		"":                              "'self'",
		"null":                          "'self'",
		"https://a.example":             "'self' https://a.example",
		"https://a.example:8443,null":   "'self' https://a.example:8443",
		"https://*.a.example, *":        "*",
		"https://*.a.example":           "'self' https://*.a.example",
		"http://[::1]:3000":             "'self'",
		"http://192.0.2.7:3000":         "'self' http://192.0.2.7:3000",
		"http://my_host":                "'self'",
		"app://x,file://,app://.":       "'self' app://x file:",
		"chrome-extension://abcdefghij": "'self' chrome-extension://abcdefghij",
	} {
		if got := origins(t, list).FrameAncestors(); got != want {
			t.Errorf("origins %s: %s, want %s", list, got, want)
		}
	}
}

// An origin that is taken is read as the same again, and is nothing but a
// scheme, a host and a port.
func FuzzOrigins(f *testing.F) {
	for _, seed := range []string{"https://app.example.org", "http://*.a.example:8080/", "file://", "null", "*", "http://[::1]:443", "https://u@h", "app://."} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, s string) {
		once, err := ParseOrigin(s)
		if err != nil {
			if once != "" || strings.ContainsAny(err.Error(), "\n\x1b") {
				t.Fatalf("%q is read as %q and refused with %q", s, once, err)
			}
			return
		}
		if again, err := ParseOrigin(once); again != once || err != nil {
			t.Fatalf("%q is read as %q, and that as %q, %v", s, once, again, err)
		}
		if strings.ContainsAny(once, " ,;@?#'\"\\\n") || strings.Count(once, "//") > 1 {
			t.Fatalf("%q is read as %q", s, once)
		}
	})
}
