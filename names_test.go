package main

import (
	"strings"
	"testing"
	"unicode/utf8"

	"golang.org/x/text/secure/precis"
)

func TestParseName(t *testing.T) {
	for in, want := range map[string]Name{
		"ann":                                    {"ann", "ann"},
		"Ann Lee":                                {"Ann Lee", "ann lee"},
		"Ann  Lee":                               {"Ann Lee", "ann lee"},
		" ann":                                   {"ann", "ann"},
		"\u3000Ann\u00a0 ":                       {"Ann", "ann"},
		"علی\u200cرضا":                           {"علی\u200cرضا", "علی\u200cرضا"},
		"\u0dc1\u0dca\u200d\u0dbb\u0dd3":         {"\u0dc1\u0dca\u200d\u0dbb\u0dd3", "\u0dc1\u0dca\u200d\u0dbb\u0dd3"},
		"\u03f9":                                 {"Σ", "σ"},
		"ann@example.org":                        {"ann@example.org", "ann@example.org"},
		"__proto__":                              {"__proto__", "__proto__"},
		"Zoe\u0301":                              {"Zo\u00e9", "zo\u00e9"},
		"Ольга":                                  {"Ольга", "ольга"},
		"李雷":                                     {"李雷", "李雷"},
		"ｆｕｌｌ":                                   {"full", "full"},
		"<img src=x>":                            {"<img src=x>", "<img src=x>"},
		strings.Repeat("\u1112\u1161\u11ab", 30): {strings.Repeat("한", 30), strings.Repeat("한", 30)},
		strings.Repeat("é", 64):                  {strings.Repeat("é", 64), strings.Repeat("é", 64)},
	} {
		if got, ok := parseName(in); !ok || got != want {
			t.Errorf("parseName(%q) = %q, %t; want %q", in, got, ok, want)
		}
	}
	for _, in := range []string{
		"", " ", "\u3000\u00a0", "ann\n", "a\x00b", "a\x1b[31m", "a\u202eb", "a\u200bb", "a\u200db", "a\u200cb", "\ufeffann",
		"a\u00adb", "\ue000", "\ufffd", "\xff", "\u2028", strings.Repeat("a", 65), strings.Repeat("é", 65),
	} {
		if got, ok := parseName(in); ok {
			t.Errorf("parseName(%q) = %q, want a refusal", in, got)
		}
	}
}

// FuzzName checks that a name stays what it is when it is given back, and
// that the short cut for plain names is none in what it says.
func FuzzName(f *testing.F) {
	f.Add("ann")
	f.Add("Ann  Lee")
	f.Add("Zoe\u0301")
	f.Fuzz(func(t *testing.T, s string) {
		name, ok := parseName(s)
		if !ok {
			return
		}
		if n := utf8.RuneCountInString(name.Text); n < 1 || n > maxNameRunes {
			t.Errorf("%q has %d characters", name.Text, n)
		}
		if again, ok := parseName(name.Text); !ok || again != name {
			t.Errorf("%q becomes %q, and that %q", s, name, again)
		}
		text, err := precis.Nickname.String(s)
		key, keyErr := precis.Nickname.CompareKey(text)
		if err != nil || keyErr != nil || text != name.Text || key != name.Key {
			t.Errorf("parseName(%q) = %q, the profile says %q and %q", s, name, text, key)
		}
	})
}
