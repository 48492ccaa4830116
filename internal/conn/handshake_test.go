package conn

import (
	"net/http/httptest"
	"testing"
)

// Browsers close a connection for which none of the subprotocols that they offer
// is chosen.
func TestSubprotocols(t *testing.T) {
	for _, tt := range []struct {
		offered []string
		want    string
	}{
		{nil, ""},
		{[]string{""}, ""},
		{[]string{","}, ""},
		{[]string{"json"}, "json"},
		{[]string{"chat"}, "chat"},
		{[]string{"chat, json"}, "json"},
		{[]string{"chat,superchat"}, "chat"},
		{[]string{"chat", "json"}, "json"},
		{[]string{"", " , chat\t, "}, "chat"},
		{[]string{"jsonp, json2"}, "jsonp"},
		{[]string{"JSON"}, "JSON"},
		{[]string{"not a token, (nor this), v1.chat+json"}, "v1.chat+json"},
		{[]string{"\"quoted\""}, ""},
		{[]string{"bücher, x"}, "x"},
		{[]string{"base64url.bearer.authorization.k8s.io.abc_-~!#$%&'*^`|, second"}, "base64url.bearer.authorization.k8s.io.abc_-~!#$%&'*^`|"},
	} {
		r := httptest.NewRequest("GET", "/", nil)
		r.Header["Sec-Websocket-Protocol"] = tt.offered
		if got := subprotocol(r); got != tt.want {
			t.Errorf("of %q %q is chosen, want %q", tt.offered, got, tt.want)
		}
	}
}
