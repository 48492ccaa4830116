package token

import (
	"bytes"
	"crypto"
	"crypto/ed25519"
	"crypto/rsa"
	"crypto/x509"
	"encoding/base64"
	"encoding/json"
	"encoding/pem"
	"errors"
	"fmt"
	"strings"

	"github.com/golang-jwt/jwt/v5"

	"switchboard/internal/keyfile"
)

// A Key verifies the tokens of one method, or makes them. Its value is of the type
// that its method takes and no other does: a public key can never stand in for a
// secret (RFC 8725, 3.1).
type Key struct {
	method jwt.SigningMethod
	value  any
}

const (
	minSecret  = 32   // bytes; HS256 needs as many as its hash has (RFC 7518, 3.2)
	minRSABits = 2048 // RFC 7518, 3.3
)

// ReadVerifyingKey reads a file with a secret, or with a public key in PEM. Errors
// name the file, and hold nothing of what is in it.
func ReadVerifyingKey(file string) (Key, error) { return readKey(file, parsePublicKey) }

// ReadSigningKey reads a file with a secret, or with a private key in PEM (PKCS 8).
func ReadSigningKey(file string) (Key, error) { return readKey(file, parsePrivateKey) }

func readKey(file string, parsePEM func(*pem.Block) (Key, error)) (Key, error) {
	data, err := keyfile.Read(file)
	if err != nil {
		return Key{}, err // names the file
	}
	key, err := parseKey(data, parsePEM)
	if err != nil {
		return Key{}, fmt.Errorf("%s %w", file, err)
	}
	return key, nil
}

var pemBegin = []byte("-----BEGIN")

func parseKey(data []byte, parsePEM func(*pem.Block) (Key, error)) (Key, error) {
	secret := bytes.TrimRight(data, "\r\n")
	switch blocks := bytes.Count(data, pemBegin); {
	case len(secret) == 0:
		return Key{}, errors.New("is empty")
	case blocks > 1:
		return Key{}, errors.New("holds several PEM blocks; there is one key in a file")
	case blocks == 1:
		block, rest := pem.Decode(data)
		if block == nil || len(bytes.TrimSpace(rest)) > 0 {
			return Key{}, errors.New("holds damaged PEM")
		}
		return parsePEM(block)
	case isPublic(secret):
		return Key{}, errors.New("holds JSON, or a public key in another form; that has to be PEM, a PUBLIC KEY block")
	case len(secret) < minSecret:
		return Key{}, fmt.Errorf("holds a secret of %d bytes; HS256 needs %d or more", len(secret), minSecret)
	}
	return Key{jwt.SigningMethodHS256, secret}, nil
}

// isPublic reports whether what would be taken for a secret may be a public key that is
// not in PEM: JSON (RFC 7517), what SSH writes, or DER, perhaps in base64. With that
// for a secret, everybody who knows the public key could make tokens.
func isPublic(text []byte) bool {
	fields := bytes.Fields(text)
	ofSSH := len(fields) > 1 && bytes.HasPrefix(fields[1], []byte("AAAA"))
	isJSON := bytes.ContainsAny(text[:1], "{[") && json.Valid(text)
	decoded, err := base64.StdEncoding.DecodeString(string(bytes.Join(fields, nil)))
	return ofSSH || isJSON || isDER(text) || err == nil && isDER(decoded)
}

func isDER(data []byte) bool {
	_, notKey := x509.ParsePKIXPublicKey(data)
	_, notPKCS1 := x509.ParsePKCS1PublicKey(data)
	_, notCertificate := x509.ParseCertificate(data)
	return notKey == nil || notPKCS1 == nil || notCertificate == nil
}

func isPrivate(block *pem.Block) bool {
	return strings.HasSuffix(block.Type, "PRIVATE KEY")
}

var errUnfit = errors.New("holds a key of another kind; it has to be Ed25519, or RSA of 2048 bits or more")

func parsePublicKey(block *pem.Block) (Key, error) {
	switch {
	case isPrivate(block):
		return Key{}, errors.New("holds a private key; the server needs the public one")
	case block.Type != "PUBLIC KEY":
		return Key{}, errors.New("holds PEM of another kind; it has to be a PUBLIC KEY block")
	}
	public, err := x509.ParsePKIXPublicKey(block.Bytes)
	if err != nil {
		return Key{}, errUnfit
	}
	return fitKey(public, public)
}

func parsePrivateKey(block *pem.Block) (Key, error) {
	switch {
	case block.Type == "PUBLIC KEY":
		return Key{}, errors.New("makes no tokens: needs the private key")
	case block.Type != "PRIVATE KEY":
		return Key{}, errors.New("holds PEM of another kind; it has to be a PRIVATE KEY block (PKCS 8)")
	}
	private, err := x509.ParsePKCS8PrivateKey(block.Bytes)
	signer, ok := private.(crypto.Signer)
	if err != nil || !ok {
		return Key{}, errUnfit
	}
	return fitKey(signer.Public(), private)
}

// fitKey returns the key with this value, if its public part is fit for tokens.
func fitKey(public, value any) (Key, error) {
	switch public := public.(type) {
	case ed25519.PublicKey:
		return Key{jwt.SigningMethodEdDSA, value}, nil
	case *rsa.PublicKey:
		if public.N.BitLen() >= minRSABits {
			return Key{jwt.SigningMethodRS256, value}, nil
		}
	}
	return Key{}, errUnfit
}
