package main

import (
	"bytes"
	"encoding/json"
	"fmt"
	"iter"
	"strconv"
	"strings"
	"unicode/utf8"
)

// JSON is read and written here without touching payloads: encoding/json
// says whether a frame is valid, then its top level is walked in place. So
// numbers keep their digits, keys match exactly, and nothing is escaped anew.

// readObject checks that frame is one JSON object and stores each member
// that slot knows, raw. A key that is read must not be repeated: two readers
// might otherwise see two different messages in it. Whatever comes first is
// stored all the same, so that the refusal can say what it refuses.
func readObject(frame []byte, slot func(key []byte) *json.RawMessage) *Refused {
	if !json.Valid(frame) {
		var none json.RawMessage
		return refuse(CodeBadJSON, "this is not JSON: "+json.Unmarshal(frame, &none).Error())
	}
	if frame = bytes.TrimLeft(frame, jsonSpace); frame[0] != '{' {
		return refuse(CodeBadJSON, "a message is one JSON object, such as {\"type\":\"login\",\"name\":\"ann\"}")
	}
	var refusal *Refused
	for key, value := range members(frame) {
		field := slot(key)
		switch {
		case field == nil:
		case *field != nil:
			refusal = refuse(CodeBadRequest, fmt.Sprintf("the key %q is repeated", key))
		default:
			*field = value
		}
	}
	return refusal
}

const jsonSpace = " \t\r\n"

// members walks the top level of a valid JSON object and yields each key,
// decoded, with its value as it stands.
func members(object []byte) iter.Seq2[[]byte, json.RawMessage] {
	return func(yield func([]byte, json.RawMessage) bool) {
		rest := bytes.TrimLeft(object[1:], jsonSpace)
		for rest[0] != '}' {
			n := valueLen(rest)
			key := decode(rest[:n])
			rest = bytes.TrimLeft(rest[n:], jsonSpace+":")
			n = valueLen(rest)
			if !yield(key, json.RawMessage(rest[:n:n])) {
				return
			}
			rest = bytes.TrimLeft(rest[n:], jsonSpace+",")
		}
	}
}

// valueLen returns the length of the valid JSON value that s begins with.
func valueLen(s []byte) int {
	switch s[0] {
	case '"':
		return stringLen(s)
	case '{', '[':
		return nestedLen(s)
	}
	if n := bytes.IndexAny(s, jsonSpace+",]}"); n >= 0 {
		return n
	}
	return len(s)
}

func stringLen(s []byte) int {
	for i := 1; ; i++ {
		switch s[i] {
		case '\\':
			i++
		case '"':
			return i + 1
		}
	}
}

func nestedLen(s []byte) int {
	depth := 0
	for i := 0; ; i++ {
		switch s[i] {
		case '"':
			i += stringLen(s[i:]) - 1
		case '{', '[':
			depth++
		case '}', ']':
			if depth--; depth == 0 {
				return i + 1
			}
		}
	}
}

// decode returns the text of a valid JSON string, in place if it can.
func decode(raw []byte) []byte {
	inner := raw[1 : len(raw)-1]
	if bytes.IndexByte(inner, '\\') < 0 {
		return inner
	}
	var s string
	if err := json.Unmarshal(raw, &s); err != nil {
		panic("decode: " + err.Error())
	}
	return []byte(s)
}

// absent reports whether a field was left out, or given as null, which says
// the same.
func absent(raw json.RawMessage) bool {
	return raw == nil || raw[0] == 'n'
}

// asString returns the text of a field and whether it is a string at all.
func asString(raw json.RawMessage) (string, bool) {
	if raw == nil || raw[0] != '"' {
		return "", false
	}
	return string(decode(raw)), true
}

// appendString appends s as a JSON string.
func appendString[T string | []byte](dst []byte, s T) []byte {
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

// maxExcerpt bounds what we repeat of a client's own words.
const maxExcerpt = 64

// excerpt returns what may be repeated of s in a text or a log: at most
// maxExcerpt characters, whatever does not print escaped.
func excerpt(s string) string {
	var b strings.Builder
	room := maxExcerpt
	for _, r := range s {
		part := escapeRune(r)
		if room -= utf8.RuneCountInString(part); room < 0 {
			break
		}
		b.WriteString(part)
	}
	return b.String()
}

func escapeRune(r rune) string {
	if strconv.IsPrint(r) {
		return string(r)
	}
	return strings.Trim(strconv.QuoteRuneToASCII(r), "'")
}
