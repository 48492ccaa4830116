package main

import (
	"github.com/gorilla/websocket"

	"switchboard/internal/conn"
)

// A Closing says why a connection ends: the code and the text of its close frame.
// The list is closed, like those of codes and reasons. The closings of the WebSocket
// itself, such as for a binary frame, stand in internal/conn/closing.go.
type Closing = conn.Closing

var (
	closeDisconnected  = &Closing{Code: websocket.CloseNormalClosure, Reason: "disconnected"}
	closeGone          = conn.Gone
	closeRestart       = &Closing{Code: websocket.CloseServiceRestart, Reason: "the server restarts"}
	closeMalformed     = conn.Malformed
	closeUnconnected   = &Closing{Code: websocket.ClosePolicyViolation, Reason: "not connected to the namespace"}
	closeTooLargeYet   = &Closing{Code: websocket.CloseMessageTooBig, Reason: "message too large before sign-in"}
	closeLoginTimeout  = &Closing{Code: websocket.ClosePolicyViolation, Reason: "login timeout"}
	closeTooManyErrors = &Closing{Code: websocket.ClosePolicyViolation, Reason: "too many bad messages"}
	closeFlood         = &Closing{Code: websocket.ClosePolicyViolation, Reason: "too many messages"}
	closeOverloaded    = &Closing{Code: websocket.CloseTryAgainLater, Reason: "too many connections"}
	closeSlow          = &Closing{Code: 4001, Reason: "too slow", AtOnce: true}
)
