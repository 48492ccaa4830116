package memnet

import (
	"context"
	"io"
	"net"
	"net/http"
	"strings"
)

// Request makes a plain request by a connection of its own, which Dial describes, and
// returns the answer with its body. Headers are pairs of names and values.
func (l *Listener) Request(ctx context.Context, window int, method, url, body string, header ...string) (*http.Response, string, error) {
	r, err := http.NewRequestWithContext(ctx, method, url, strings.NewReader(body))
	if err != nil {
		return nil, "", err
	}
	for i := 0; i < len(header); i += 2 {
		r.Header.Set(header[i], header[i+1])
	}
	dial := func(ctx context.Context, _, _ string) (net.Conn, error) { return l.Dial(ctx, window) }
	client := http.Client{Transport: &http.Transport{DialContext: dial, DisableKeepAlives: true}}
	answer, err := client.Do(r)
	if err != nil {
		return nil, "", err
	}
	defer answer.Body.Close()
	text, err := io.ReadAll(answer.Body)
	return answer, string(text), err
}
