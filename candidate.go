package main

import "encoding/json"

// This file is about the candidates of a call: passed at once, or held until
// the answer.

// held are the candidates of one party that wait for the answer.
type held struct {
	candidates []json.RawMessage
	bytes      int // in the weight of events
}

// add keeps a candidate, and reports whether there was room for it.
func (w *held) add(candidate json.RawMessage) bool {
	weight := NewCandidate{Candidate: candidate}.Weight()
	if len(w.candidates) == maxHeld || w.bytes+weight > maxHeldBytes {
		return false
	}
	w.candidates = append(w.candidates, candidate)
	w.bytes += weight
	return true
}

// holdsCandidates reports whether candidates wait for the answer. The clients of
// request-call set their descriptions only when they have it, and some families cannot
// use a candidate before; the tutorial's clients want candidates at once.
func (cl *Call) holdsCandidates() bool {
	return cl.state == ringing && (cl.opening == ByRequest || cl.caller.profile.holdsCandidates || cl.callee.profile.holdsCandidates)
}

// candidate passes a candidate to the other party, or holds it until the answer.
func (h *Hub) candidate(c *Client, cmd Candidate) (*Call, *Refused) {
	if c.alone() && cmd.To == (Target{}) {
		return nil, nil // belongs to an offer that nobody has heard
	}
	cl, refusal := h.find(c, cmd.To)
	if refusal != nil {
		return nil, refusal
	}
	own, peer := cl.sides(c)
	switch {
	case own.glare && cmd.To.CallID == "":
		return nil, cl.noteGlare(c)
	case (cl.opening == ByRequest || peer.profile.takesFields) && !hasFields(cmd.Candidate):
		return nil, refuse(CodeBadRequest, `"candidate" is an object or a string`)
	case !cl.holdsCandidates() && peer.via.crowded():
		return nil, overload(cl.peerAddress(c))
	case !cl.holdsCandidates():
		h.tell(peer.Client, NewCandidate{cl.info(peer.Client), cmd.Candidate})
	case !own.held.add(cmd.Candidate):
		return nil, refuse(CodeTooMany, "too many candidates wait for the answer")
	}
	return cl, nil
}

// hasFields reports whether a candidate can be told as fields of a message.
func hasFields(candidate json.RawMessage) bool {
	return candidate[0] == '{' || candidate[0] == '"'
}

// releaseCandidates tells c the candidates that were held for it.
func (h *Hub) releaseCandidates(cl *Call, c *Client) {
	_, peer := cl.sides(c)
	for _, candidate := range peer.held.candidates {
		h.tell(c, NewCandidate{cl.info(c), candidate})
	}
	peer.held = held{}
}
