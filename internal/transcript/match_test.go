package transcript

import (
	"strings"
	"testing"
)

const (
	real1 = "7d0c8a52-1c0e-4a0f-9b43-52f0e6a3c111"
	real2 = "0b8ff3c2-6a5d-4e55-8d4a-f1b1c98e2222"
	text1 = "K7QW2ZP4M6X3RB5TJDHN7CYV2S"
	anns  = "ANNANNANNANNANNANNANNANNAA"
	call1 = "c0ffee00-0000-4000-8000-000000000001"
	call2 = "c0ffee00-0000-4000-8000-000000000002"
)

func TestMatch(t *testing.T) {
	tests := []struct {
		name, want, got string
		differs         string // part of the complaint, empty if there is none
	}{
		{"order and blanks", `{"a":1, "b":[true,null,{"c":"d"}]}`, `{"b":[ true,null,{"c":"d"}],"a":1}`, ""},
		{"escapes", `{"name":"é<"}`, `{"name":"\u00e9\u003c"}`, ""},
		{"a key too few", `{"a":1,"b":2}`, `{"a":1}`, `frame has no "b"`},
		{"a key too many", `{"a":1}`, `{"a":1,"b":2}`, `frame has a "b" too many`},
		{"another key", `{"offer":{"b":1}}`, `{"offer":{"a":1}}`, `offer has a "a" too many`},
		{"a repeated key", `{"type":"leave"}`, `{"type":"leave","type":"leave"}`, `"type" too many`},
		{"a repeated key before the right one", `{"type":"leave"}`, `{"type":"offer","type":"leave"}`, `type differs`},
		{"a payload with repeated keys", `{"o":{"a":1,"a":2}}`, `{"o":{"a":1,"a":2}}`, ""},
		{"repeated keys in another order", `{"o":{"a":1,"a":2}}`, `{"o":{"a":2,"a":1}}`, "a differs"},
		{"a great number", `{"n":12345678901234567890123}`, `{"n":12345678901234567890123}`, ""},
		{"a rounded number", `{"n":12345678901234567890123}`, `{"n":1.2345678901234568e+22}`, "n differs"},
		{"a number beyond floats", `{"n":1e400}`, `{"n":1e400}`, ""},
		{"the same number written otherwise", `{"n":1}`, `{"n":1.0}`, "n differs"},
		{"a number is no string", `{"n":1}`, `{"n":"1"}`, "n differs"},
		{"null is no empty object", `{"n":null}`, `{"n":{}}`, "n differs"},
		{"array lengths", `{"n":[1]}`, `{"n":[1,1]}`, "n differs"},
		{"in an array", `{"n":[1,2]}`, `{"n":[1,3]}`, "n[1] differs"},
		{"any text", `{"message":"..."}`, `{"message":"nobody is called so"}`, ""},
		{"any text but none", `{"message":"..."}`, `{"message":""}`, "message differs"},
		{"any text is no number", `{"message":"..."}`, `{"message":3}`, "message differs"},
		{"plain text", `Hello world`, `Hello world`, ""},
		{"other plain text", `Hello world`, `Hello World`, "frame differs"},
		{"an object for text", `Hello world`, `{}`, "frame differs"},
		{"a packet", `42["leave",{"name":"ann","reason":"..."}]`, `42["leave",{"reason":"gone","name":"ann"}]`, ""},
		{"another packet", `42["leave"]`, `43["leave"]`, "frame does not begin with 42"},
		{"a packet with an acknowledgement", `42["leave"]`, `420["leave"]`, "frame does not begin with 42"},
		{"a packet that says something else", `42["leave",{}]`, `42["leave",{"a":1}]`, `frame[1] has a "a" too many`},
		{"a packet without JSON", `40`, `40`, ""},
		{"text for an object", `{}`, `Hello world`, "not JSON"},
		{"two documents", `{}`, `{}{}`, "not JSON"},
		{"a random UUID", `{"callID":"` + call1 + `"}`, `{"callID":"` + real1 + `"}`, ""},
		{"a UUID that is not random", `{"callID":"` + call1 + `"}`,
			`{"callID":"00000000-0000-1000-8000-000000000000"}`, "callID is not random"},
		{"random text", `{"username":"` + anns + `"}`, `{"username":"` + text1 + `"}`, ""},
		{"random text in other text", `{"username":"946728000:` + anns + `"}`, `{"username":"946728000:` + text1 + `"}`, ""},
		{"other text before random text", `{"username":"946728000:` + anns + `"}`, `{"username":"946728001:` + text1 + `"}`, "username differs"},
		{"other text behind random text", `{"username":"` + anns + `:1"}`, `{"username":"` + text1 + `:2"}`, "username differs"},
		{"less text", `{"username":"1:` + anns + `"}`, `{"username":"1:"}`, "username differs"},
		{"text that is not random", `{"username":"` + anns + `"}`, `{"username":"aNNANNANNANNANNANNANNANNAA"}`, "username is not random"},
		{"one variable, two texts", `{"a":"1:` + anns + `","b":"` + anns + `"}`, `{"a":"1:` + text1 + `","b":"` + anns + `"}`, "b is not the " + anns},
		{"a UUID in other text", `{"a":"to ` + call1 + `."}`, `{"a":"to ` + real1 + `."}`, ""},
		{"one variable, two UUIDs", `{"a":"` + call1 + `","b":"` + call1 + `"}`,
			`{"a":"` + real1 + `","b":"` + real2 + `"}`, "b is not the " + call1},
		{"two variables, one UUID", `{"a":"` + call1 + `","b":"` + call2 + `"}`,
			`{"a":"` + real1 + `","b":"` + real1 + `"}`, "b is " + call1 + " again"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			err := Bindings{}.Match(tt.want, tt.got)
			switch {
			case err == nil && tt.differs != "":
				t.Errorf("%s matches %s, expected: %s", tt.want, tt.got, tt.differs)
			case err != nil && (tt.differs == "" || !strings.Contains(err.Error(), tt.differs)):
				t.Errorf("%s against %s: %v, expected: %q", tt.want, tt.got, err, tt.differs)
			}
		})
	}
}

func TestRealIdentifiers(t *testing.T) {
	ids := Bindings{}
	if err := ids.Match(`{"callID":"`+call1+`"}`, `{"callID":"`+real1+`"}`); err != nil {
		t.Fatal(err)
	}
	if got := ids.Real("leave " + call1); got != "leave "+real1 {
		t.Errorf("%s is sent for %s, expected the server's %s", got, call1, real1)
	}
	if got := ids.Real("leave " + call2); got != "leave "+call2 {
		t.Errorf("%s is sent for %s, which nobody has heard of", got, call2)
	}
	if err := ids.Match(`{"callID":"`+call2+`"}`, `{"callID":"`+real2+`"}`); err == nil {
		t.Error("a UUID that a client made up was bound to another one")
	}
}
