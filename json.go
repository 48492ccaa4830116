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

// JSON is read and written here without touching payloads: a scanner says
// whether a frame is valid and finds the fields on the way. So numbers keep
// their digits, keys match exactly, and nothing is escaped anew.

const jsonSpace = " \t\r\n"

// readObject gives put each member of a frame. A frame that is not one JSON
// object is broken, and what put was given of it means nothing. Put stores
// those members that are read, and returns false for one that it has already:
// a key that is read must not be repeated, since two readers might otherwise
// see two different messages. Whatever comes first is stored all the same, so
// that the refusal can say what it refuses.
func readObject(frame []byte, put visit) (broken, twice *Refused) {
	s := scanner{text: frame}
	ok := s.document(func(key []byte, value json.RawMessage) bool {
		if !put(key, value) {
			twice = repeated(string(key))
		}
		return true
	})
	switch {
	case s.depth > maxDepth:
		return refuse(CodeBadJSON, fmt.Sprintf("this is nested deeper than %d levels", maxDepth)), nil
	case !ok:
		var none json.RawMessage
		return refuse(CodeBadJSON, fmt.Sprintf("this is not JSON: %v", json.Unmarshal(frame, &none))), nil
	case bytes.TrimLeft(frame, jsonSpace)[0] != '{':
		return refuse(CodeBadJSON, "a message is one JSON object, such as {\"type\":\"login\",\"name\":\"ann\"}"), nil
	}
	return nil, twice
}

func repeated(key string) *Refused {
	return refuse(CodeBadRequest, fmt.Sprintf("the key %q is repeated", key))
}

// putOnce stores a value in its slot, if it has one, and reports whether that
// was free.
func putOnce(slot *json.RawMessage, value json.RawMessage) bool {
	switch {
	case slot == nil:
		return true
	case *slot != nil:
		return false
	}
	*slot = value
	return true
}

// isJSON reports whether text is one JSON value.
func isJSON(text []byte) bool {
	s := scanner{text: text}
	return s.document(nil)
}

// members walks a JSON object that is known to be valid.
func members(object []byte) iter.Seq2[[]byte, json.RawMessage] {
	return func(yield func([]byte, json.RawMessage) bool) {
		s := scanner{text: object}
		s.document(yield)
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

// own returns a payload that may outlive its frame: a candidate of a few
// bytes, held for a while, must not keep a frame of many.
func own(payload json.RawMessage) json.RawMessage { return bytes.Clone(payload) }

// absent reports whether a field was left out, or given as null, which says
// the same.
func absent(raw json.RawMessage) bool {
	return raw == nil || raw[0] == 'n'
}

// blank reports whether an optional field says nothing: it is absent, or an
// empty string, which serialisers write that know no null.
func blank(raw json.RawMessage) bool { return absent(raw) || string(raw) == `""` }

// asText returns what a field says that is a string or a number, and whether it
// is one of them. A number is its decimal text: to clients that keep people and
// rooms in a database, 42 and "42" are one name.
func asText(raw json.RawMessage) (string, bool) {
	if text, ok := asString(raw); ok {
		return text, true
	}
	n, err := strconv.ParseFloat(string(raw), 64)
	switch {
	case err != nil:
		return "", false
	case bytes.ContainsAny(raw, ".eE"):
		return strconv.FormatFloat(n, 'f', -1, 64), true
	}
	return string(raw), true
}

// asString returns the text of a field and whether it is a string at all.
func asString(raw json.RawMessage) (string, bool) {
	if raw == nil || raw[0] != '"' {
		return "", false
	}
	return string(decode(raw)), true
}

// asWord is asString for a field that says one of a few words: those that are
// known take no memory of their own.
func asWord(raw json.RawMessage, known []string) (string, bool) {
	for _, word := range known {
		if len(raw) == len(word)+2 && raw[0] == '"' && string(raw[1:len(raw)-1]) == word {
			return word, true
		}
	}
	return asString(raw)
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
