// One call of a Switchboard client: the peer connection, its negotiation and its
// repair. client.js makes these; nobody else needs to.
//
// The caller makes the first offer and is the impolite side of perfect
// negotiation afterwards (W3C WebRTC, 10.7); the callee is the polite one.

const SECOND = 1000;

const times = {
  disconnected: 4 * SECOND, // short losses heal by themselves
  connect: 10 * SECOND,     // for media to flow, before the next remedy is tried
  courtesy: 2 * SECOND,     // the callee leaves the first try at a repair to the caller
};

// A call is heard in the words that it was opened with; this client answers in them, too.
const vocabularies = {
  'offer': {
    offer: (offer) => ({ type: 'offer', offer }),
    answer: (answer) => ({ type: 'answer', answer }),
    candidate: (candidate) => ({ type: 'candidate', candidate }),
  },
  'request-call': {
    offer: (sdp) => ({ type: 'request-call', sdp }),
    answer: (sdp) => ({ type: 'respond-call', sdp }),
    candidate: (candidate) => ({ type: 'new-ice-candidate', candidate }),
  },
};

export class Call {
  state;
  pc = null;
  since = 0;        // when it was answered
  stream = null;    // what we send, camera and microphone

  #hooks;
  #words;
  #offer = null;      // while we are being rung
  #candidates = [];   // theirs, until there is a description to add them to
  #making = false;    // an offer of ours is being made
  #settling = false;  // an answer of theirs is being applied
  #refused = false;   // our last offer was, and nothing has changed since
  #screen = null;     // the transceiver of our shared screen
  #remedies = 0;      // how many have been tried since media last flowed
  #timer = 0;

  constructor({ name, callID = null, vocabulary, outgoing }, hooks) {
    Object.assign(this, { name, callID, outgoing });
    this.state = outgoing ? 'calling' : 'incoming';
    this.#words = vocabularies[vocabulary];
    this.#hooks = hooks;
  }

  // address is how the server finds this call: by its id as soon as that is known.
  get address() { return this.callID ? { callID: this.callID } : { name: this.name }; }

  get sharing() { return this.#screen !== null; }

  start(stream) {
    this.stream = stream ?? new MediaStream();
    if (this.#connect()) this.#addTracks();
  }

  accept(stream) {
    this.stream = stream ?? new MediaStream();
    if (!this.#connect()) return;
    this.#activate();
    this.#answer(this.#offer);
  }

  heardOffer(description) {
    if (this.state === 'incoming') { // the first, or a newer one that replaces it
      this.#offer = description;
      this.#candidates = [];
      return;
    }
    const collision = this.#making || (this.pc.signalingState !== 'stable' && !this.#settling);
    if (collision && this.outgoing) return;
    if (startsOver(this.pc.remoteDescription, description) && !this.#connect()) return;
    this.#answer(description);
  }

  async heardAnswer(description) {
    if (this.state === 'calling') this.#activate();
    this.#settling = true;
    try {
      await this.#apply('answer', description);
    } catch (error) {
      if (!this.pc.remoteDescription) this.#hooks.fail(error.message);
    } finally {
      this.#settling = false;
    }
  }

  // addCandidate takes a candidate as an object or string, or flat in a message.
  addCandidate(candidate) {
    if (typeof candidate === 'string') candidate = { candidate };
    if (!this.pc?.remoteDescription) this.#candidates.push(candidate);
    else addCandidate(this.pc, candidate);
  }

  async setTrack(kind, track) {
    const old = this.stream.getTracks().find((t) => t.kind === kind);
    if (old) this.stream.removeTrack(old);
    if (track) this.stream.addTrack(track);
    const transceiver = this.#transceivers(kind)[0];
    if (!transceiver) return;
    transceiver.direction = track ? 'sendrecv' : 'recvonly';
    transceiver.sender.setStreams?.(this.stream);
    this.#changed();
    await transceiver.sender.replaceTrack(track);
  }

  // share uses a transceiver of its own, which nothing else sends on: so it can be
  // stopped again, and its place in the description be used anew.
  share(track) {
    this.#screen = this.pc.addTransceiver(track, { direction: 'sendonly', streams: [new MediaStream([track])] });
    this.#changed();
  }

  unshare() {
    if (!this.#screen || this.pc.signalingState === 'closed') return;
    this.#screen.stop();
    this.#screen = null;
    this.#changed();
  }

  // changeRefused takes back an offer of ours that the server did not pass on, and
  // a screen that was new in it. It returns false if there is none. The same offer
  // would be due again at once, so the next one waits for another change.
  changeRefused() {
    if (this.pc?.signalingState !== 'have-local-offer') return false;
    if (this.#screen?.currentDirection === null) this.unshare();
    this.#refused = true;
    this.pc.setLocalDescription({ type: 'rollback' }).catch(() => {});
    return true;
  }

  close() {
    clearTimeout(this.#timer);
    this.pc?.close();
    this.pc = null;
  }

  #send(message) { this.#hooks.send({ ...message, ...this.address }); }

  #activate() {
    this.state = 'active';
    this.since = Date.now();
    this.#remedies = 1; // there is nothing to restart yet: begin with a new connection
    this.#expect(times.connect);
  }

  // connect begins with a new peer connection. The browser makes none if it cannot
  // read an ICE server's address; then the call fails and false is returned.
  #connect() {
    this.pc?.close();
    let pc;
    try {
      pc = new RTCPeerConnection({ iceServers: this.#hooks.iceServers });
    } catch (error) {
      this.#hooks.fail(error.message);
      return false;
    }
    const remote = new MediaStream();
    // null ends the candidates; the protocol has no word for that and needs none.
    pc.onicecandidate = ({ candidate }) => candidate && this.#send(this.#words.candidate(candidate));
    pc.onnegotiationneeded = () => this.#makeOffer();
    pc.onconnectionstatechange = () => this.#watch();
    pc.ontrack = ({ track, transceiver }) => {
      const screen = track.kind === 'video' && this.#transceivers('video')[0] !== transceiver;
      if (!screen) remote.addTrack(track);
      this.#hooks.emit('track', { track, screen, stream: screen ? new MediaStream([track]) : remote });
    };
    this.pc = pc;
    this.#refused = false;
    return true;
  }

  #transceivers(kind) {
    return this.pc.getTransceivers().filter((t) => t.receiver.track.kind === kind);
  }

  // addTracks makes a place for sound and picture, even where there is nothing to send.
  #addTracks() {
    for (const kind of ['audio', 'video']) {
      const track = this.stream.getTracks().find((t) => t.kind === kind);
      if (track) this.pc.addTrack(track, this.stream);
      else if (this.outgoing) this.pc.addTransceiver(kind, { direction: 'recvonly' });
    }
    const screen = this.#screen?.sender.track;
    if (screen) this.share(screen);
  }

  // changed makes the offer that is due after an earlier one was refused: the
  // browser asks for an offer only once.
  #changed() {
    if (!this.#refused) return;
    this.#refused = false;
    if (this.pc.signalingState === 'stable') this.#makeOffer();
  }

  async #makeOffer() {
    if (this.#refused) return;
    const { pc } = this;
    this.#making = true;
    try {
      await pc.setLocalDescription();
      if (pc !== this.pc) return;
      // The server finds the party to ring by name, and the call to change by its id.
      this.#send({ ...this.#words.offer(pc.localDescription), name: this.name });
    } catch (error) {
      if (pc === this.pc && !pc.remoteDescription) this.#hooks.fail(error.message);
    } finally {
      this.#making = false;
    }
  }

  async #answer(description) {
    const { pc } = this;
    const first = !pc.remoteDescription;
    try {
      await this.#apply('offer', description);
      if (pc !== this.pc) return;
      if (first) this.#addTracks();
      await pc.setLocalDescription();
      if (pc === this.pc) this.#send(this.#words.answer(pc.localDescription));
    } catch (error) {
      if (pc === this.pc && first) this.#hooks.fail(error.message);
    }
  }

  // apply goes by the word that brought a description: its own type is a number in
  // some clients, and missing in those that send the bare SDP.
  async #apply(type, description) {
    const { pc } = this;
    await pc.setRemoteDescription({ type, sdp: description.sdp ?? description });
    if (pc !== this.pc) return;
    for (const candidate of this.#candidates.splice(0)) addCandidate(pc, candidate);
  }

  // watch looks after the flow of media. When there is none it restarts ICE, then
  // begins with a new peer connection, then gives up.
  #watch() {
    const state = this.pc?.connectionState;
    this.#hooks.emit('connection', { state });
    if (state === 'connected') {
      clearTimeout(this.#timer);
      this.#timer = this.#remedies = 0;
    } else if (!this.#timer && (state === 'disconnected' || state === 'failed')) {
      this.#expect(state === 'failed' ? 0 : times.disconnected);
    }
  }

  #expect(time) {
    this.#timer = setTimeout(() => this.#remedy(), time + (this.outgoing ? 0 : times.courtesy));
  }

  #remedy() {
    switch (this.#remedies++) {
      case 0: this.pc.restartIce(); this.#changed(); break;
      case 1: if (this.outgoing) this.#beginAnew(); break;
      default: return this.#hooks.fail();
    }
    this.#expect(times.connect);
  }

  #beginAnew() {
    if (this.#connect()) this.#addTracks();
  }
}

// A candidate that no longer fits belongs to a description that has been
// replaced; if one was needed after all, the connection says so by failing.
function addCandidate(pc, { candidate, sdpMid, sdpMLineIndex, usernameFragment }) {
  if (sdpMid == null) sdpMLineIndex ??= 0; // a text alone; all sections share one way
  pc.addIceCandidate({ candidate, sdpMid, sdpMLineIndex, usernameFragment }).catch(() => {});
}

// startsOver tells a change of a connection from a new one: the session id in
// the origin line stays the same for the life of a peer connection (RFC 8829, 5.2.2).
function startsOver(known, description) {
  const sessionID = (sdp) => /^o=\S+ (\d+)/m.exec(sdp)?.[1];
  return known !== null && sessionID(known.sdp) !== sessionID(description?.sdp ?? description);
}
