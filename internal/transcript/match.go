package transcript

import (
	"cmp"
	"encoding/json"
	"fmt"
	"regexp"
	"slices"
	"strings"
)

// Bindings compares frames with what a conversation expects, and remembers
// which identifier of the server stands behind each one that is written.
//
// Frames are compared as JSON: neither blanks nor the order of keys matter,
// but no key may be missing, added or repeated, and numbers are equal if they
// are written alike. Two strings are special in an expectation:
//
//   - a UUID is a variable. The first time, it takes the place of the random
//     (version 4) UUID that came, which no other variable may stand for;
//     afterwards exactly that one must come again. So does a word of 26 capital
//     letters and digits from 2 to 7 for another such word (crypto/rand.Text).
//     Other text may surround either;
//   - "..." is any text but the empty one.
//
// An expectation that begins with digits and then { or [ is a packet of
// Socket.IO: the digits are compared as text, what follows as JSON. Any other
// that does not begin with { is text, compared as it stands.
type Bindings map[string]string

var (
	variable = regexp.MustCompile(`[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}|\b[A-Z2-7]{26}\b`)
	packet   = regexp.MustCompile(`^\d+[{\[]`)
	digits   = regexp.MustCompile(`^\d*`)
	random   = regexp.MustCompile(`^([0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}|[A-Z2-7]{26})$`)
)

// Real puts the server's identifiers in the place of the written ones. One
// that no frame has brought stands for itself from then on: one that a client
// has made up is not one of the server's.
func (b Bindings) Real(frame string) string {
	return variable.ReplaceAllStringFunc(frame, func(written string) string {
		if _, bound := b[written]; !bound {
			b[written] = written
		}
		return b[written]
	})
}

// Match says how a frame differs from what was expected, nil if it does not.
func (b Bindings) Match(expected, frame string) error {
	if !isObject(expected) && !packet.MatchString(expected) {
		return b.text("frame", expected, frame)
	}
	head := digits.FindString(expected)
	if head != digits.FindString(frame) {
		return fmt.Errorf("frame does not begin with %s", head)
	}
	want, err := decode(expected[len(head):])
	if err != nil {
		return err
	}
	got, err := decode(frame[len(head):])
	if err != nil {
		return err
	}
	return b.match("frame", want, got)
}

func (b Bindings) match(at string, want, got any) error {
	switch want := want.(type) {
	case object:
		if got, ok := got.(object); ok {
			return b.object(at, want, got)
		}
	case []any:
		if got, ok := got.([]any); ok && len(got) == len(want) {
			return b.array(at, want, got)
		}
	case string:
		if got, ok := got.(string); ok {
			return b.text(at, want, got)
		}
	default:
		if want == got {
			return nil
		}
	}
	return fmt.Errorf("%s differs", at)
}

func (b Bindings) object(at string, want, got object) error {
	for i := range max(len(want), len(got)) {
		switch {
		case i == len(got) || i < len(want) && want[i].key < got[i].key:
			return fmt.Errorf("%s has no %q", at, want[i].key)
		case i == len(want) || want[i].key > got[i].key:
			return fmt.Errorf("%s has a %q too many", at, got[i].key)
		}
		if err := b.match(want[i].key, want[i].value, got[i].value); err != nil {
			return err
		}
	}
	return nil
}

func (b Bindings) array(at string, want, got []any) error {
	for i := range want {
		if err := b.match(fmt.Sprintf("%s[%d]", at, i), want[i], got[i]); err != nil {
			return err
		}
	}
	return nil
}

func (b Bindings) text(at, want, got string) error {
	place := variable.FindStringIndex(want)
	switch {
	case want == "..." && got != "":
		return nil
	case place != nil && len(got) == len(want) && got[:place[0]] == want[:place[0]] && got[place[1]:] == want[place[1]:]:
		return b.bind(at, want[place[0]:place[1]], got[place[0]:place[1]])
	case place == nil && want == got:
		return nil
	}
	return fmt.Errorf("%s differs", at)
}

func (b Bindings) bind(at, written, got string) error {
	if real, bound := b[written]; bound {
		if real != got {
			return fmt.Errorf("%s is not the %s that came before", at, written)
		}
		return nil
	}
	if !random.MatchString(got) {
		return fmt.Errorf("%s is not random", at)
	}
	for other, real := range b {
		if real == got {
			return fmt.Errorf("%s is %s again", at, other)
		}
	}
	b[written] = got
	return nil
}

// An object keeps its members sorted by key and, unlike a map, also those that
// are repeated.
type object []member

type member struct {
	key   string
	value any
}

func isObject(frame string) bool { return strings.HasPrefix(frame, "{") }

func decode(frame string) (any, error) {
	if !json.Valid([]byte(frame)) {
		return nil, fmt.Errorf("not JSON: %s", frame)
	}
	d := json.NewDecoder(strings.NewReader(frame))
	d.UseNumber()
	return value(d), nil
}

// value reads one value of a valid frame, in which no token is an error.
func value(d *json.Decoder) any {
	token, _ := d.Token()
	switch token {
	case json.Delim('{'):
		o := object{}
		for d.More() {
			key, _ := d.Token()
			o = append(o, member{key.(string), value(d)})
		}
		d.Token()
		slices.SortStableFunc(o, func(a, b member) int { return cmp.Compare(a.key, b.key) })
		return o
	case json.Delim('['):
		a := []any{}
		for d.More() {
			a = append(a, value(d))
		}
		d.Token()
		return a
	}
	return token
}
