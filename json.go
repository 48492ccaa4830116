package main

import (
	"encoding/json"
	"errors"
	"fmt"

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

// repeated refuses a key that a message has more than once.
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

// appendKey appends the key of a further member, or of an object's first.
func appendKey(dst []byte, key string) []byte {
	if dst[len(dst)-1] != '{' {
		dst = append(dst, ',')
	}
	dst = append(dst, '"')
	dst = append(dst, key...)
	return append(dst, '"', ':')
}

// appendMember appends a member with a string value.
func appendMember(dst []byte, key, value string) []byte {
	return jsonscan.AppendString(appendKey(dst, key), value)
}

// appendKnown appends a member only if there is something to say.
func appendKnown(dst []byte, key, value string) []byte {
	if value == "" {
		return dst
	}
	return appendMember(dst, key, value)
}
