package main

import (
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"time"

	"switchboard/internal/flags"
	"switchboard/internal/token"
)

// This file is `switchboard token`, which makes a token to sign in with.

// runToken makes a token and prints it, for tests and for sites whose pages need no
// others.
func runToken(args []string, stdout, errs io.Writer) int {
	order, err := parseTokenOrder(args, os.LookupEnv)
	if errors.Is(err, flag.ErrHelp) {
		tokenUsage(stdout)
		return 0
	}
	text := ""
	if err == nil {
		text, err = order.make()
	}
	if err != nil {
		fmt.Fprintf(errs, "switchboard token: %v\n", err)
		return 1
	}
	fmt.Fprintln(stdout, text)
	return 0
}

// tokenOrder is what `switchboard token` is to make.
type tokenOrder struct {
	keyFiles []string // the first counts
	claims   token.Claims
	rules    token.Rules
	ttl      time.Duration
}

// newTokenFlags defines the flags of `switchboard token`. Those that the server has too
// have the same environment variables.
func newTokenFlags(order *tokenOrder, mayCall, rooms *[]string) *flag.FlagSet {
	f := flag.NewFlagSet("switchboard-token", flag.ContinueOnError)
	f.SetOutput(io.Discard)
	flags.List(f, &order.keyFiles, "key-file", "", "file with the secret (HS256), or with the private key in PEM (PKCS 8, Ed25519 or RSA)", parseFile)
	flags.Value(f, &order.claims.Subject, "name", "", "name to sign in with", parseText)
	flags.Value(f, &order.claims.Role, "role", "", "role to sign in with", parseText)
	flags.List(f, mayCall, "may-call", "", "names that the holder may call, and no others; if given and empty: nobody", parseText)
	flags.List(f, rooms, "room", "", "names of rooms that the holder may join, and no others; if given and empty: none", parseText)
	flags.Value(f, &order.ttl, "ttl", "1h", "how long the token holds", parseDuration)
	flags.Value(f, &order.rules.Issuer, "issuer", "", "issuer (iss) to name", parseText)
	flags.Value(f, &order.rules.Audience, "audience", "", "audience (aud) to name", parseText)
	return f
}

// parseTokenOrder reads what follows `switchboard token`.
func parseTokenOrder(args []string, lookupEnv func(string) (string, bool)) (tokenOrder, error) {
	var order tokenOrder
	var mayCall, rooms []string
	f := newTokenFlags(&order, &mayCall, &rooms)
	rest, err := flags.Set(f, args, lookupEnv)
	if flags.Given(f, "may-call") {
		order.claims.MayCall = &mayCall
	}
	if flags.Given(f, "room") {
		order.claims.Rooms = &rooms
	}
	_, isName := parseName(order.claims.Subject)
	switch {
	case err != nil:
		return order, err
	case len(rest) > 0:
		return order, stray(rest[0])
	case len(order.keyFiles) == 0:
		return order, errors.New("-key-file is needed")
	case !isName:
		return order, errors.New("-name is needed: " + nameRule)
	}
	for name, listed := range map[string][]string{"may-call": mayCall, "room": rooms} {
		if _, ok := parseNames(listed); !ok || len(listed) > token.MaxNames {
			return order, fmt.Errorf("-%s takes up to %d names: %s", name, token.MaxNames, nameRule)
		}
	}
	return order, nil
}

// make makes the token.
func (o tokenOrder) make() (string, error) {
	key, err := token.ReadSigningKey(o.keyFiles[0])
	if err != nil {
		return "", fmt.Errorf("-key-file: %w", err)
	}
	o.claims.Expires = time.Now().Add(o.ttl)
	return token.Sign(key, o.claims, o.rules)
}

// tokenUsage describes the flags of `switchboard token`.
func tokenUsage(w io.Writer) {
	f := newTokenFlags(&tokenOrder{}, new([]string), new([]string))
	f.SetOutput(w)
	fmt.Fprint(w, "switchboard token prints a token to sign in with.\n\nUsage:\n  switchboard token -key-file secret -name ann [flags]\n\nFlags:\n")
	f.PrintDefaults()
	fmt.Fprintf(w, "\nEach flag can be given by the environment too: -key-file as %s, as for the server.\nOf several files the first is used. A public key makes no tokens.\n", flags.EnvName(f, "key-file"))
}
