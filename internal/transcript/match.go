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
//     afterwards exactly that one must come again. So is a secret, which is 26
//     capital letters and digits from 2 to 7;
//   - "..." is any text but the empty one.
//
// An expectation that begins with digits and then { or [ is a packet of
// Socket.IO: the digits are compared as text, what follows as JSON. Any other
// that does not begin with { is text, compared as it stands.
type Bindings map[string]string

var (
	uuid       = regexp.MustCompile(`[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}`)
	secret     = regexp.MustCompile(`^[A-Z2-7]{26}$`)
	variable   = regexp.MustCompile(uuid.String() + `|\b[A-Z2-7]{26}\b`)
	packet     = regexp.MustCompile(`^\d+[{\[]`)
	digits     = regexp.MustCompile(`^\d*`)
	randomUUID = regexp.MustCompile(`^[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$`)
)

// Real puts the server's identifiers in the place of the written ones. A variable
// that no frame has brought stands for itself from then on: an identifier that a
// client has made up is not one of the server's.
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
	switch {
	case want == "..." && got != "":
		return nil
	case variable.FindString(want) == want && want != "":
		return b.bind(at, want, got)
	case want == got:
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
	switch {
	case secret.MatchString(written) && !secret.MatchString(got):
		return fmt.Errorf("%s is no secret", at)
	case !secret.MatchString(written) && !randomUUID.MatchString(got):
		return fmt.Errorf("%s is no random UUID", at)
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
