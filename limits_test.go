package main

import (
	"strings"
	"testing"
	"unicode/utf8"
)

func TestExcerpt(t *testing.T) {
	for in, want := range map[string]string{
		"ann":                     "ann",
		"a\nb\x1b[31m":            `a\nb\x1b[31m`,
		"a\u202eb":                `a\u202eb`,
		"it's":                    "it's",
		strings.Repeat("é", 100):  strings.Repeat("é", maxExcerpt),
		strings.Repeat("\x00", 3): `\x00\x00\x00`,
	} {
		if got := excerpt(in); got != want {
			t.Errorf("excerpt(%q) = %q, want %q", in, got, want)
		}
	}
	if got := utf8.RuneCountInString(excerpt(strings.Repeat("\n", 1000))); got > maxExcerpt {
		t.Errorf("an excerpt of %d characters", got)
	}
}
