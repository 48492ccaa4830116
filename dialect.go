package main

// A Dialect translates between one family of clients and the hub. It keeps
// no state: one value serves every connection, Decode on the connection's
// read loop and Encode on its write loop.
type Dialect interface {
	// Decode returns what a text frame asks, or why it asks nothing. The
	// request may share the frame's memory. A refusal that names its
	// request comes with everything that Encode needs to answer it.
	Decode(frame []byte) (Request, *Refused)

	// Encode appends the frame that tells of ev. It appends nothing if the
	// family has no word for it.
	Encode(dst []byte, ev Event) []byte
}
