//go:build linux

package main

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

// serverFrame builds a frame as a server sends it: unmasked.
func serverFrame(opcode byte, payload string) []byte {
	head := []byte{0x80 | opcode}
	switch n := len(payload); {
	case n < 126:
		head = append(head, byte(n))
	case n < 1<<16:
		head = binary.BigEndian.AppendUint16(append(head, 126), uint16(n))
	default:
		head = binary.BigEndian.AppendUint64(append(head, 127), uint64(n))
	}
	return append(head, payload...)
}

func TestCutFrame(t *testing.T) {
	for _, size := range []int{0, 1, 125, 126, 127, 65535, 65536, 100000} {
		payload := strings.Repeat("x", size)
		whole := serverFrame(opText, payload)
		for _, cut := range []int{0, 1, 2, 3, 4, 9, 10, 11, len(whole) / 2, len(whole) - 1} {
			if cut >= len(whole) {
				continue
			}
			if _, n, err := cutFrame(whole[:cut]); n != 0 || err != nil {
				t.Errorf("%d of %d bytes: got a frame of %d, %v", cut, len(whole), n, err)
			}
		}
		f, n, err := cutFrame(append(whole, serverFrame(opPing, "")...))
		if n != len(whole) || err != nil || f.opcode != opText || string(f.payload) != payload {
			t.Errorf("size %d: got opcode %d, length %d, %v", size, f.opcode, n, err)
		}
	}
}

func TestCutFrameRefuses(t *testing.T) {
	for name, data := range map[string][]byte{
		"first fragment": {0x01, 0},
		"last fragment":  {0x80, 0},
		"compressed":     {0xC1, 0},
		"masked":         {0x81, 0x80, 0, 0, 0, 0},
		"too large":      {0x81, 127, 0xFF, 0, 0, 0, 0, 0, 0, 0},
	} {
		if _, _, err := cutFrame(data); err == nil {
			t.Errorf("%s: no error", name)
		}
	}
}

func TestAppendHead(t *testing.T) {
	for size, want := range map[int]string{
		0:     "81 80 00000000",
		125:   "81 fd 00000000",
		126:   "81 fe 007e 00000000",
		65535: "81 fe ffff 00000000",
		65536: "81 ff 0000000000010000 00000000",
	} {
		if got := fmt.Sprintf("%x", appendHead(nil, opText, size)); got != strings.ReplaceAll(want, " ", "") {
			t.Errorf("%d: got %s, want %s", size, got, want)
		}
	}
}

func TestWordOf(t *testing.T) {
	for message, want := range map[string]word{
		`{"type":"login","success":true}`:                          wordLogin,
		`{"success": false, "type": "login"}`:                      wordLogin,
		`{"offer":{"type":"offer","sdp":"v=0"},"type":"offer"}`:    wordOffer,
		`{"type":"answer","answer":{"type":"answer","sdp":"v=0"}}`: wordAnswer,
		`{"candidate":{"candidate":""},"type":"candidate"}`:        wordCandidate,
		`{"type":"leave"}`:                   wordLeave,
		`{"type":"error","code":"bad-json"}`: wordError,
		`{"type":"users"}`:                   wordOther,
		`{"type":"leaves"}`:                  wordOther,
		`{"type":"lea`:                       wordOther,
		`{"type":`:                           wordOther,
		`{"type":7}`:                         wordOther,
		`Hello world`:                        wordOther,
	} {
		if got := wordOf([]byte(message)); got != want {
			t.Errorf("%s: got %v, want %v", message, got, want)
		}
	}
	if !succeeded([]byte(`{"type":"login","success": true}`)) || succeeded([]byte(`{"type":"login","success":false}`)) || succeeded([]byte(`{"type":"login"}`)) {
		t.Error("the answer to a login is misread")
	}
}

// ear is a party that remembers what it heard.
type ear struct {
	messages []string
	code     int
}

func (e *ear) upgraded(*conn)                  { e.messages = append(e.messages, "upgraded") }
func (e *ear) heard(_ *conn, _ word, m []byte) { e.messages = append(e.messages, string(m)) }
func (e *ear) ended(_ *conn, code int)         { e.code = code }

// A connection understands a server's words wherever the network cuts them,
// and answers pings between them.
func TestReceiveAtEverySplit(t *testing.T) {
	long := strings.Repeat("long ", 60)
	stream := slices.Concat(
		[]byte("HTTP/1.1 101 Switching Protocols\r\nSec-WebSocket-Accept: "+upgradeAccept+"\r\n\r\n"),
		serverFrame(opText, "one"), serverFrame(opPing, "are you there"), serverFrame(opText, long),
		serverFrame(opPong, ""), serverFrame(opText, ""), serverFrame(opClose, "\x03\xe9bye"),
	)
	for cut := 1; cut < len(stream); cut++ {
		e := &ear{}
		answer := e.hear(t, stream[:cut], stream[cut:])
		if want := []string{"upgraded", "one", long, ""}; !slices.Equal(e.messages, want) || e.code != 1001 {
			t.Fatalf("cut at %d: heard %q and code %d", cut, e.messages, e.code)
		}
		if want := append(appendHead(nil, opPong, 13), "are you there"...); !bytes.Equal(answer, want) {
			t.Fatalf("cut at %d: answered %x", cut, answer)
		}
	}
}

func TestReceiveLargeFrames(t *testing.T) {
	large := strings.Repeat("x", 100_000)
	e := &ear{}
	parts := [][]byte{[]byte("HTTP/1.1 101 Switching Protocols\r\nSec-WebSocket-Accept: " + upgradeAccept + "\r\n\r\n")}
	e.hear(t, append(parts, slices.Collect(slices.Chunk(serverFrame(opText, large), 5000))...)...)
	if len(e.messages) != 2 || e.messages[1] != large || e.code != codeAbnormal {
		t.Errorf("heard %d messages and code %d", len(e.messages), e.code)
	}
}

// hear has a connection receive pieces, one read each, and then the end. It
// returns what the connection wrote.
func (e *ear) hear(t *testing.T, pieces ...[]byte) []byte {
	t.Helper()
	fds, err := unix.Socketpair(unix.AF_UNIX, unix.SOCK_STREAM|unix.SOCK_NONBLOCK, 0)
	if err != nil {
		t.Fatal(err)
	}
	defer unix.Close(fds[1])
	l, err := newLoop(t.Context(), address{}, time.Second)
	if err != nil {
		t.Fatal(err)
	}
	defer l.close()
	c := l.newConn("ann")
	c.fd, c.state, c.party = fds[0], stateUpgrading, e
	l.conns = make([]*conn, c.fd+1)
	l.conns[c.fd] = c
	answer := make([]byte, 100)
	n := 0
	for _, piece := range pieces {
		if _, err := unix.Write(fds[1], piece); err != nil {
			t.Fatal(err)
		}
		c.receive()
		l.flush()
		if got, err := unix.Read(fds[1], answer[n:]); err == nil {
			n += got
		}
	}
	if c.state != stateClosed {
		unix.Shutdown(fds[1], unix.SHUT_WR)
		c.receive()
	}
	if l.fault != nil {
		t.Fatal(l.fault)
	}
	return answer[:n]
}
