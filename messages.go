package main

import (
	"encoding/json"
	"time"
)

// This file is the neutral vocabulary between the hub and the dialects.
// Commands are what clients ask, named in the imperative; events are what
// clients are told, named in the past tense where English has one (NewCandidate,
// RoomFull and TokenExpiring say what there is now). Neither knows how any
// client family spells it.

// A Command is what a client asks of the hub, whatever words it used.
type Command interface{ command() }

type (
	// Login asks for a name, and says in which role.
	Login struct {
		Name   Name
		Role   string // in lower case; "" if none
		Grant  *Grant // nil in open mode
		Resume bool   // it wants a session, with which it can come back after a loss

		// For auth.go, which verifies the token and sets the fields above from it. The
		// hub does not read these.
		Token string   // as it was said; "" if there is none
		flaw  *Refused // what is wrong with the name and role beside the token; nil if nothing
	}

	// Resume continues a session on a new connection.
	Resume struct {
		Secret  string
		Seq     uint64 // of the last message that the client has seen; 0: none
		Renewal *Login // what its token says, with which it renews the sign-in too; nil if it has none
		Token   string // as Login's
	}

	// Connect asks for the id that the client has until it has a name, and perhaps
	// for a Login: then both are granted, or neither. Only Socket.IO has it.
	Connect struct{ Login *Login }

	// Offer starts a call, renews the offer of a call that still rings, or
	// renegotiates one that is active.
	Offer struct {
		To      Target
		SDP     Description
		Opening Opening // of the call, if this offer starts one
	}

	// Answer answers the other party's latest offer.
	Answer struct {
		To  Target
		SDP Description

		IsOffer bool // the description is another offer, as pages send one to a media server
	}

	// Candidate brings one ICE candidate for the other party.
	Candidate struct {
		To        Target
		Candidate json.RawMessage
	}

	// Leave ends a call: it declines, cancels or hangs up.
	Leave struct {
		To     Target
		Reason Reason // what the client says of it; "" if nothing
	}

	// ListUsers asks who is there.
	ListUsers struct{}

	// Join enters a room, to meet whoever else enters it.
	Join struct {
		Room  Name
		Label string // how the client wants to be shown; need not be unique
	}

	// Ping asks for a Ponged, and nothing else.
	Ping struct{}
)

func (Login) command()     {}
func (Resume) command()    {}
func (Connect) command()   {}
func (Offer) command()     {}
func (Answer) command()    {}
func (Candidate) command() {}
func (Leave) command()     {}
func (ListUsers) command() {}
func (Join) command()      {}
func (Ping) command()      {}

// A Request is a command together with the client's own word for it, by
// which a refusal refers to it. Some families can ask for a receipt besides.
type Request struct {
	Word    string
	Command Command
	Receipt string // what the client knows its receipt by; "" if it wants none
	Excess  bool   // it is over the rate, and is done only if it ends a call
}

// Target says which call a command is about: the one with CallID (Name, if given,
// must be the other party's), else the one with Name, else the only call.
type Target struct {
	CallID string
	Name   *Name
}

// targetOf returns what a command is addressed to, if it has an address.
func targetOf(cmd Command) Target {
	switch cmd := cmd.(type) {
	case Offer:
		return cmd.To
	case Answer:
		return cmd.To
	case Candidate:
		return cmd.To
	case Leave:
		return cmd.To
	}
	return Target{}
}

// login returns the login that a request asks for, alone or with a Connect.
func (r Request) login() (login Login, ok bool) {
	switch cmd := r.Command.(type) {
	case Login:
		return cmd, true
	case Connect:
		if cmd.Login != nil {
			return *cmd.Login, true
		}
	}
	return Login{}, false
}

// with returns the request with another login in the place of the one that it has.
func (r Request) with(login Login) Request {
	if _, connects := r.Command.(Connect); connects {
		r.Command = Connect{&login}
		return r
	}
	r.Command = login
	return r
}

// A Grant is what a token has proved beside the name and the role: until when the client
// may be signed in, whom it may call, and which rooms it may join.
type Grant struct {
	Expires time.Time
	Ends    time.Time // no sooner than it expires, since clocks differ
	MayCall NameSet
	Rooms   NameSet
}

// Opening is how a call was opened.
type Opening int

const (
	ByOffer   Opening = iota
	ByRequest         // by a party that has a role, which holds its candidates until the answer
	ByMeeting         // by two who joined a room
)

// Profile is what a family requires of the hub, said as data. A family has one,
// which is only read.
type Profile struct {
	holdsCandidates bool // wants candidates only when the call is answered
	heldFirst       bool // as callee, gets held candidates before Established
	hearsOwnLeave   bool // is told of an end that it made itself
	echoesEnd       bool // sends an end when it is told of one
	takesFields     bool // hears a candidate as fields of a message
	namesCalls      bool // can say which of several calls it means
	renegotiates    bool // can take a second offer, and make one

	// hears reports whether the family has a word for an event, for a family whose
	// clients can resume; nil for the others.
	hears func(Event) bool

	echoesRefused []string // requests, in the client's words, after whose refusal it sends an end
}

// Description is a session description. It is relayed as it came, unless the
// receiver's family needs the other form.
type Description struct {
	JSON json.RawMessage
	Bare bool // JSON is a string with the SDP only
}

// An Event is what the hub tells a client.
type Event interface {
	// Weight is what the event costs an outbox, in bytes: its payload and a
	// flat charge for the rest, since encoding comes later.
	Weight() int
}

// eventOverhead is charged for each queued event beside its payload.
const eventOverhead = 256

// CallInfo is what every event about a call says, as its receiver sees it.
type CallInfo struct {
	CallID    string
	Peer      string // how the receiver addresses the other party
	Opening   Opening
	Role      string // the receiver's own
	InRoom    bool   // the receiver is a member of a room
	Caller    bool   // the receiver is the caller
	Answered  bool   // the call has been active
	SendsBare bool   // the receiver itself sends bare descriptions
}

type (
	// Numbered is an event with its place in the receiver's session.
	Numbered struct {
		Event
		Seq uint64
	}

	// Greeted is the tutorial's greeting, said before anybody has spoken.
	Greeted struct{}

	// Connected grants a Connect.
	Connected struct{ ID string }

	// LoggedIn grants a Login, or a Resume.
	LoggedIn struct {
		Name     string
		Role     string
		Session  string        // the secret of a session that it grants; "" if it grants none
		Window   time.Duration // how long a lost connection may take to come back
		Resumed  bool
		Received uint64 // how many frames were taken from the client since the grant, if it is resumed
		TURN     string // the id by which it goes to TURN servers; "" if it needs none
	}

	// ICEServersRenewed brings new credentials for TURN servers: those given before
	// will expire.
	ICEServersRenewed struct{ TURN string }

	// TokenExpiring says that a Grant holds for so many more seconds.
	TokenExpiring struct{ In int64 }

	// Offered brings an offer: somebody calls, or renegotiates.
	Offered struct {
		CallInfo
		SDP Description
	}

	// Rang tells the caller that the callee has been given the offer.
	Rang struct{ CallInfo }

	// Answered brings the answer to the receiver's offer.
	Answered struct {
		CallInfo
		SDP Description
	}

	// Established tells both parties that their call has been answered.
	Established struct {
		CallInfo
		Offer Description // that was answered
	}

	// NewCandidate brings one ICE candidate of the other party.
	NewCandidate struct {
		CallInfo
		Candidate json.RawMessage
	}

	// Ended is the one terminal event of a call.
	Ended struct {
		CallInfo
		Reason Reason
	}

	// UsersListed answers ListUsers, in the order of names.
	UsersListed struct {
		Users []User
		Total int // how many there are; Users may be fewer
	}

	// Joined answers Join with who else is in the room.
	Joined struct {
		Room    string
		Members []Member
	}

	// RoomFull refuses Join: a room is for two.
	RoomFull struct{ Room string }

	// Ponged answers Ping.
	Ponged struct{}

	// Acknowledged is the receipt for a request, beside whatever else its
	// client is told.
	Acknowledged struct {
		Receipt string
		CallID  string   // of the call that the request was about; "" if none
		Refusal *Refused // nil if it was done
	}

	// Refused answers a request that was not done. The connection and its calls go on.
	Refused struct {
		Request string // the client's word for what it asked; "" if unknown
		Code    Code
		Message string
		Name    string // whom the request was about; "" if unknown
		CallID  string
	}
)

func (Greeted) Weight() int        { return eventOverhead }
func (Connected) Weight() int      { return eventOverhead }
func (LoggedIn) Weight() int       { return eventOverhead }
func (TokenExpiring) Weight() int  { return eventOverhead }
func (e Offered) Weight() int      { return eventOverhead + len(e.SDP.JSON) }
func (Rang) Weight() int           { return eventOverhead }
func (e Answered) Weight() int     { return eventOverhead + len(e.SDP.JSON) }
func (e Established) Weight() int  { return eventOverhead + len(e.Offer.JSON) }
func (e NewCandidate) Weight() int { return eventOverhead + len(e.Candidate) }
func (Ended) Weight() int          { return eventOverhead }
func (e UsersListed) Weight() (bytes int) {
	for _, user := range e.Users {
		bytes += user.bytes()
	}
	return eventOverhead + bytes
}
func (ICEServersRenewed) Weight() int { return eventOverhead }
func (Joined) Weight() int            { return 2 * eventOverhead }
func (RoomFull) Weight() int          { return eventOverhead }
func (Ponged) Weight() int            { return eventOverhead }
func (Acknowledged) Weight() int      { return 2 * eventOverhead }
func (Refused) Weight() int           { return 2 * eventOverhead }

// refuse returns a refusal; it is called where the rule is broken. Nothing is sent:
// whoever sends the refusal says with regarding what it answers.
func refuse(code Code, message string) *Refused {
	return &Refused{Code: code, Message: message}
}

// regarding fills in the word of the refused request, and whom or which call it
// was about as far as it said.
func (r *Refused) regarding(word string, to Target) *Refused {
	r.Request = word
	if r.CallID == "" {
		r.CallID = excerpt(to.CallID)
	}
	if to.Name != nil {
		r.Name = to.Name.Text
	}
	return r
}

// User is a line of the users list.
type User struct {
	Name  string
	Role  string
	State Presence
}

// userOverhead is charged for each line of a list beside its texts.
const userOverhead = 64

func (u User) bytes() int { return userOverhead + len(u.Name) + len(u.Role) }

// Member is somebody in a room.
type Member struct {
	Address string
	Label   string
}
