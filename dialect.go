package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"

	"switchboard/internal/ice"
	"switchboard/internal/jsonscan"
)

// A Dialect translates between one family of clients and the hub: Decode is
// called on a connection's read loop, Encode by a writer. It keeps no
// state, so that one value serves every connection; where a family's protocol
// has a state of its own, each connection has its own value, and only Decode
// touches that.
type Dialect interface {
	// Decode returns what a text frame asks, or why that is refused. Neither
	// shares the frame's memory: a candidate of a few bytes, held for a while,
	// must not keep a frame of many. With a refusal that names its request comes a
	// Request with the Word and the Receipt; if a login is refused for what it claims,
	// the Command comes too, since a token may prove something else. A frame that asks
	// nothing, such as a pong, is a request without a command.
	Decode(frame []byte) (Request, *Refused)

	// Encode appends the frame that tells of ev. It appends nothing if the
	// family has no word for it.
	Encode(dst []byte, ev Event) []byte

	Profile() *Profile
}

// Quit is the command that the read loop obeys itself: the client disconnects, or has
// sent a packet that its protocol cannot refuse.
type Quit struct{ why *Closing }

func (Quit) command() {}

// A parser returns what a message asks by its fields, and keeps nothing of them.
type parser func(m *fields) (Command, *Refused)

// A vocabulary lists what a family can ask: each word, and how a message with that
// word is parsed. Words are looked for in order, so the frequent ones come first.
type vocabulary []entry

type entry struct {
	word  string
	parse parser
}

// A language is how a family's messages are read, if each is one JSON object with its
// word under a key.
type language struct {
	schema  *schema
	key     string // of the word
	rule    string // the text of the refusal if there is no word
	words   vocabulary
	subject func(m *fields, word string) Target // whom or which call a refused message was about
}

// decode returns what a frame asks, or why that is refused.
func (l *language) decode(frame []byte) (Request, *Refused) {
	m := newFields(l.schema)
	defer m.free()
	broken, refusal := readObject(frame, m)
	if broken != nil {
		return Request{}, broken
	}
	word, ok := l.words.word(m.get(l.key))
	var cmd Command
	switch {
	case refusal != nil:
	case !ok:
		return Request{}, refuse(CodeBadRequest, l.rule)
	default:
		cmd, refusal = l.words.parserOf(word)(m)
	}
	if refusal != nil {
		refusal.regarding(excerpt(word), l.subject(m, word))
	}
	return Request{Word: word, Command: cmd}, refusal
}

// word returns the text of a field, and whether that is a string at all. A word of
// the vocabulary is not allocated again.
func (v vocabulary) word(field json.RawMessage) (string, bool) {
	for i := range v {
		if jsonscan.Says(field, v[i].word) {
			return v[i].word, true
		}
	}
	return jsonscan.String(field)
}

func (v vocabulary) has(word string) bool {
	return slices.ContainsFunc(v, func(known entry) bool { return known.word == word })
}

// parserOf returns the parser for a word. The one for an unknown word refuses it.
func (v vocabulary) parserOf(word string) parser {
	for i := range v {
		if v[i].word == word {
			return v[i].parse
		}
	}
	return func(*fields) (Command, *Refused) {
		return nil, refuse(CodeUnknownCommand, "Command not found: "+excerpt(word))
	}
}

// noFields returns the parser for a word that says all by itself.
func noFields(cmd Command) parser {
	return func(*fields) (Command, *Refused) { return cmd, nil }
}

// firstSchema has the keys by which chooseDialect knows a family.
var firstSchema = newSchema("type", "id")

// chooseDialect returns the dialect that a client's first frame is written
// in, and whether the frame decides it: "type" is the native protocol's key,
// "id" that of the one-to-one family. A frame with neither decides nothing.
func chooseDialect(frame []byte, first Dialect) (Dialect, bool) {
	m := newFields(&firstSchema)
	defer m.free()
	broken, _ := readObject(frame, m)
	switch {
	case broken != nil:
		return first, false
	case jsonscan.IsString(m.get("type")):
		return first, true
	case jsonscan.IsString(m.get("id")):
		known, _ := first.(native)
		return one2one(known), true
	}
	return first, false
}

// A schema is what is read of one kind of message.
type schema struct {
	keys       []string // they match exactly; others are not read
	repeatable string   // the key that may be repeated: its last value counts. "" if none may
}

// maxFields is for how many keys fields have room.
const maxFields = 24

// newSchema returns a schema with these keys, none of which may be repeated.
func newSchema(keys ...string) schema {
	if len(keys) > maxFields {
		panic(fmt.Sprintf("schema: %d keys, and room for %d", len(keys), maxFields))
	}
	return schema{keys: keys}
}

// repeating returns the schema with a key that may be repeated.
func (s schema) repeating(key string) schema {
	s.repeatable = key
	return s
}

// index returns the place of a key that the schema has.
func (s *schema) index(key string) int {
	i := slices.Index(s.keys, key)
	if i < 0 {
		panic(fmt.Sprintf("schema: no key %q", key))
	}
	return i
}

// fields are the values of a schema's keys, as they stand in a message. They are
// used again for another message: on the stack of a read loop they would make it
// twice as large for good, and an idle connection is little more than that.
type fields struct {
	schema *schema
	values [maxFields]json.RawMessage // in the order of the keys; nil where one is absent
	twice  bool                       // the repeatable key was repeated
}

var fieldsPool = sync.Pool{New: func() any { return new(fields) }}

// newFields returns fields without values. They must be freed.
func newFields(s *schema) *fields {
	m := fieldsPool.Get().(*fields)
	m.schema = s
	return m
}

// free gives the fields back. What their values point to does not outlive the frame.
func (m *fields) free() {
	*m = fields{}
	fieldsPool.Put(m)
}

// put stores the value of a key, if that is read. It reports false, and keeps the
// first value, if the key is repeated and must not be.
func (m *fields) put(key []byte, value json.RawMessage) bool {
	for i, name := range m.schema.keys {
		switch {
		case name != string(key):
			continue
		case m.values[i] == nil:
		case name == m.schema.repeatable:
			m.twice = true
		default:
			return false
		}
		m.values[i] = value
		return true
	}
	return true
}

// get returns the value of a key that the schema has, nil if it is absent.
func (m *fields) get(key string) json.RawMessage {
	return m.values[m.schema.index(key)]
}

// set gives a key that the schema has another value.
func (m *fields) set(key string, value json.RawMessage) {
	m.values[m.schema.index(key)] = value
}

// readObject puts the members of a frame into m, whose schema is set. A frame that is
// not one JSON object is broken, and m means nothing then. A key that is read twice is
// refused, since two readers might otherwise see two different messages; m is complete
// all the same, so that the refusal can say what it refuses.
func readObject(frame []byte, m *fields) (broken, twice *Refused) {
	err := jsonscan.Scan(frame, func(key []byte, value json.RawMessage) {
		if !m.put(key, value) {
			twice = repeated(string(key))
		}
	})
	switch {
	case err != nil:
		return notJSON(frame, err), nil
	case !jsonscan.IsObject(frame):
		return refuse(CodeBadJSON, "a message is one JSON object, such as {\"type\":\"login\",\"name\":\"ann\"}"), nil
	}
	return nil, twice
}

// notJSON refuses a frame for which Scan has returned an error. encoding/json, which is
// slower, says where in the frame the error is.
func notJSON(frame []byte, err error) *Refused {
	if errors.Is(err, jsonscan.ErrDepth) {
		return refuse(CodeBadJSON, "this is "+err.Error())
	}
	var none json.RawMessage
	return refuse(CodeBadJSON, fmt.Sprintf("this is not JSON: %v", json.Unmarshal(frame, &none)))
}

// repeated refuses a key that a message has more than once.
func repeated(key string) *Refused {
	return refuse(CodeBadRequest, fmt.Sprintf("the key %q is repeated", key))
}

// login reads who wants to sign in, in any family.
func login(m *fields) (Command, *Refused) {
	return loginAs(m.get("name"), m.get("role"), m.get("token"))
}

// loginAs returns a login with these claims, and what is wrong with them. That a name is
// missing is no flaw for those who have a token.
func loginAs(nameField, roleField, tokenField json.RawMessage) (Login, *Refused) {
	text, _ := jsonscan.Text(nameField)
	name, ok := parseName(text)
	role, roleOK := jsonscan.String(roleField)
	login := Login{Name: name, Role: strings.ToLower(role), Token: tokenText(tokenField)}
	if !roleOK && !jsonscan.Blank(roleField) {
		login.flaw = refuse(CodeBadRole, "a role is a string")
	}
	if ok {
		return login, login.flaw
	}
	nameless := refuse(CodeBadName, nameRule)
	if !jsonscan.Blank(nameField) {
		login.flaw = nameless
	}
	return login, nameless
}

// tokenText returns the text of a token. Of what is no string it is the JSON, which is
// never a token either.
func tokenText(field json.RawMessage) string {
	if jsonscan.Blank(field) {
		return ""
	}
	if text, ok := jsonscan.String(field); ok {
		return text
	}
	return string(field)
}

// address returns which call a message is about, and with whom by this name.
func (m *fields) address(name json.RawMessage) (to Target, refusal *Refused) {
	to.Name, refusal = named("name", name)
	callID := m.get("callID")
	if to.CallID, _ = jsonscan.String(callID); to.CallID == "" && !jsonscan.Blank(callID) {
		refusal = refuse(CodeBadRequest, `"callID" is a string`)
	}
	return to, refusal
}

// named returns the name in an optional field, nil if it is absent.
func named(key string, field json.RawMessage) (*Name, *Refused) {
	if jsonscan.Blank(field) {
		return nil, nil
	}
	text, ok := jsonscan.Text(field)
	if !ok {
		return nil, refuse(CodeBadRequest, fmt.Sprintf("%q is a string or a number", key))
	}
	return nameOf(text), nil
}

func missing(key string) *Refused {
	return refuse(CodeBadRequest, fmt.Sprintf("%q is missing", key))
}

// appendKey appends the key of a further member, or of an object's first.
func appendKey(dst []byte, key string) []byte {
	if dst[len(dst)-1] != '{' {
		dst = append(dst, ',')
	}
	dst = append(dst, '"')
	dst = append(dst, key...)
	return append(dst, '"', ':')
}

// appendMember appends a member with a string value.
func appendMember(dst []byte, key, value string) []byte {
	return jsonscan.AppendString(appendKey(dst, key), value)
}

// appendCopy appends a further member that jsonscan.Members has found in another object.
func appendCopy(dst, key []byte, value json.RawMessage) []byte {
	dst = append(jsonscan.AppendString(append(dst, ','), key), ':')
	return append(dst, value...)
}

// appendKnown appends a member only if there is something to say.
func appendKnown(dst []byte, key, value string) []byte {
	if value == "" {
		return dst
	}
	return appendMember(dst, key, value)
}

// appendICEServers appends a member with the servers that the party with that id is told
// of, if there are any.
func appendICEServers(dst []byte, servers *ice.Servers, id string) []byte {
	if servers == nil {
		return dst
	}
	return servers.Append(appendKey(dst, "iceServers"), id)
}
