package flags

import (
	"errors"
	"flag"
	"fmt"
	"io"
	"slices"
	"strconv"
	"strings"
	"testing"
)

type settings struct {
	number int
	words  []string
	loud   bool
}

// define returns flags of a program called tea-pot.
func define(s *settings) *flag.FlagSet {
	f := flag.NewFlagSet("tea-pot", flag.ContinueOnError)
	f.SetOutput(io.Discard)
	Value(f, &s.number, "the-number", "7", "a number", func(s string) (int, error) {
		n, err := strconv.Atoi(s)
		if err != nil {
			return 0, errors.New("it is a number")
		}
		return n, nil
	})
	List(f, &s.words, "words", "a,b", "words", func(s string) (string, error) {
		if strings.Contains(s, " ") {
			return "", errors.New("a word has no blanks")
		}
		return s, nil
	})
	Switch(f, &s.loud, "loud", "or not")
	return f
}

func TestSet(t *testing.T) {
	for _, tt := range []struct {
		args []string
		env  string // NAME=value
		want settings
		rest []string
	}{
		{nil, "", settings{7, []string{"a", "b"}, false}, nil},
		{[]string{"-the-number", "1", "--words=c", "-loud"}, "", settings{1, []string{"c"}, true}, nil},
		{[]string{"-the-number", "-1"}, "", settings{-1, []string{"a", "b"}, false}, nil},
		{[]string{"-the-number=1", "-the-number=2"}, "", settings{2, []string{"a", "b"}, false}, nil},
		{[]string{"-loud=false", "-loud=T"}, "", settings{7, []string{"a", "b"}, true}, nil},
		// What is given several times adds up, but not to the standard value.
		{[]string{"-words", "c, ,d,", "-words", "e"}, "", settings{7, []string{"c", "d", "e"}, false}, nil},
		{[]string{"-words="}, "", settings{7, nil, false}, nil},
		{[]string{"x", "-loud", "y", "-"}, "", settings{7, []string{"a", "b"}, true}, []string{"x", "y", "-"}},
		{nil, "TEA_POT_THE_NUMBER=1", settings{1, []string{"a", "b"}, false}, nil},
		{nil, "TEA_POT_THE_NUMBER=1\r", settings{1, []string{"a", "b"}, false}, nil}, // a file from Windows
		{nil, "TEA_POT_THE_NUMBER= ", settings{7, []string{"a", "b"}, false}, nil},
		{nil, "TEA_POT_LOUD=true", settings{7, []string{"a", "b"}, true}, nil},
		{nil, "TEA_POT_WORDS=c,d", settings{7, []string{"c", "d"}, false}, nil},
		{[]string{"-words=c"}, "TEA_POT_WORDS=d", settings{7, []string{"c"}, false}, nil},
		{[]string{"-the-number=1"}, "TEA_POT_THE_NUMBER=nonsense", settings{1, []string{"a", "b"}, false}, nil},
		{nil, "THE_NUMBER=1", settings{7, []string{"a", "b"}, false}, nil},
	} {
		var got settings
		rest, err := Set(define(&got), tt.args, environment(tt.env))
		if err != nil || fmt.Sprint(got) != fmt.Sprint(tt.want) || !slices.Equal(rest, tt.rest) {
			t.Errorf("%q with %q: %v, the rest %q, %v; want %v, the rest %q", tt.args, tt.env, got, rest, err, tt.want, tt.rest)
		}
	}
}

// environment has one variable.
func environment(assigned string) func(string) (string, bool) {
	name, value, _ := strings.Cut(assigned, "=")
	return func(asked string) (string, bool) {
		if asked != name {
			return "", false
		}
		return value, true
	}
}

func TestRefusals(t *testing.T) {
	for _, tt := range []struct{ args, env, want string }{
		{"-the-number=hunter2", "", "-the-number: it is a number"},
		{"-the-number=", "", "-the-number: it is a number"},
		{"-words=a b", "", "-words: a word has no blanks"},
		{"-words=c,d,a b", "", "-words: number 3: a word has no blanks"},
		{"-loud=on", "", "-loud: it is true or false"},
		{"-the-number", "", "-the-number needs a value"},
		{"-nonsense=hunter2", "", "-nonsense is not a flag"},
		{"--nonsense", "", "-nonsense is not a flag"},
		{"-hunter2", "", "an argument that begins with a dash is not a flag"},
		{"", "TEA_POT_THE_NUMBER=hunter2", "TEA_POT_THE_NUMBER: it is a number"},
		{"", "TEA_POT_LOUD=2", "TEA_POT_LOUD: it is true or false"},
	} {
		if _, err := Set(define(&settings{}), []string{tt.args}, environment(tt.env)); err == nil || err.Error() != tt.want {
			t.Errorf("%s with %s: %v, want %s", tt.args, tt.env, err, tt.want)
		}
	}
	for _, help := range []string{"-h", "--help", "-help"} {
		if _, err := Set(define(&settings{}), []string{"-loud", help}, environment("")); !errors.Is(err, flag.ErrHelp) {
			t.Errorf("%s: %v", help, err)
		}
	}
}

func TestUsage(t *testing.T) {
	var text strings.Builder
	f := define(&settings{})
	f.SetOutput(&text)
	f.PrintDefaults()
	want := "  -loud\n    \tor not\n  -the-number value\n    \ta number (default 7)\n  -words value\n    \twords (default a,b)\n"
	if text.String() != want {
		t.Errorf("the usage is %q, want %q", text.String(), want)
	}
}

func TestStandardValueMustParse(t *testing.T) {
	defer func() {
		if recover() == nil {
			t.Error("a flag has a standard value that cannot be given")
		}
	}()
	Value(flag.NewFlagSet("tea-pot", flag.ContinueOnError), new(bool), "loud", "on", "or not", parseSwitch)
}
