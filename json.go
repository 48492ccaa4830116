package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"sync"

	"switchboard/internal/jsonscan"
)

// A schema is what is read of one kind of message.
type schema struct {
	keys       []string // at most maxFields. They match exactly; others are not ours to read
	repeatable string   // the key that may be repeated: its last value counts. "" if none may
}

const maxFields = 16

// fields are the values of a schema's keys, as they stand in a message. They are
// used again for another message: on the stack of a read loop they would make it
// twice as large for good, and an idle connection is little more than that.
type fields struct {
	schema *schema
	values [maxFields]json.RawMessage // in the order of the keys; nil where one is absent
	twice  bool                       // the repeatable key was repeated
}

var fieldsPool = sync.Pool{New: func() any { return new(fields) }}

// newFields returns fields without values. They must be freed.
func newFields(s *schema) *fields {
	m := fieldsPool.Get().(*fields)
	m.schema = s
	return m
}

// free gives the fields back. What their values point to does not outlive the frame.
func (m *fields) free() {
	*m = fields{}
	fieldsPool.Put(m)
}

// put stores the value of a key, if that is read. It reports false, and keeps the
// first value, if the key is repeated and must not be.
func (m *fields) put(key []byte, value json.RawMessage) bool {
	for i, name := range m.schema.keys {
		switch {
		case name != string(key):
			continue
		case m.values[i] == nil:
		case name == m.schema.repeatable:
			m.twice = true
		default:
			return false
		}
		m.values[i] = value
		return true
	}
	return true
}

// get returns the value of a key that the schema has, nil if it is absent.
func (m *fields) get(key string) json.RawMessage {
	return m.values[slices.Index(m.schema.keys, key)]
}

// set gives a key that the schema has another value.
func (m *fields) set(key string, value json.RawMessage) {
	m.values[slices.Index(m.schema.keys, key)] = value
}

// readObject puts the members of a frame into m, whose schema is set. A frame that is
// not one JSON object is broken, and m means nothing then. A key that is read twice is
// refused, since two readers might otherwise see two different messages; m is complete
// all the same, so that the refusal can say what it refuses.
func readObject(frame []byte, m *fields) (broken, twice *Refused) {
	err := jsonscan.Scan(frame, func(key []byte, value json.RawMessage) {
		if !m.put(key, value) {
			twice = repeated(string(key))
		}
	})
	switch {
	case err != nil:
		return notJSON(frame, err), nil
	case !jsonscan.IsObject(frame):
		return refuse(CodeBadJSON, "a message is one JSON object, such as {\"type\":\"login\",\"name\":\"ann\"}"), nil
	}
	return nil, twice
}

// notJSON refuses a frame that Scan did not take. Where in it the fault is, the slower
// encoding/json says.
func notJSON(frame []byte, err error) *Refused {
	if errors.Is(err, jsonscan.ErrDepth) {
		return refuse(CodeBadJSON, "this is "+err.Error())
	}
	var none json.RawMessage
	return refuse(CodeBadJSON, fmt.Sprintf("this is not JSON: %v", json.Unmarshal(frame, &none)))
}

// repeated refuses a key that a message has more than once.
func repeated(key string) *Refused {
	return refuse(CodeBadRequest, fmt.Sprintf("the key %q is repeated", key))
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
