package flags

import (
	"errors"
	"flag"
	"fmt"
	"strings"
)

// value is a flag of any type that a function can parse. A list may be given
// several times; what was given then adds up.
type value[T any] struct {
	dst   *T
	text  string
	list  bool
	set   bool
	parse func(string) (T, error)
}

// Value defines a flag that parse reads, with its standard value, which must
// parse.
func Value[T any](f *flag.FlagSet, dst *T, name, standard, usage string, parse func(string) (T, error)) {
	add(f, &value[T]{dst: dst, parse: parse}, name, standard, usage)
}

// Switch defines a flag that is off unless it is given.
func Switch(f *flag.FlagSet, dst *bool, name, usage string) {
	Value(f, dst, name, "false", usage, parseSwitch)
}

// List defines a flag that is a list, separated by commas, of items that parse
// reads.
func List[S ~[]E, E any](f *flag.FlagSet, dst *S, name, standard, usage string, parse func(string) (E, error)) {
	add(f, &value[S]{dst: dst, list: true, parse: func(s string) (S, error) { return parseList[S](s, parse) }}, name, standard, usage)
}

func add[T any](f *flag.FlagSet, v *value[T], name, standard, usage string) {
	if err := v.Set(standard); err != nil {
		panic(err)
	}
	v.set = false
	f.Var(v, name, usage)
}

func (v *value[T]) String() string {
	if v.text == "" && v.IsBoolFlag() {
		return "false" // of the zero value, for PrintDefaults
	}
	return v.text
}

func (v *value[T]) IsBoolFlag() bool {
	_, ok := any(v.dst).(*bool)
	return ok
}

func (v *value[T]) Set(s string) error {
	if v.list && v.set {
		s = v.text + "," + s
	}
	parsed, err := v.parse(s)
	if err != nil {
		return err
	}
	*v.dst, v.text, v.set = parsed, s, true
	return nil
}

func parseSwitch(s string) (bool, error) {
	switch strings.ToLower(s) {
	case "true", "1", "t":
		return true, nil
	case "false", "0", "f":
		return false, nil
	}
	return false, errors.New("it is true or false")
}

func parseList[S ~[]E, E any](s string, parse func(string) (E, error)) (all S, err error) {
	for item := range strings.SplitSeq(s, ",") {
		if item = strings.TrimSpace(item); item == "" {
			continue
		}
		one, err := parse(item)
		if err != nil && strings.Contains(s, ",") {
			err = fmt.Errorf("number %d: %w", len(all)+1, err)
		}
		if err != nil {
			return nil, err
		}
		all = append(all, one)
	}
	return all, nil
}
