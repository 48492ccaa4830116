package main

import "testing"

func TestRights(t *testing.T) {
	rights, err := parseRights("Teacher:student, teacher:-,-:-")
	if err != nil {
		t.Fatal(err)
	}
	for _, tt := range []struct {
		caller, callee string
		may            bool
	}{
		{"teacher", "student", true}, {"teacher", "", true}, {"", "", true},
		{"student", "teacher", false}, {"student", "student", false}, {"student", "", false},
		{"", "teacher", false}, {"", "student", false}, {"teacher", "teacher", false},
	} {
		if got := rights.mayCall(tt.caller, tt.callee); got != tt.may {
			t.Errorf("mayCall(%q, %q) = %t", tt.caller, tt.callee, got)
		}
	}
	if !rights.mayHoldSeveral("teacher") || rights.mayHoldSeveral("student") || rights.mayHoldSeveral("") {
		t.Error("only a teacher holds several calls")
	}
	if rights.known["-"] || rights.known["doctor"] || !rights.known["student"] {
		t.Errorf("known roles are %v", rights.known)
	}
}
