// Package jsonscan reads JSON without decoding what is passed on: one scan says
// whether a text is valid and finds the members of its object, each as it stands
// in the text. So numbers keep their digits, keys match exactly, and a payload is
// relayed byte for byte.
package jsonscan

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"iter"
)

// maxDepth bounds how deeply arrays and objects are nested: a level costs the
// sender a byte, and the scanner a frame of its stack. A message with a
// session description in it has two levels.
const maxDepth = 64

// ErrDepth refuses a text that would cost the scanner too much stack.
var ErrDepth = fmt.Errorf("nested deeper than %d levels", maxDepth)

var errSyntax = errors.New("not JSON")

// Scan checks that text is one JSON value (RFC 8259, 2). It gives visit, which may be
// nil, each member of the outermost object, its key decoded, or each element of the
// outermost array, without a key. If it returns an error, what visit was given means
// nothing. It does not check that text is UTF-8.
func Scan(text []byte, visit func(key []byte, value json.RawMessage)) error {
	s := scanner{text: text}
	switch ok := s.document(visit); {
	case ok:
		return nil
	case s.depth > maxDepth:
		return ErrDepth
	}
	return errSyntax
}

// Members returns the members of a valid object, their keys decoded.
func Members(object []byte) iter.Seq2[[]byte, json.RawMessage] {
	return func(yield func([]byte, json.RawMessage) bool) {
		s := scanner{text: object}
		s.skipSpace()
		s.pass('{')
		for s.skipSpace() == '"' {
			key, value, _ := s.item(true)
			if !yield(unquote(key), value) {
				return
			}
			s.skipSpace()
			s.pass(',')
		}
	}
}

// A scanner goes through a text once. Its methods are named after the rules of
// RFC 8259: each begins at the next byte, moves past what its rule allows and
// reports whether that was valid. After a false the scanner is of no more use.
type scanner struct {
	text  []byte
	at    int // of the next byte
	depth int // how many arrays and objects are open
}

// A visitor takes what the outermost object or array consists of.
type visitor = func(key []byte, value json.RawMessage)

// document scans the whole text.
func (s *scanner) document(visit visitor) bool {
	s.skipSpace()
	if !s.value(visit) {
		return false
	}
	s.skipSpace()
	return s.at == len(s.text)
}

// value scans any value (RFC 8259, 3).
func (s *scanner) value(visit visitor) bool {
	switch s.next() {
	case '"':
		return s.string()
	case '{':
		return s.list('}', visit)
	case '[':
		return s.list(']', visit)
	case 't':
		return s.literal("true")
	case 'f':
		return s.literal("false")
	case 'n':
		return s.literal("null")
	}
	return s.number()
}

// list scans an object or an array (RFC 8259, 4 and 5).
func (s *scanner) list(closing byte, visit visitor) bool {
	isObject := closing == '}'
	s.at++
	if s.depth++; s.depth > maxDepth {
		return false
	}
	if s.skipSpace() == closing {
		return s.closeList()
	}
	for {
		key, value, ok := s.item(isObject)
		if !ok {
			return false
		}
		if visit != nil {
			visit(unquote(key), value)
		}
		switch s.skipSpace() {
		case ',':
			s.at++
		case closing:
			return s.closeList()
		default:
			return false
		}
	}
}

func (s *scanner) closeList() bool {
	s.at++
	s.depth--
	return true
}

// item scans what stands between two commas: a member or an element.
func (s *scanner) item(isMember bool) (key, value json.RawMessage, ok bool) {
	s.skipSpace()
	if isMember {
		start := s.at
		if s.next() != '"' || !s.string() {
			return nil, nil, false
		}
		key = s.text[start:s.at]
		if s.skipSpace(); !s.pass(':') {
			return nil, nil, false
		}
		s.skipSpace()
	}
	start := s.at
	ok = s.value(nil)
	return key, s.text[start:s.at:s.at], ok
}

func (s *scanner) literal(word string) bool {
	if !bytes.HasPrefix(s.text[s.at:], []byte(word)) {
		return false
	}
	s.at += len(word)
	return true
}

// number scans a number (RFC 8259, 6).
func (s *scanner) number() bool {
	s.pass('-')
	if !s.pass('0') && !s.digits() {
		return false
	}
	if s.pass('.') && !s.digits() {
		return false
	}
	if s.pass('e') || s.pass('E') {
		if !s.pass('+') {
			s.pass('-')
		}
		return s.digits()
	}
	return true
}

func (s *scanner) digits() bool {
	start := s.at
	for c := s.next(); '0' <= c && c <= '9'; c = s.next() {
		s.at++
	}
	return s.at > start
}

// string scans a string (RFC 8259, 7). Nearly all bytes of a frame are in
// strings, so this is what a scan costs.
func (s *scanner) string() bool {
	text, i := s.text, s.at+1
	for {
		for i+8 <= len(text) && arePlain(text[i:i+8]) {
			i += 8
		}
		for i < len(text) && plain[text[i]] {
			i++
		}
		switch {
		case i == len(text):
			return false
		case text[i] == '"':
			s.at = i + 1
			return true
		case !isEscape(text[i:]):
			return false
		}
		i += 2 // what follows \u is plain
	}
}

// plain tells which bytes stand for themselves in a string.
var plain = func() (plain [256]bool) {
	for c := range plain {
		plain[c] = c >= ' ' && c != '"' && c != '\\'
	}
	return plain
}()

// arePlain looks at eight bytes at once: a step for each byte would take twice
// as long.
func arePlain(b []byte) bool {
	return plain[b[0]] && plain[b[1]] && plain[b[2]] && plain[b[3]] &&
		plain[b[4]] && plain[b[5]] && plain[b[6]] && plain[b[7]]
}

// isEscape reports whether text begins with an escape. Half a surrogate pair
// is one too (RFC 8259, 8.2).
func isEscape(text []byte) bool {
	if len(text) < 2 || text[0] != '\\' {
		return false
	}
	return escapes[text[1]] || text[1] == 'u' && isHex4(text[2:])
}

// escapes tells which bytes make an escape together with a backslash.
var escapes = [256]bool{'"': true, '\\': true, '/': true, 'b': true, 'f': true, 'n': true, 'r': true, 't': true}

func isHex4(text []byte) bool {
	return len(text) >= 4 && isHex(text[0]) && isHex(text[1]) && isHex(text[2]) && isHex(text[3])
}

func isHex(c byte) bool {
	return '0' <= c && c <= '9' || 'a' <= c|0x20 && c|0x20 <= 'f'
}

// skipSpace passes white space (RFC 8259, 2) and returns the next byte. Between
// tokens there mostly is none, and one comparison tells.
func (s *scanner) skipSpace() byte {
	c := s.next()
	for c <= ' ' && (c == ' ' || c == '\t' || c == '\r' || c == '\n') {
		s.at++
		c = s.next()
	}
	return c
}

// pass passes c, if that is the next byte.
func (s *scanner) pass(c byte) bool {
	if s.next() != c {
		return false
	}
	s.at++
	return true
}

// next returns the next byte, 0 at the end of the text: a byte that is valid
// nowhere.
func (s *scanner) next() byte {
	if i := uint(s.at); i < uint(len(s.text)) {
		return s.text[i]
	}
	return 0
}
