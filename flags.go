package main

import (
	"errors"
	"flag"
	"fmt"
	"regexp"
	"strings"
)

// A value given may be a password, in the wrong place even, and errors end up
// in logs and tickets. So errors name the flag and say what would do. They
// repeat no credentials, and quote at most a host or the name of a file.

// setFlags sets the flags in args, and those that args lack from the
// environment. It returns the arguments that are no flags.
func setFlags(f *flag.FlagSet, args []string, lookupEnv func(string) (string, bool)) (rest []string, err error) {
	if rest, err = setFromArgs(f, args); err != nil {
		return nil, err
	}
	given := map[string]bool{}
	f.Visit(func(fl *flag.Flag) { given[fl.Name] = true })
	f.VisitAll(func(fl *flag.Flag) {
		value, _ := lookupEnv(envName(fl.Name))
		// Compose files and the like set variables to nothing.
		if value = strings.TrimSpace(value); value == "" || given[fl.Name] || err != nil {
			return
		}
		if e := f.Set(fl.Name, value); e != nil {
			err = fmt.Errorf("%s: %w", envName(fl.Name), e)
		}
	})
	return rest, err
}

// setFromArgs understands flags as package flag does, but for its errors. It
// finds them behind other arguments too.
func setFromArgs(f *flag.FlagSet, args []string) (rest []string, err error) {
	for i := 0; i < len(args); i++ {
		name, value, assigned := strings.Cut(args[i], "=")
		name, dashed := strings.CutPrefix(name, "-")
		name = strings.TrimPrefix(name, "-")
		fl := f.Lookup(name)
		switch {
		case !dashed || name == "":
			rest = append(rest, args[i])
			continue
		case name == "h" || name == "help":
			return nil, flag.ErrHelp
		case fl == nil:
			return nil, fmt.Errorf("%s is not a flag", mention("-"+name, "an argument that begins with a dash"))
		case assigned:
		case isSwitch(fl):
			value = "true"
		case i+1 == len(args):
			return nil, fmt.Errorf("-%s needs a value", name)
		default:
			i++
			value = args[i]
		}
		if err := f.Set(name, value); err != nil {
			return nil, fmt.Errorf("-%s: %w", name, err)
		}
	}
	return rest, nil
}

func isSwitch(fl *flag.Flag) bool {
	v, ok := fl.Value.(interface{ IsBoolFlag() bool })
	return ok && v.IsBoolFlag()
}

// envName returns the environment variable that stands in for a flag which
// is not given: SWITCHBOARD_RING_TIMEOUT for -ring-timeout.
func envName(flagName string) string {
	return "SWITCHBOARD_" + strings.ToUpper(strings.ReplaceAll(flagName, "-", "_"))
}

// stray says what is wrong with an argument that is no flag.
func stray(arg string) error {
	if arg == "true" || arg == "false" {
		return fmt.Errorf("a switch and its value are one word, such as -greeting=%s", arg)
	}
	return fmt.Errorf("%s is not expected: all settings are flags, such as -listen :9090", mention(arg, "an argument"))
}

var plainWord = regexp.MustCompile(`^[a-zA-Z-]{1,20}$`)

// mention returns the argument if it is so plain a word that it is no secret,
// and otherwise what else to call it.
func mention(arg, otherwise string) string {
	if plainWord.MatchString(arg) {
		return arg
	}
	return otherwise
}

// value is a flag of any type that a function can parse. A list may be given
// several times; what was given then adds up.
type value[T any] struct {
	dst   *T
	text  string
	list  bool
	set   bool
	parse func(string) (T, error)
}

func valueFlag[T any](f *flag.FlagSet, dst *T, name, standard, usage string, parse func(string) (T, error)) {
	addFlag(f, &value[T]{dst: dst, parse: parse}, name, standard, usage)
}

// switchFlag is a valueFlag that is off unless it is given.
func switchFlag(f *flag.FlagSet, dst *bool, name, usage string) {
	valueFlag(f, dst, name, "false", usage, parseSwitch)
}

// listFlag is a valueFlag for a list separated by commas.
func listFlag[S ~[]E, E any](f *flag.FlagSet, dst *S, name, standard, usage string, parse func(string) (E, error)) {
	addFlag(f, &value[S]{dst: dst, list: true, parse: func(s string) (S, error) {
		var all S
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
	}}, name, standard, usage)
}

// addFlag gives the flag its standard value, which must parse.
func addFlag[T any](f *flag.FlagSet, v *value[T], name, standard, usage string) {
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
