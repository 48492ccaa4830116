package conn

import "github.com/gorilla/websocket"

// A Closing says why a connection ends. It is one variable, and is compared by its
// address.
type Closing struct {
	Code   int    // of RFC 6455 (7.4.1), or from 4000 on; 0: what gorilla/websocket has to say, if anything
	Reason string // for the frame and the log
	AtOnce bool   // messages that wait are not written before it
	Loss   bool   // the client has not said goodbye: it may come back
}

// Why a connection ends by itself, or for the protocol that is spoken over it.
var (
	Left           = &Closing{Reason: "left"}                           // the client has sent a close frame
	GaveUp         = &Closing{Reason: "gave up", Loss: true}            // its close frame does not say goodbye
	HungUp         = &Closing{Reason: "gone", Loss: true}               // the network says that nothing more will come
	Gone           = &Closing{Reason: "gone", AtOnce: true, Loss: true} // nothing comes, nothing is taken, or writing failed
	Broken         = &Closing{Reason: "broken frame"}
	Binary         = &Closing{Code: websocket.CloseUnsupportedData, Reason: "text frames only"}
	NotUTF8        = &Closing{Code: websocket.CloseInvalidFramePayloadData, Reason: "not UTF-8"}
	TooLarge       = &Closing{Code: websocket.CloseMessageTooBig, Reason: "message too large"}
	Malformed      = &Closing{Code: websocket.CloseProtocolError, Reason: "malformed packet"}
	MessageTimeout = &Closing{Code: websocket.ClosePolicyViolation, Reason: "message took too long"}
	Internal       = &Closing{Code: websocket.CloseInternalServerErr, Reason: "internal error", AtOnce: true}
)
