module switchboard

go 1.26.0

// What the server is built from.
require (
	github.com/golang-jwt/jwt/v5 v5.3.1 // the tokens by which clients sign in
	github.com/google/uuid v1.6.0 // callIDs
	github.com/gorilla/websocket v1.5.3 // handshakes, and the frames of clients
	golang.org/x/text v0.43.0 // names, by PRECIS (RFC 8266)
	golang.org/x/time v0.16.0 // how many messages a second a client may send
)

// What only the tests and bench/ need. The server does not contain it.
require (
	github.com/chromedp/cdproto v0.159.0 // commands of Chromium, for e2e/
	github.com/chromedp/chromedp v0.22.1 // Chromium, for e2e/
	github.com/go-json-experiment/json v0.0.0-20260213210345-44df1a37e875 // indirect
	golang.org/x/sys v0.49.0 // Linux, for bench/ and one test below e2e/
)
