package engineio

// The types of packets. Each is the first character of a frame.
const (
	Open    = '0'
	Close   = '1'
	Ping    = '2'
	Pong    = '3'
	Message = '4'
	Upgrade = '5'
	Noop    = '6'
)

const (
	tryPing = string(Ping) + "probe" // a client tries its WebSocket
	tryPong = string(Pong) + "probe"
	version = "4"
)

// Heartbeat is the ping that clients wait for: the server sends it.
const Heartbeat = Frame(Ping)

// A Frame is sent as it stands.
type Frame string

// frameOverhead is charged for a queued frame beside its text.
const frameOverhead = 256

func (f Frame) Weight() int { return frameOverhead + len(f) }

// Split takes the type off a packet. An empty one has the type 0.
func Split(packet []byte) (kind byte, rest []byte) {
	if len(packet) == 0 {
		return 0, nil
	}
	return packet[0], packet[1:]
}
