package main

import (
	"github.com/gorilla/websocket"

	"switchboard/internal/conn"
)

// The lists in this file are closed: what is in them is heard in a transcript and
// explained in PROTOCOL.md, which tests see to.

// Presence says whether somebody can be called now.
type Presence string

const (
	PresenceFree    Presence = "free"
	PresenceRinging Presence = "ringing" // in calls, none of them answered yet
	PresenceInCall  Presence = "in-call"
)

// A Code says why a request was refused. Clients are told it.
type Code string

const (
	CodeBadJSON         Code = "bad-json"
	CodeBadRequest      Code = "bad-request"
	CodeUnknownCommand  Code = "unknown-command"
	CodeNotLoggedIn     Code = "not-logged-in"
	CodeAlreadyLoggedIn Code = "already-logged-in"
	CodeBadName         Code = "bad-name"
	CodeBadRole         Code = "bad-role"
	CodeBadToken        Code = "bad-token"
	CodeNameTaken       Code = "name-taken"
	CodeNoSuchUser      Code = "no-such-user"
	CodeNoSuchCall      Code = "no-such-call"
	CodeNoSuchSession   Code = "no-such-session"
	CodeForbidden       Code = "forbidden"
	CodeBusy            Code = "busy"
	CodeGlare           Code = "glare"
	CodeBadState        Code = "bad-state"
	CodeTooMany         Code = "too-many"
	CodeUnsupported     Code = "unsupported"
	CodeRateLimited     Code = "rate-limited"
)

// A Reason says why a call ended. Its parties are told it, and it is logged.
type Reason string

const (
	ReasonHangup    Reason = "hangup"
	ReasonDeclined  Reason = "declined"
	ReasonCancelled Reason = "cancelled"
	ReasonBusy      Reason = "busy"
	ReasonNoAnswer  Reason = "no-answer"
	ReasonGone      Reason = "gone"
	ReasonFailed    Reason = "failed"
	ReasonShutdown  Reason = "shutdown"
)

// A Closing says why a connection ends: the code and the text of its close frame.
// The closings of the WebSocket itself, such as for a binary frame, are in
// internal/conn/closing.go.
type Closing = conn.Closing

var (
	closeDisconnected         = &Closing{Code: websocket.CloseNormalClosure, Reason: "disconnected"}
	closeGone                 = conn.Gone
	closeBinary               = conn.Binary
	closeRestart              = &Closing{Code: websocket.CloseServiceRestart, Reason: "the server restarts"}
	closeMalformed            = conn.Malformed
	closeUnconnected          = &Closing{Code: websocket.ClosePolicyViolation, Reason: "not connected to the namespace"}
	closeTooLargeBeforeSignIn = &Closing{Code: websocket.CloseMessageTooBig, Reason: "message too large before sign-in"}
	closeLoginTimeout         = &Closing{Code: websocket.ClosePolicyViolation, Reason: "login timeout"}
	closeTooManyErrors        = &Closing{Code: websocket.ClosePolicyViolation, Reason: "too many bad messages"}
	closeFlood                = &Closing{Code: websocket.ClosePolicyViolation, Reason: "too many messages"}
	closeOverloaded           = &Closing{Code: websocket.CloseTryAgainLater, Reason: "too many connections"}
	closeFailing              = &Closing{Code: websocket.ClosePolicyViolation, Reason: "too many failed sign-ins"}
	closeReplaced             = &Closing{Code: 4000, Reason: "replaced by a newer connection"}
	closeSlow                 = &Closing{Code: 4001, Reason: "too slow", AtOnce: true}
	closeExpired              = &Closing{Code: 4002, Reason: "token expired"}
)
