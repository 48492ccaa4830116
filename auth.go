package main

import (
	"fmt"
	"net/http"
	"net/netip"
	"strings"
	"time"

	"switchboard/internal/access"
	"switchboard/internal/logs"
	"switchboard/internal/token"
)

// This file is sign-in by token, before the hub is asked: a token becomes a name, a
// role and a Grant, or a refusal. The hub knows nothing of tokens.

// An authority knows by which keys tokens are verified, and what becomes of those that
// are refused. There is none in open mode.
type authority struct {
	keys     *token.Keys
	leeway   time.Duration
	failures *access.Throttle
	warnings *logs.Warnings
}

// newAuthority reads the files with the keys. In open mode there are none, and it
// returns nil.
func newAuthority(keyFiles []string, rules token.Rules, warnings *logs.Warnings) (*authority, error) {
	if len(keyFiles) == 0 {
		return nil, nil
	}
	keys, err := token.LoadKeys(keyFiles, rules)
	if err != nil {
		return nil, fmt.Errorf("-token-key-file: %w", err)
	}
	return &authority{keys, rules.Leeway, access.NewThrottle(), warnings}, nil
}

// inquiry is what is asked about the sign-ins of one connection.
type inquiry struct {
	*authority
	address netip.Addr // of the client
	bearer  string     // the token of the handshake, until the client signs in with it
}

// inquire returns the inquiry of a connection that this request makes, or nil in open
// mode.
func (a *authority) inquire(r *http.Request, address netip.Addr) *inquiry {
	if a == nil {
		return nil
	}
	return &inquiry{a, address, bearerIn(r.Header)}
}

// bearerIn returns the token in the Authorization header, "" if there is none (RFC 6750,
// 2.1). Other schemes may be a proxy's. Of what is too long it keeps no more than shows
// that.
func bearerIn(header http.Header) string {
	for _, value := range header["Authorization"] {
		scheme, text, _ := strings.Cut(value, " ")
		if text = strings.TrimSpace(text); strings.EqualFold(scheme, "Bearer") && text != "" {
			return strings.Clone(text[:min(len(text), token.MaxBytes+1)])
		}
	}
	return ""
}

// authenticate puts what a token says in the place of what a login claims, or refuses
// the login. What was wrong with the claims when they were read comes as a refusal too.
// It returns a Closing if the connection ends with that.
func (c *connection) authenticate(req Request, refusal *Refused) (Request, *Refused, *Closing) {
	if resume, ok := req.Command.(Resume); ok && resume.Token != "" {
		return c.authenticateResume(req, resume)
	}
	login, ok := req.login()
	if !ok {
		return req, refusal, nil
	}
	switch {
	case login.Token != "":
	case !c.isKnown():
		login.Token = c.inquiry.bearer
	case login.flaw != nil:
		return req, login.flaw.regarding(req.Word, Target{}), nil
	default:
		return req, nil, nil // the hub says that it is signed in
	}
	said, refusal, why := c.prove(req, login.Token)
	if refusal != nil {
		return req, refusal, why
	}
	if refusal := login.contradiction(said); refusal != nil {
		return req, refusal.regarding(req.Word, Target{}), nil
	}
	c.inquiry.bearer = ""
	said.Resume = login.Resume
	return req.with(said), nil, nil
}

// authenticateResume verifies the token that a client brings when it comes back. What it
// says renews the sign-in of the session.
func (c *connection) authenticateResume(req Request, resume Resume) (Request, *Refused, *Closing) {
	said, refusal, why := c.prove(req, resume.Token)
	if refusal != nil {
		return req, refusal, why
	}
	resume.Renewal = &said
	req.Command = resume
	return req, nil, nil
}

// prove returns the login that the token of a request stands for, or refuses the request,
// with a Closing if the connection ends with that.
func (c *connection) prove(req Request, text string) (Login, *Refused, *Closing) {
	said, fault := c.inquiry.verify(text)
	if fault == "" {
		return said, nil, nil
	}
	refusal, why := c.inquiry.refuse(c.slot.From(), fault)
	return Login{}, refusal.regarding(req.Word, Target{}), why
}

const noToken token.Fault = "absent"

// verify returns the login that a token stands for, or why there is none.
func (a *authority) verify(text string) (Login, token.Fault) {
	if text == "" {
		return Login{}, noToken
	}
	claims, fault := a.keys.Verify(text)
	if fault != "" {
		return Login{}, fault
	}
	name, nameOK := parseName(claims.Subject)
	mayCall, mayCallOK := nameSetOf(claims.MayCall)
	rooms, roomsOK := nameSetOf(claims.Rooms)
	if !nameOK || !mayCallOK || !roomsOK {
		return Login{}, token.BadClaims
	}
	return Login{Name: name, Role: strings.ToLower(claims.Role), Grant: &Grant{
		Expires: claims.Expires,
		Ends:    claims.Expires.Add(a.leeway),
		MayCall: mayCall,
		Rooms:   rooms,
	}}, ""
}

// nameSetOf returns the set that a claim names; all names if there is no such claim.
func nameSetOf(claim *[]string) (NameSet, bool) {
	if claim == nil {
		return nil, true
	}
	return parseNames(*claim)
}

// contradiction refuses a login that claims anything else than its token says, if only
// by a field of the wrong kind. A page that believes it is somebody else would show that.
func (claimed Login) contradiction(said Login) *Refused {
	switch {
	case claimed.flaw != nil:
		return claimed.flaw
	case claimed.Name.Key != "" && claimed.Name.Key != said.Name.Key:
		return refuse(CodeBadName, "your token is for "+said.Name.Text)
	case claimed.Role != "" && claimed.Role != said.Role:
		return refuse(CodeBadRole, "your token is for "+inRole(said.Role))
	}
	return nil
}

// refuse refuses a sign-in in the same words whatever the fault is: only the log tells.
// If an address has failed too often, its connection ends.
func (q *inquiry) refuse(from netip.Prefix, fault token.Fault) (*Refused, *Closing) {
	q.warnings.Warn(from, "sign-in refused", "reason", fault, "address", q.address)
	if q.failures.Fail(from) {
		return refuse(CodeRateLimited, "too many failed sign-ins from your address: try again later"), closeFailing
	}
	return refuse(CodeBadToken, "a valid token is needed to sign in"), nil
}
