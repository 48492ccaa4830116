package token

import (
	"crypto/ed25519"
	"crypto/rand"
	"crypto/x509"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"reflect"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/golang-jwt/jwt/v5"
)

func fresh(name string) Claims {
	return Claims{Subject: name, Expires: time.Now().Add(time.Hour)}
}

func secretKey(text string) Key { return Key{jwt.SigningMethodHS256, []byte(text)} }

// craft signs a token whose header and claims are written out.
func craft(method jwt.SigningMethod, key any, header, claims string) string {
	text := base64.RawURLEncoding.EncodeToString([]byte(header)) + "." + base64.RawURLEncoding.EncodeToString([]byte(claims))
	signature, err := method.Sign(text, key)
	if err != nil {
		panic(err)
	}
	return text + "." + base64.RawURLEncoding.EncodeToString(signature)
}

const plainHeader = `{"alg":"HS256","typ":"JWT"}`

// signed signs claims with the secret, whatever they are.
func signed(claims string) string {
	return craft(jwt.SigningMethodHS256, []byte(secret), plainHeader, claims)
}

func names(all ...string) *[]string { return &all }

func TestClaims(t *testing.T) {
	exp := time.Now().Add(time.Hour).Truncate(time.Second)
	verifier := NewVerifier([]Key{secretKey(secret)}, Rules{})
	for claims, want := range map[string]Claims{
		`"sub":"ann"`:                                                 {Subject: "ann"},
		`"sub":"Ann B","role":"teacher"`:                              {Subject: "Ann B", Role: "teacher"},
		`"sub":"ann","role":"","may_call":"bob"`:                      {Subject: "ann", MayCall: names("bob")},
		`"sub":"ann","role":null,"room":["r",""]`:                     {Subject: "ann", Rooms: names("r", "")},
		`"sub":"ann","may_call":[]`:                                   {Subject: "ann", MayCall: &[]string{}},
		`"sub":"ann","Role":"x","ROOM":7,"May_Call":7`:                {Subject: "ann"}, // claims are compared exactly
		`"sub":"ann","iat":"never","jti":7,"aud":"x"`:                 {Subject: "ann"}, // not looked at
		`"sub":"ann","nbf":0,"iss":"x","unknown":[{}]`:                {Subject: "ann"},
		`"sub":"","may_call":["` + strings.Repeat(`a","`, 98) + `b"]`: {MayCall: names(append(strings.Split(strings.Repeat("a ", 97)+"a", " "), "b")...)},
	} {
		want.Expires = exp
		got, fault := verifier.Verify(signed(fmt.Sprintf(`{%s,"exp":%d}`, claims, exp.Unix())))
		if fault != "" || !got.Expires.Equal(exp) {
			t.Errorf("%s: %q, %v", claims, fault, got.Expires)
		}
		if got.Expires = exp; !reflect.DeepEqual(got, want) {
			t.Errorf("%s: got %+v, want %+v", claims, got, want)
		}
	}
}

// Each of these is refused, and the log has a word for it.
func TestFaults(t *testing.T) {
	edPublic, edPrivate, err := ed25519.GenerateKey(rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	edDER, _ := x509.MarshalPKIXPublicKey(edPublic)
	rsaPublic := &strongRSA().PublicKey
	rsaDER, _ := x509.MarshalPKIXPublicKey(rsaPublic)
	verifier := NewVerifier([]Key{secretKey(secret), {jwt.SigningMethodEdDSA, edPublic}, {jwt.SigningMethodRS256, rsaPublic}},
		Rules{Issuer: "school", Audience: "calls"})
	only := NewVerifier([]Key{{jwt.SigningMethodEdDSA, edPublic}}, Rules{})

	future := time.Now().Add(time.Hour).Unix()
	good := fmt.Sprintf(`{"sub":"ann","exp":%d,"iss":"school","aud":["x","calls"]}`, future)
	with := func(more string) string {
		return signed(fmt.Sprintf(`{"exp":%d,"iss":"school","aud":"calls",%s}`, future, more))
	}
	byEd := craft(jwt.SigningMethodEdDSA, edPrivate, `{"alg":"EdDSA"}`, good)
	hs := func(key any, header string) string { return craft(jwt.SigningMethodHS256, key, header, good) }
	head, rest, _ := strings.Cut(signed(good), ".")
	body, signature, _ := strings.Cut(rest, ".")

	for _, token := range []string{signed(good), byEd, craft(jwt.SigningMethodRS256, strongRSA(), `{"alg":"RS256","kid":"../../dev/null"}`, good),
		hs([]byte(secret), `{"alg":"HS256","kid":7,"jku":"https://evil.example","jwk":{"kty":"oct","k":"AAAA"}}`)} {
		if _, fault := verifier.Verify(token); fault != "" {
			t.Errorf("a good token is refused: %s", fault)
		}
	}
	for name, tt := range map[string]struct {
		token string
		fault Fault
	}{
		"nothing":                     {"", Malformed},
		"a word":                      {"nonsense", Malformed},
		"dots":                        {"..", Malformed},
		"many dots":                   {strings.Repeat(".", MaxBytes), Malformed},
		"one byte too long":           {strings.Repeat("x", MaxBytes+1), TooLong},
		"a part too many":             {signed(good) + ".x", Malformed},
		"padding":                     {signed(good) + "=", Malformed},
		"a line end":                  {signed(good) + "\n", Malformed},
		"no JSON":                     {head + ".eA." + signature, Malformed},
		"a list":                      {head + ".W10." + signature, Malformed},
		"no claims":                   {signed(`null`), BadClaims},
		"no signature":                {head + "." + body + ".", BadSignature},
		"another's signature":         {head + "." + body + "." + strings.SplitN(with(`"sub":"bob"`), ".", 3)[2], BadSignature},
		"another secret":              {hs([]byte(strings.ToUpper(secret)), plainHeader), BadSignature},
		"none":                        {craft(jwt.SigningMethodNone, jwt.UnsafeAllowNoneSignatureType, `{"alg":"none"}`, good), BadAlgorithm},
		"None":                        {craft(jwt.SigningMethodNone, jwt.UnsafeAllowNoneSignatureType, `{"alg":"None"}`, good), BadAlgorithm},
		"no algorithm":                {hs([]byte(secret), `{}`), BadAlgorithm},
		"an algorithm of wrong type":  {hs([]byte(secret), `{"alg":["HS256"]}`), BadAlgorithm},
		"a longer hash":               {craft(jwt.SigningMethodHS512, []byte(secret), `{"alg":"HS512"}`, good), BadAlgorithm},
		"PSS":                         {craft(jwt.SigningMethodPS256, strongRSA(), `{"alg":"PS256"}`, good), BadAlgorithm},
		"HS256 by the DER of Ed25519": {hs(edDER, plainHeader), BadSignature},
		"HS256 by Ed25519's bytes":    {hs([]byte(edPublic), plainHeader), BadSignature},
		"HS256 by the PEM of Ed25519": {hs(encode("PUBLIC KEY", edDER), plainHeader), BadSignature},
		"HS256 by the PEM of RSA":     {hs(encode("PUBLIC KEY", rsaDER), plainHeader), BadSignature},
		"crit":                        {hs([]byte(secret), `{"alg":"HS256","crit":["exp"]}`), Critical},
		"crit of wrong type":          {hs([]byte(secret), `{"alg":"HS256","crit":null}`), Critical},
		"no issuer":                   {signed(fmt.Sprintf(`{"sub":"ann","exp":%d,"aud":"calls"}`, future)), BadClaims},
		"another issuer":              {signed(fmt.Sprintf(`{"sub":"ann","exp":%d,"aud":"calls","iss":"School"}`, future)), BadIssuer},
		"issuer of wrong type":        {signed(fmt.Sprintf(`{"sub":"ann","exp":%d,"aud":"calls","iss":["school"]}`, future)), BadClaims},
		"no audience":                 {signed(fmt.Sprintf(`{"sub":"ann","exp":%d,"iss":"school"}`, future)), BadClaims},
		"another audience":            {signed(fmt.Sprintf(`{"sub":"ann","exp":%d,"iss":"school","aud":["a","b"]}`, future)), BadAudience},
		"audience of wrong type":      {signed(fmt.Sprintf(`{"sub":"ann","exp":%d,"iss":"school","aud":["calls",7]}`, future)), BadClaims},
		"no sub":                      {with(`"role":"x"`), BadClaims},
		"sub is a number":             {with(`"sub":7`), BadClaims},
		"sub is null":                 {with(`"sub":null`), BadClaims},
		"role is a list":              {with(`"sub":"ann","role":["teacher"]`), BadClaims},
		"may_call is an object":       {with(`"sub":"ann","may_call":{"bob":true}`), BadClaims},
		"may_call is null":            {with(`"sub":"ann","may_call":null`), BadClaims},
		"may_call has a number":       {with(`"sub":"ann","may_call":["bob",7]`), BadClaims},
		"may_call has 101 names":      {with(`"sub":"ann","may_call":["` + strings.Repeat(`a","`, 100) + `b"]`), BadClaims},
		"room is true":                {with(`"sub":"ann","room":true`), BadClaims},
		"nbf is a text":               {with(`"sub":"ann","nbf":"0"`), BadClaims},
		"nbf is beyond all time":      {with(`"sub":"ann","nbf":1e300`), BadClaims},
		"no exp":                      {signed(`{"sub":"ann","iss":"school","aud":"calls"}`), BadClaims},
		"exp is a text":               {signed(fmt.Sprintf(`{"sub":"ann","iss":"school","aud":"calls","exp":"%d"}`, future)), BadClaims},
		"exp in upper case":           {signed(fmt.Sprintf(`{"sub":"ann","iss":"school","aud":"calls","EXP":%d}`, future)), BadClaims},
		"exp is null":                 {signed(`{"sub":"ann","iss":"school","aud":"calls","exp":null}`), BadClaims},
		"exp is 0":                    {signed(`{"sub":"ann","iss":"school","aud":"calls","exp":0}`), BadClaims},
	} {
		if claims, fault := verifier.Verify(tt.token); fault != tt.fault || !reflect.DeepEqual(claims, Claims{}) {
			t.Errorf("%s: %q with %+v, want %q", name, fault, claims, tt.fault)
		}
	}
	// Which way it is refused differs between machines: the date wraps around.
	for _, exp := range []string{"1e300", "-1e300", "9007199254740994", "1e400"} {
		if _, fault := verifier.Verify(signed(`{"sub":"ann","iss":"school","aud":"calls","exp":` + exp + `}`)); fault == "" {
			t.Errorf("exp %s is taken", exp)
		}
	}
	// With one key there is one method.
	for name, token := range map[string]string{"a secret": signed(good), "the public key": hs([]byte(edPublic), plainHeader)} {
		if _, fault := only.Verify(token); fault != BadAlgorithm {
			t.Errorf("HS256 by %s where there is only an Ed25519 key: %q", name, fault)
		}
	}
	if _, fault := only.Verify(byEd); fault != "" {
		t.Errorf("Ed25519: %q", fault)
	}
}

// Every key is tried, whatever a kid says.
func TestSeveralKeys(t *testing.T) {
	verifier := NewVerifier([]Key{secretKey("old " + secret), secretKey("new " + secret)}, Rules{})
	for _, key := range []string{"old ", "new "} {
		text, err := Sign(secretKey(key+secret), fresh("ann"), Rules{})
		if err != nil {
			t.Fatal(err)
		}
		if _, fault := verifier.Verify(text); fault != "" {
			t.Errorf("the %skey: %s", key, fault)
		}
	}
}

func TestTimes(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		now := time.Now()
		at := func(d time.Duration) int64 { return now.Add(d).Unix() }
		for _, tt := range []struct {
			leeway   time.Duration
			exp, nbf int64
			fault    Fault
		}{
			{0, at(time.Second), at(0), ""},
			{0, at(0), at(0), Expired},
			{0, at(time.Hour), at(time.Second), NotYetValid},
			{30 * time.Second, at(-29 * time.Second), at(30 * time.Second), ""},
			{30 * time.Second, at(-30 * time.Second), at(0), Expired},
			{30 * time.Second, at(time.Hour), at(31 * time.Second), NotYetValid},
		} {
			token := signed(fmt.Sprintf(`{"sub":"ann","exp":%d,"nbf":%d}`, tt.exp, tt.nbf))
			if _, fault := NewVerifier([]Key{secretKey(secret)}, Rules{Leeway: tt.leeway}).Verify(token); fault != tt.fault {
				t.Errorf("%+v: %q", tt, fault)
			}
		}
	})
}

func TestSign(t *testing.T) {
	rules := Rules{Issuer: "school", Audience: "calls"}
	claims := Claims{Subject: "ann", Role: "teacher", Expires: time.Now().Add(time.Minute).Truncate(time.Second), MayCall: &[]string{}, Rooms: names("r")}
	text, err := Sign(secretKey(secret), claims, rules)
	if err != nil {
		t.Fatal(err)
	}
	got, fault := NewVerifier([]Key{secretKey(secret)}, rules).Verify(text)
	if fault != "" || !reflect.DeepEqual(got, claims) {
		t.Errorf("%+v, %q", got, fault)
	}
	payload, _ := base64.RawURLEncoding.DecodeString(strings.Split(text, ".")[1])
	if !strings.Contains(string(payload), `"may_call":[]`) || !json.Valid(payload) {
		t.Errorf("it says %s", payload)
	}
	claims.MayCall = names(strings.Repeat("x", MaxBytes))
	if _, err := Sign(secretKey(secret), claims, rules); err == nil {
		t.Error("a token is made that is too long")
	}
}

// Only what was signed with the key is taken, and whatever comes, nothing breaks.
func FuzzVerify(f *testing.F) {
	verifier := NewVerifier([]Key{secretKey(secret), {jwt.SigningMethodRS256, &strongRSA().PublicKey}}, Rules{Leeway: time.Minute})
	f.Add(plainHeader, `{"sub":"ann","exp":4102444800}`, "")
	f.Add(`{"alg":"none"}`, `{"sub":"ann","exp":4102444800}`, "x")
	f.Add(`{"alg":"RS256","crit":[]}`, `{"sub":"ann","role":null,"may_call":["a",7],"exp":1e300,"nbf":-1}`, "\x00")
	f.Fuzz(func(t *testing.T, header, claims, signature string) {
		encode := base64.RawURLEncoding.EncodeToString
		text := encode([]byte(header)) + "." + encode([]byte(claims))
		if _, fault := verifier.Verify(text + "." + encode([]byte(signature))); fault == "" {
			t.Fatalf("a token without a signature is taken: %s", text)
		}
		if _, fault := verifier.Verify(header + claims + signature); fault == "" {
			t.Fatal("nonsense is taken")
		}
		got, fault := verifier.Verify(craft(jwt.SigningMethodHS256, []byte(secret), header, claims))
		if (fault != "") != reflect.DeepEqual(got, Claims{}) {
			t.Fatalf("%+v with %q", got, fault)
		}
		if fault == "" && (got.Expires.IsZero() || got.MayCall != nil && len(*got.MayCall) > MaxNames) {
			t.Fatalf("%+v is taken", got)
		}
	})
}
