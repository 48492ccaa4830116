// Package token makes and verifies the JSON Web Tokens (RFC 7519) by which an
// application says who somebody is. It alone knows the library for them, whose mild
// defaults it makes strict: a token needs an expiry, a signature is checked by the
// keys of its own method only, and what the header says of keys is not looked at.
package token

import (
	"errors"
	"fmt"
	"math"
	"strings"
	"time"

	"github.com/golang-jwt/jwt/v5"
)

// Claims are what a token says.
type Claims struct {
	Subject string
	Role    string
	Expires time.Time
	MayCall *[]string // nil: not narrowed
	Rooms   *[]string // likewise
}

// Rules are what beside the signature has to hold of a token.
type Rules struct {
	Issuer   string // required, if set
	Audience string // required, if set
	Leeway   time.Duration
}

// A Fault is why a token is refused, as a fixed word for the log.
type Fault string

const (
	TooLong      Fault = "too long"
	Malformed    Fault = "malformed"
	BadAlgorithm Fault = "algorithm"
	Critical     Fault = "critical header"
	BadSignature Fault = "signature"
	Expired      Fault = "expired"
	NotYetValid  Fault = "not yet valid"
	BadIssuer    Fault = "issuer"
	BadAudience  Fault = "audience"
	BadClaims    Fault = "claims"
)

// MaxBytes bounds a token. It is refused before anything of it is read.
const MaxBytes = 4096

// MaxNames bounds the names in a claim.
const MaxNames = 100

// A Verifier checks tokens. It is only read, so that many goroutines can use one.
type Verifier struct {
	keys   map[string]jwt.VerificationKeySet // by the method
	parser *jwt.Parser
}

// NewVerifier returns a verifier that takes what any of the keys has signed.
func NewVerifier(keys []Key, rules Rules) *Verifier {
	v := &Verifier{keys: map[string]jwt.VerificationKeySet{}}
	var methods []string
	for _, key := range keys {
		alg := key.method.Alg()
		methods = append(methods, alg)
		v.keys[alg] = jwt.VerificationKeySet{Keys: append(v.keys[alg].Keys, key.value)}
	}
	options := []jwt.ParserOption{jwt.WithValidMethods(methods), jwt.WithExpirationRequired(),
		jwt.WithLeeway(rules.Leeway), jwt.WithStrictDecoding(), jwt.WithIssuer(rules.Issuer)}
	if rules.Audience != "" {
		options = append(options, jwt.WithAudience(rules.Audience))
	}
	v.parser = jwt.NewParser(options...)
	return v
}

var errCritical = errors.New("the header has extensions that must be understood")

// Verify returns what a token says, or why it is refused.
func (v *Verifier) Verify(text string) (Claims, Fault) {
	switch {
	case len(text) > MaxBytes:
		return Claims{}, TooLong
	case strings.ContainsAny(text, "\r\n"): // package base64 skips them
		return Claims{}, Malformed
	}
	raw := jwt.MapClaims{} // by the exact names, where a struct would take any case
	parsed, err := v.parser.ParseWithClaims(text, raw, func(t *jwt.Token) (any, error) {
		if _, ok := t.Header["crit"]; ok {
			return nil, errCritical
		}
		return v.keys[t.Method.Alg()], nil
	})
	if err != nil {
		return Claims{}, v.faultOf(parsed, err)
	}
	return readClaims(raw)
}

func (v *Verifier) faultOf(parsed *jwt.Token, err error) Fault {
	switch {
	case errors.Is(err, jwt.ErrTokenMalformed):
		return Malformed
	case errors.Is(err, errCritical):
		return Critical
	case parsed == nil || parsed.Method == nil || len(v.keys[parsed.Method.Alg()].Keys) == 0:
		return BadAlgorithm
	}
	for _, known := range []struct {
		err   error
		fault Fault
	}{
		{jwt.ErrTokenSignatureInvalid, BadSignature},
		{jwt.ErrTokenExpired, Expired},
		{jwt.ErrTokenNotValidYet, NotYetValid},
		{jwt.ErrTokenInvalidIssuer, BadIssuer},
		{jwt.ErrTokenInvalidAudience, BadAudience},
	} {
		if errors.Is(err, known.err) {
			return known.fault
		}
	}
	return BadClaims
}

// readClaims reads what the library does not look at, or takes in too many forms.
func readClaims(raw jwt.MapClaims) (Claims, Fault) {
	subject, hasSubject := raw["sub"].(string)
	role, isText := raw["role"].(string)
	mayCall, mayCallOK := readNames(raw, "may_call")
	rooms, roomsOK := readNames(raw, "room")
	if !hasSubject || !isText && raw["role"] != nil || !mayCallOK || !roomsOK || !isTime(raw["exp"]) || !isTime(raw["nbf"]) {
		return Claims{}, BadClaims
	}
	expires, err := raw.GetExpirationTime()
	if err != nil || expires == nil {
		return Claims{}, BadClaims
	}
	return Claims{Subject: subject, Role: role, Expires: expires.Time, MayCall: mayCall, Rooms: rooms}, ""
}

// isTime reports whether a claim is absent, or a number that is a time: what is much
// larger would wrap around, and a date far ahead count as past.
func isTime(claim any) bool {
	seconds, ok := claim.(float64)
	return claim == nil || ok && math.Abs(seconds) <= 1<<53
}

// readNames reads a claim that is a text or a list of texts. A null is neither: a
// narrowing that went missing must not become a wide right.
func readNames(raw jwt.MapClaims, key string) (*[]string, bool) {
	claim, there := raw[key]
	switch claim := claim.(type) {
	case string:
		return &[]string{claim}, true
	case []any:
		names := make([]string, 0, len(claim))
		for _, item := range claim {
			name, ok := item.(string)
			if !ok {
				return nil, false
			}
			names = append(names, name)
		}
		return &names, len(names) <= MaxNames
	}
	return nil, !there
}

// Sign returns a token that says this by the rules, and holds until claims.Expires.
func Sign(key Key, claims Claims, rules Rules) (string, error) {
	raw := jwt.MapClaims{"sub": claims.Subject, "exp": claims.Expires.Unix(), "iat": time.Now().Unix()}
	for name, text := range map[string]string{"role": claims.Role, "iss": rules.Issuer, "aud": rules.Audience} {
		if text != "" {
			raw[name] = text
		}
	}
	if claims.MayCall != nil {
		raw["may_call"] = append([]string{}, *claims.MayCall...)
	}
	if claims.Rooms != nil {
		raw["room"] = append([]string{}, *claims.Rooms...)
	}
	text, err := jwt.NewWithClaims(key.method, raw).SignedString(key.value)
	if err == nil && len(text) > MaxBytes {
		err = fmt.Errorf("a token of more than %d bytes would be refused: name fewer people or rooms", MaxBytes)
	}
	return text, err
}
