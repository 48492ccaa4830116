package main

import (
	"fmt"
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"

	"golang.org/x/text/secure/precis"
)

// maxNameRunes bounds a name, which is shown in one line, and compared often.
const maxNameRunes = 64

// maxNameBytes bounds what the profile is applied to. It may shorten a text to a
// name: composition (NFC) joins up to four characters.
const maxNameBytes = 4 * maxNameRunes * utf8.UTFMax

// Name is a name as RFC 8266 (the PRECIS Nickname profile) lets it through.
type Name struct {
	Text string // the profile's form, as everybody is shown it
	Key  string // the comparison key; two names are one if their keys are
}

// parseName returns the Name for what a client wrote, or false if that is
// none. Blanks at the ends do not count (RFC 8266, 2.1). Beside the profile's
// own rules it refuses what could make two names look alike or disturb a line
// of text: control, format (bidi, zero width) and private-use characters, and
// the replacement character.
func parseName(s string) (Name, bool) {
	if isPlain(s) {
		return Name{Text: s, Key: s}, true
	}
	if s == "" || len(s) > maxNameBytes || strings.ContainsFunc(s, neverInName) {
		return Name{}, false
	}
	text, err := precis.Nickname.String(s)
	if err != nil || utf8.RuneCountInString(text) > maxNameRunes {
		return Name{}, false
	}
	key, err := precis.Nickname.CompareKey(text) // of what is shown, lest two names look the same
	if err != nil {
		return Name{}, false
	}
	return Name{Text: text, Key: key}, true
}

// isPlain reports whether the profile would leave s as it is, text and key.
// Most names are plain, and every candidate is addressed by one.
func isPlain(s string) bool {
	for i := range len(s) {
		if c := s[i]; (c < 'a' || c > 'z') && (c < '0' || c > '9') {
			return false
		}
	}
	return s != "" && len(s) <= maxNameRunes
}

// neverInName reports whether no name may have r. The two joiners are the
// profile's to judge: some scripts need them (RFC 5892, A.1 and A.2).
func neverInName(r rune) bool {
	const zeroWidthNonJoiner, zeroWidthJoiner = '\u200C', '\u200D'
	switch r {
	case utf8.RuneError:
		return true
	case zeroWidthNonJoiner, zeroWidthJoiner:
		return false
	}
	return unicode.In(r, unicode.Cc, unicode.Cf, unicode.Co, unicode.Cs)
}

// NameSet is a set of names, by their keys in order. The nil set is that of all names.
type NameSet []string

// parseNames returns the set of some names, or false if one of them can be none.
func parseNames(texts []string) (NameSet, bool) {
	set := NameSet{}
	for _, text := range texts {
		name, ok := parseName(text)
		if !ok {
			return nil, false
		}
		set = append(set, name.Key)
	}
	slices.Sort(set)
	return slices.Compact(set), true
}

// has reports whether the name with this key is in the set.
func (s NameSet) has(key string) bool {
	_, found := slices.BinarySearch(s, key)
	return s == nil || found
}

// nameRule is what clients are told when parseName refuses a name.
var nameRule = fmt.Sprintf("a name has 1 to %d characters, and none that is invisible or for private use", maxNameRunes)

// nameOf returns the Name that a client addresses. What cannot be a name has no key,
// so that nobody is found under it.
func nameOf(s string) *Name {
	name, ok := parseName(s)
	if !ok {
		name.Text = excerpt(s)
	}
	return &name
}
