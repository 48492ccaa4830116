package jsonscan

import (
	"bytes"
	"encoding/json"
	"strconv"
)

// The readers below take a value as Scan and Members give it: valid, and without white
// space around it. A nil value is that of a member that was left out.

// space is what may stand around a value (RFC 8259, 2).
const space = " \t\r\n"

// Trim returns text without white space around it.
func Trim(text []byte) []byte { return bytes.Trim(text, space) }

// IsObject reports whether a valid text, or a value in it, is an object (RFC 8259, 4).
func IsObject(text []byte) bool {
	s := scanner{text: text}
	return s.skipSpace() == '{'
}

// Absent reports whether a member was left out or is null, which says the same.
func Absent(value json.RawMessage) bool { return value == nil || value[0] == 'n' }

// Blank reports whether an optional member says nothing: it is absent or the
// empty string, which serialisers write that know no null.
func Blank(value json.RawMessage) bool { return Absent(value) || string(value) == `""` }

// Says reports whether value is the string text, written without escapes.
func Says(value json.RawMessage, text string) bool {
	return len(value) == len(text)+2 && value[0] == '"' && string(value[1:len(value)-1]) == text
}

// String returns the text of a string (RFC 8259, 7), and whether value is one.
func String(value json.RawMessage) (string, bool) {
	if !IsString(value) {
		return "", false
	}
	return string(unquote(value)), true
}

// Text returns what a string or a number says (RFC 8259, 6 and 7), and whether
// value is one of them. A number is its decimal text: to clients that keep people
// and rooms in a database, 42 and "42" are one name.
func Text(value json.RawMessage) (string, bool) {
	if text, ok := String(value); ok {
		return text, true
	}
	n, err := strconv.ParseFloat(string(value), 64)
	switch {
	case err != nil:
		return "", false
	case bytes.ContainsAny(value, ".eE"):
		return strconv.FormatFloat(n, 'f', -1, 64), true
	}
	return string(value), true
}

// AppendString appends s as a string. It escapes what must be (RFC 8259, 7) and
// nothing else.
func AppendString[T string | []byte](dst []byte, s T) []byte {
	const hex = "0123456789abcdef"
	dst = append(dst, '"')
	for i := range len(s) {
		switch b := s[i]; {
		case b == '"', b == '\\':
			dst = append(dst, '\\', b)
		case b < ' ':
			dst = append(dst, '\\', 'u', '0', '0', hex[b>>4], hex[b&15])
		default:
			dst = append(dst, b)
		}
	}
	return append(dst, '"')
}

// IsString reports whether a value is a string (RFC 8259, 7).
func IsString(value json.RawMessage) bool { return value != nil && value[0] == '"' }

// unquote returns the text of a string, in place if nothing in it is escaped, and nil
// for no string.
func unquote(value json.RawMessage) []byte {
	if value == nil {
		return nil
	}
	inner := value[1 : len(value)-1]
	if bytes.IndexByte(inner, '\\') < 0 {
		return inner
	}
	var s string
	if err := json.Unmarshal(value, &s); err != nil {
		panic("unquote: " + err.Error())
	}
	return []byte(s)
}
