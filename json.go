package main

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"unicode/utf8"

	"switchboard/internal/jsonscan"
)

// readObject gives put each member of a frame. A frame that is not one JSON
// object is broken, and what put was given of it means nothing. Put stores
// those members that are read, and returns false for one that it has already:
// a key that is read must not be repeated, since two readers might otherwise
// see two different messages. Whatever comes first is stored all the same, so
// that the refusal can say what it refuses.
func readObject(frame []byte, put func(key []byte, value json.RawMessage) bool) (broken, twice *Refused) {
	err := jsonscan.Scan(frame, func(key []byte, value json.RawMessage) {
		if !put(key, value) {
			twice = repeated(string(key))
		}
	})
	switch {
	case errors.Is(err, jsonscan.ErrDepth):
		return refuse(CodeBadJSON, "this is "+err.Error()), nil
	case err != nil:
		var none json.RawMessage
		return refuse(CodeBadJSON, fmt.Sprintf("this is not JSON: %v", json.Unmarshal(frame, &none))), nil
	case !jsonscan.IsObject(jsonscan.Trim(frame)):
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

// own returns a payload that may outlive its frame: a candidate of a few
// bytes, held for a while, must not keep a frame of many.
func own(payload json.RawMessage) json.RawMessage { return bytes.Clone(payload) }

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
