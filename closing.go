package main

import "github.com/gorilla/websocket"

// A Closing is why a connection ends: what its close frame says, and whether
// what still waits for the client goes out before it. The list is closed,
// like those of codes and reasons.
type Closing struct {
	code   int    // of RFC 6455, or our own from 4000; 0: what gorilla/websocket has to say, if anything
	reason string // for the frame and the log
	flush  bool
}

var (
	closePeerLeft       = &Closing{reason: "left", flush: true}
	closeDisconnected   = &Closing{websocket.CloseNormalClosure, "disconnected", true}
	closeHungUp         = &Closing{reason: "gone", flush: true} // the network says that nothing more will come
	closeGone           = &Closing{reason: "gone"}              // nothing comes, nothing is taken, or writing failed
	closeBroken         = &Closing{reason: "broken frame", flush: true}
	closeRestart        = &Closing{websocket.CloseServiceRestart, "the server restarts", true}
	closeMalformed      = &Closing{websocket.CloseProtocolError, "malformed packet", true}
	closeUnconnected    = &Closing{websocket.ClosePolicyViolation, "not connected to the namespace", true}
	closeBinary         = &Closing{websocket.CloseUnsupportedData, "text frames only", true}
	closeNotUTF8        = &Closing{websocket.CloseInvalidFramePayloadData, "not UTF-8", true}
	closeTooLarge       = &Closing{websocket.CloseMessageTooBig, "message too large", true}
	closeTooLargeYet    = &Closing{websocket.CloseMessageTooBig, "message too large before sign-in", true}
	closeLoginTimeout   = &Closing{websocket.ClosePolicyViolation, "login timeout", true}
	closeMessageTimeout = &Closing{websocket.ClosePolicyViolation, "message took too long", true}
	closeTooManyErrors  = &Closing{websocket.ClosePolicyViolation, "too many bad messages", true}
	closeFlood          = &Closing{websocket.ClosePolicyViolation, "too many messages", true}
	closeOverloaded     = &Closing{websocket.CloseTryAgainLater, "too many connections", true}
	closeInternal       = &Closing{websocket.CloseInternalServerErr, "internal error", false}
	closeSlow           = &Closing{4001, "too slow", false}
)
