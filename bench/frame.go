//go:build linux

package main

import (
	"bytes"
	"encoding/binary"
	"errors"
)

// The opcodes of RFC 6455, section 5.2.
const (
	opText   = 0x1
	opBinary = 0x2
	opClose  = 0x8
	opPing   = 0x9
	opPong   = 0xA
)

// frame is one WebSocket frame from a server.
type frame struct {
	opcode  byte
	payload []byte
}

// cutFrame finds the first frame in data, and its length; 0 while its end has
// not come in. Servers send messages in one frame, unmasked, and were offered
// no extension, so anything else is an error.
func cutFrame(data []byte) (f frame, length int, err error) {
	if len(data) < 2 {
		return f, 0, nil
	}
	const final, reserved, masked = 0x80, 0x70, 0x80
	head, size := 2, int(data[1]&0x7F)
	switch {
	case data[0]&final == 0 || data[0]&0x0F == 0:
		return f, 0, errors.New("the server sent a message in fragments")
	case data[0]&reserved != 0:
		return f, 0, errors.New("the server sent a frame with reserved bits set")
	case data[1]&masked != 0:
		return f, 0, errors.New("the server sent a masked frame")
	case size == 126:
		if len(data) < 4 {
			return f, 0, nil
		}
		head, size = 4, int(binary.BigEndian.Uint16(data[2:]))
	case size == 127:
		if len(data) < 10 {
			return f, 0, nil
		}
		long := binary.BigEndian.Uint64(data[2:])
		if long > inBytes {
			return f, 0, errors.New("the server sent a frame that is too large")
		}
		head, size = 10, int(long)
	}
	if len(data) < head+size {
		return f, 0, nil
	}
	return frame{data[0] & 0x0F, data[head : head+size]}, head + size, nil
}

// appendHead begins a client's frame. The payload follows as it is: the masking
// key that the RFC demands is zero, which spares us the work, and the server
// none.
func appendHead(dst []byte, opcode byte, size int) []byte {
	const final, masked = 0x80, 0x80
	dst = append(dst, final|opcode)
	switch {
	case size < 126:
		dst = append(dst, masked|byte(size))
	case size < 1<<16:
		dst = append(dst, masked|126)
		dst = binary.BigEndian.AppendUint16(dst, uint16(size))
	default:
		dst = append(dst, masked|127)
		dst = binary.BigEndian.AppendUint64(dst, uint64(size))
	}
	return append(dst, 0, 0, 0, 0)
}

// word is the type of a message.
type word byte

const (
	wordOther word = iota
	wordLogin
	wordOffer
	wordAnswer
	wordCandidate
	wordLeave
	wordError
)

var words = [...]string{"message of another type", "login", "offer", "answer", "candidate", "leave", "error"}

func (w word) String() string { return words[w] }

var typeKey = []byte(`"type":`)

// wordOf finds the type of a message without parsing it. A description that
// comes before the type has the same one: offer or answer.
func wordOf(message []byte) word {
	at := bytes.Index(message, typeKey)
	if at < 0 {
		return wordOther
	}
	value := bytes.TrimLeft(message[at+len(typeKey):], " ")
	if len(value) == 0 || value[0] != '"' {
		return wordOther
	}
	text, _, _ := bytes.Cut(value[1:], []byte{'"'})
	for w := wordLogin; w <= wordError; w++ {
		if string(text) == words[w] {
			return w
		}
	}
	return wordOther
}

var successKey = []byte(`"success":`)

// succeeded reads the answer to a login.
func succeeded(message []byte) bool {
	at := bytes.Index(message, successKey)
	return at >= 0 && bytes.HasPrefix(bytes.TrimLeft(message[at+len(successKey):], " "), []byte("true"))
}
