package main

import (
	"bytes"
	"encoding/json"
)

// maxDepth bounds how deeply arrays and objects are nested: a level costs the
// sender a byte, and the scanner a frame of its stack. A message with a
// session description in it has two levels.
const maxDepth = 64

// A scanner goes through a JSON text once and finds out on the way whether it
// is valid by RFC 8259, whose rules its methods bear the names of. Each begins
// at the next byte and reports whether what it has passed was valid; after a
// false the scanner is of no more use. Whether the text is UTF-8 is not its
// business.
type scanner struct {
	text  []byte
	at    int // of the next byte
	depth int // how many arrays and objects are open
}

// visit takes a member of an object, or an element of an array, which has no
// key. The key is decoded, the value as it stands in the text. It returns
// false to end the scan.
type visit = func(key []byte, value json.RawMessage) bool

// document scans the whole text. What the outermost object or array consists
// of goes to each, which may be nil.
func (s *scanner) document(each visit) bool {
	s.skipSpace()
	if !s.value(each) {
		return false
	}
	s.skipSpace()
	return s.at == len(s.text)
}

func (s *scanner) value(each visit) bool {
	switch s.next() {
	case '"':
		return s.string()
	case '{', '[':
		return s.list(each)
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
func (s *scanner) list(each visit) bool {
	isObject := s.next() == '{'
	closing := byte(']')
	if isObject {
		closing = '}'
	}
	s.at++
	if s.depth++; s.depth > maxDepth {
		return false
	}
	if s.skipSpace() == closing {
		return s.closeList()
	}
	for s.item(isObject, each) {
		switch s.skipSpace() {
		case ',':
			s.at++
		case closing:
			return s.closeList()
		default:
			return false
		}
	}
	return false
}

func (s *scanner) closeList() bool {
	s.at++
	s.depth--
	return true
}

// item scans what stands between two commas: a member or an element.
func (s *scanner) item(isMember bool, each visit) bool {
	var key []byte
	s.skipSpace()
	if isMember {
		start := s.at
		if s.next() != '"' || !s.string() {
			return false
		}
		key = s.text[start:s.at]
		if s.skipSpace(); !s.pass(':') {
			return false
		}
		s.skipSpace()
	}
	start := s.at
	if !s.value(nil) {
		return false
	}
	if each == nil {
		return true
	}
	if isMember {
		key = decode(key)
	}
	return each(key, s.text[start:s.at:s.at])
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

// skipSpace passes white space (RFC 8259, 2) and returns the next byte.
func (s *scanner) skipSpace() byte {
	for {
		switch c := s.next(); c {
		case ' ', '\t', '\r', '\n':
			s.at++
		default:
			return c
		}
	}
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
	if s.at == len(s.text) {
		return 0
	}
	return s.text[s.at]
}
