package main

import (
	"encoding/json"

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

// chooseDialect returns the dialect that a client's first frame is written
// in, and whether the frame decides it: "type" is the native protocol's key,
// "id" that of the one-to-one family. A frame with neither decides nothing.
func chooseDialect(frame []byte, native Dialect) (Dialect, bool) {
	var m struct{ typ, id json.RawMessage }
	broken, _ := readObject(frame, func(key []byte, value json.RawMessage) bool {
		switch string(key) {
		case "type":
			return putOnce(&m.typ, value)
		case "id":
			return putOnce(&m.id, value)
		}
		return true
	})
	if broken != nil {
		return native, false
	}
	if _, ok := jsonscan.String(m.typ); ok {
		return native, true
	}
	if _, ok := jsonscan.String(m.id); ok {
		return one2one{}, true
	}
	return native, false
}
