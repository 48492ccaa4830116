package main

import (
	"encoding/json"
	"slices"

	"switchboard/internal/jsonscan"
)

// A Dialect translates between one family of clients and the hub: Decode is
// called on a connection's read loop, Encode by a writer. It keeps no
// state, so that one value serves every connection; where a family's protocol
// has a state of its own, each connection has its own value, and only Decode
// touches that.
type Dialect interface {
	// Decode returns what a text frame asks, or why that is refused. Neither
	// shares the frame's memory: a candidate of a few bytes, held for a while,
	// must not keep a frame of many. A refusal that names its request comes with
	// everything that Encode needs to answer it. A frame that asks nothing, such
	// as a sign of life, is a request without a command.
	Decode(frame []byte) (Request, *Refused)

	// Encode appends the frame that tells of ev. It appends nothing if the
	// family has no word for it.
	Encode(dst []byte, ev Event) []byte

	Profile() *Profile
}

// Quit is the command that the read loop obeys itself: the client asks for
// the end of its connection, or has said what cannot be made sense of in a
// family that has no way to say so.
type Quit struct{ why *Closing }

func (Quit) command() {}

// A reader reads what a message asks from its fields, and keeps nothing of them.
type reader func(m *fields) (Command, *Refused)

// A vocabulary lists what a family can ask: each word, and how a message with that
// word is read. Words are looked for in order, so the frequent ones come first.
type vocabulary []entry

type entry struct {
	word string
	read reader
}

// word returns the text of a field, and whether that is a string at all. A word of
// the vocabulary is not allocated again.
func (v vocabulary) word(field json.RawMessage) (string, bool) {
	for i := range v {
		if jsonscan.Says(field, v[i].word) {
			return v[i].word, true
		}
	}
	return jsonscan.String(field)
}

func (v vocabulary) has(word string) bool {
	return slices.ContainsFunc(v, func(known entry) bool { return known.word == word })
}

// readerOf returns the reader for a word. The one for an unknown word refuses it.
func (v vocabulary) readerOf(word string) reader {
	for i := range v {
		if v[i].word == word {
			return v[i].read
		}
	}
	return func(*fields) (Command, *Refused) {
		return nil, refuse(CodeUnknownCommand, "Command not found: "+excerpt(word))
	}
}

// noFields returns the reader for a word that says all by itself.
func noFields(cmd Command) reader {
	return func(*fields) (Command, *Refused) { return cmd, nil }
}

// firstSchema is what tells a client's family.
var firstSchema = schema{keys: []string{"type", "id"}}

// chooseDialect returns the dialect that a client's first frame is written
// in, and whether the frame decides it: "type" is the native protocol's key,
// "id" that of the one-to-one family. A frame with neither decides nothing.
func chooseDialect(frame []byte, native Dialect) (Dialect, bool) {
	m := newFields(&firstSchema)
	defer m.free()
	broken, _ := readObject(frame, m)
	switch {
	case broken != nil:
		return native, false
	case jsonscan.IsString(m.get("type")):
		return native, true
	case jsonscan.IsString(m.get("id")):
		return one2one{}, true
	}
	return native, false
}
