package main

import (
	"bytes"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"os"
	"regexp"
	"time"
)

// keyFile has the secret of the tokens that withTokens makes.
const keyFile = "testdata/keys/secret"

var writtenToken = regexp.MustCompile(`<(\{.*?\})>`)

// withTokens puts a token in the place of each <{what it says}> in a text. Its exp and
// nbf may be written as how far ahead they are, such as "1h".
func withTokens(text string) string {
	return writtenToken.ReplaceAllStringFunc(text, func(written string) string {
		return makeToken(written[1 : len(written)-1])
	})
}

// makeToken signs claims as another program would (RFC 7515, A.1).
func makeToken(written string) string {
	var claims map[string]any
	if err := json.Unmarshal([]byte(written), &claims); err != nil {
		panic(written + ": " + err.Error())
	}
	for _, key := range []string{"exp", "nbf"} {
		if ahead, ok := claims[key].(string); ok {
			d, err := time.ParseDuration(ahead)
			if err != nil {
				panic(written + ": " + err.Error())
			}
			claims[key] = time.Now().Add(d).Unix()
		}
	}
	payload, err := json.Marshal(claims)
	if err != nil {
		panic(err)
	}
	secret, err := os.ReadFile(keyFile)
	if err != nil {
		panic(err)
	}
	encode := base64.RawURLEncoding.EncodeToString
	text := encode([]byte(`{"alg":"HS256"}`)) + "." + encode(payload)
	mac := hmac.New(sha256.New, bytes.TrimRight(secret, "\n"))
	mac.Write([]byte(text))
	return text + "." + encode(mac.Sum(nil))
}
