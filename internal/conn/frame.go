package conn

import (
	"encoding/binary"

	"github.com/gorilla/websocket"
)

// gorilla/websocket makes the WebSocket and reads it. This package writes its
// frames, so that those for one client leave together, the close frame last.

// lastFragment is the bit that says that a message ends with its frame.
const lastFragment = 0x80

// appendFrame appends a frame as servers send them: a whole message, and not
// masked (RFC 6455, 5.2). The kind is one of gorilla/websocket's.
func appendFrame(dst []byte, kind byte, payload []byte) []byte {
	dst = append(dst, lastFragment|kind)
	switch n := len(payload); {
	case n < 126:
		dst = append(dst, byte(n))
	case n < 1<<16:
		dst = binary.BigEndian.AppendUint16(append(dst, 126), uint16(n))
	default:
		dst = binary.BigEndian.AppendUint64(append(dst, 127), uint64(n))
	}
	return append(dst, payload...)
}

var pingFrame = appendFrame(nil, websocket.PingMessage, nil)

func closeFrame(why *Closing) []byte {
	return appendFrame(nil, websocket.CloseMessage, websocket.FormatCloseMessage(why.Code, why.Reason))
}

// isClose reports whether a frame that we send is a close frame.
func isClose(frame []byte) bool { return frame[0] == lastFragment|websocket.CloseMessage }
