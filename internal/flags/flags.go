// Package flags reads flags from the command line, and those that it lacks from
// the environment.
//
// A value given may be a password, in the wrong place even, and errors end up
// in logs and tickets. So errors name the flag and say what would do. They
// repeat no credentials, and quote at most a plain word, a host or the name of a
// file: the functions that parse a value keep to this too.
package flags

import (
	"flag"
	"fmt"
	"regexp"
	"strings"
)

// Set sets the flags in args, and those that args lack from the environment. It
// returns the arguments that are no flags. flag.ErrHelp asks for the usage.
func Set(f *flag.FlagSet, args []string, lookupEnv func(string) (string, bool)) (rest []string, err error) {
	if rest, err = setFromArgs(f, args); err != nil {
		return nil, err
	}
	f.VisitAll(func(fl *flag.Flag) {
		variable := EnvName(f, fl.Name)
		value, _ := lookupEnv(variable)
		// Compose files and the like set variables to nothing.
		if value = strings.TrimSpace(value); value == "" || Given(f, fl.Name) || err != nil {
			return
		}
		if e := f.Set(fl.Name, value); e != nil {
			err = fmt.Errorf("%s: %w", variable, e)
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
			return nil, fmt.Errorf("%s is not a flag", Mention("-"+name, "an argument that begins with a dash"))
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

// Given reports whether a flag was set, by the command line or by the environment.
func Given(f *flag.FlagSet, name string) (given bool) {
	f.Visit(func(fl *flag.Flag) { given = given || fl.Name == name })
	return given
}

// EnvName returns the environment variable that stands in for a flag of f which
// is not given: SWITCHBOARD_RING_TIMEOUT for -ring-timeout of switchboard.
func EnvName(f *flag.FlagSet, name string) string {
	return strings.ToUpper(strings.ReplaceAll(f.Name()+"_"+name, "-", "_"))
}

var plainWord = regexp.MustCompile(`^[a-zA-Z-]{1,20}$`)

// Mention returns the argument if it is so plain a word that it is no secret,
// and otherwise what else to call it.
func Mention(arg, otherwise string) string {
	if plainWord.MatchString(arg) {
		return arg
	}
	return otherwise
}
