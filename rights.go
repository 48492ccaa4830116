package main

import (
	"errors"
	"strings"
)

// Rights say who may call whom: a set of pairs of caller role and callee role, ""
// for no role. They are data and not code, so that a clinic writes doctor:patient
// where a school writes teacher:student. They are only read.
type Rights struct {
	pairs   map[rolePair]bool
	known   map[string]bool // every role that a pair names
	callers map[string]bool // the roles that may call somebody
}

type rolePair struct{ caller, callee string }

// noRole stands for parties without a role where pairs are written.
const noRole = "-"

// parseRights reads pairs such as "teacher:student,teacher:-,-:-". Roles are
// compared without case.
func parseRights(s string) (Rights, error) {
	r := Rights{pairs: map[rolePair]bool{}, known: map[string]bool{}, callers: map[string]bool{}}
	for pair := range strings.SplitSeq(strings.ToLower(s), ",") {
		caller, callee, ok := strings.Cut(strings.TrimSpace(pair), ":")
		if !ok || caller == "" || callee == "" || strings.Contains(callee, ":") {
			return Rights{}, errors.New("a pair of roles is of the form teacher:student, with - for no role")
		}
		p := rolePair{withoutDash(caller), withoutDash(callee)}
		r.pairs[p] = true
		r.known[p.caller], r.known[p.callee] = true, true
		r.callers[p.caller] = true
	}
	r.known[""] = true // whoever claims no role may always sign in
	return r, nil
}

func withoutDash(role string) string {
	if role == noRole {
		return ""
	}
	return role
}

// mayCall reports whether a party with the first role may call one with the
// second.
func (r Rights) mayCall(caller, callee string) bool {
	return r.pairs[rolePair{caller, callee}]
}

// concern reports whether either of the two may call the other. Only then may they
// know of each other.
func (r Rights) concern(a, b string) bool {
	return r.mayCall(a, b) || r.mayCall(b, a)
}

// mayHoldSeveral reports whether a party with the role may have several calls at once.
// By default a teacher may, a student and a page without a role may not.
func (r Rights) mayHoldSeveral(role string) bool {
	return role != "" && r.callers[role]
}

// inRole words a role for a text.
func inRole(role string) string {
	if role == "" {
		return "somebody without a role"
	}
	return "a " + excerpt(role)
}
