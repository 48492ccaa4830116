// One call of a Switchboard client: the peer connection, its negotiation and its
// repair. client.js makes these; nobody else needs to.
//
// The caller makes the first offer and is the impolite side of perfect
// negotiation afterwards (W3C WebRTC, 10.7); the callee is the polite one.

/** @import { CallFacts, CallHooks, CallMessage, Candidate, Description, Vocabularies } from './types.d.ts' */

const SECOND = 1000;

const times = {
  disconnected: 4 * SECOND, // short losses heal by themselves
  connect: 10 * SECOND,     // for media to flow, before the next remedy is tried
  courtesy: 2 * SECOND,     // the callee leaves the first try at a repair to the caller
};

/** The messages of a call in the words that it was opened with, in which it is also heard.
 * @type {Vocabularies} */
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
  /** @type {RTCPeerConnection | null} */ pc = null;
  since = 0;                  // when it was answered
  stream = new MediaStream(); // what we send, camera and microphone

  #hooks;
  #words;
  /** @type {Description} theirs, while we are being rung */ #offer = '';
  /** @type {RTCIceCandidateInit[]} theirs, until there is a description to add them to */ #candidates = [];
  /** @type {RTCRtpTransceiver | null} that of our shared screen */ #screen = null;
  #making = false;   // an offer of ours is being made
  #settling = false; // an answer of theirs is being applied
  #refused = false;  // our last offer was, and nothing has changed since
  #remedies = 0;     // how many have been tried since media last flowed
  #timer = 0;        // until the next one

  /** @param {CallFacts} facts @param {CallHooks} hooks */
  constructor({ name, callID, vocabulary, outgoing }, hooks) {
    this.name = name;
    this.callID = callID ?? null;
    this.outgoing = outgoing;
    /** @type {'calling' | 'incoming' | 'active'} */
    this.state = outgoing ? 'calling' : 'incoming';
    this.#words = vocabularies[vocabulary];
    this.#hooks = hooks;
  }

  /** How the server finds this call: by its id as soon as that is known. */
  get address() { return this.callID ? { callID: this.callID } : { name: this.name }; }

  get sharing() { return this.#screen !== null; }

  /** @param {MediaStream} [stream] */
  start(stream) {
    if (stream) this.stream = stream;
    this.#begin();
  }

  /** @param {MediaStream} [stream] */
  accept(stream) {
    if (stream) this.stream = stream;
    const pc = this.#connect();
    if (!pc) return;
    this.#activate();
    this.#answer(pc, this.#offer);
  }

  /** @param {Description} description */
  heardOffer(description) {
    if (this.state === 'incoming') { // the first, or a newer one that replaces it
      this.#offer = description;
      this.#candidates = [];
      return;
    }
    let { pc } = this;
    const collision = this.#making || (pc?.signalingState !== 'stable' && !this.#settling);
    if (collision && this.outgoing) return;
    if (pc?.remoteDescription && startsOver(pc.remoteDescription, description)) pc = this.#connect();
    if (pc) this.#answer(pc, description);
  }

  /** @param {Description} description */
  async heardAnswer(description) {
    if (this.state === 'calling') this.#activate();
    this.#settling = true;
    try {
      if (this.pc) await this.#apply(this.pc, 'answer', description);
    } catch (error) {
      if (!this.pc?.remoteDescription) this.#hooks.fail(asError(error).message);
    } finally {
      this.#settling = false;
    }
  }

  /** Takes a candidate as an object or text, or flat in a message. @param {Candidate} candidate */
  addCandidate(candidate) {
    const init = typeof candidate === 'string' ? { candidate } : candidate;
    if (this.pc?.remoteDescription) addCandidate(this.pc, init);
    else this.#candidates.push(init);
  }

  /** @param {'audio' | 'video'} kind @param {MediaStreamTrack | null} track */
  async setTrack(kind, track) {
    const old = this.stream.getTracks().find((t) => t.kind === kind);
    if (old) this.stream.removeTrack(old);
    if (track) this.stream.addTrack(track);
    const transceiver = this.#transceiver(kind);
    if (!transceiver) return;
    transceiver.direction = track ? 'sendrecv' : 'recvonly';
    transceiver.sender.setStreams?.(this.stream);
    this.#changed();
    await transceiver.sender.replaceTrack(track);
  }

  /** Sends a screen by a transceiver of its own, which can be stopped again, and its place
   * in the description be used anew.
   * @param {MediaStreamTrack} track */
  share(track) {
    this.#screen = this.pc?.addTransceiver(track, { direction: 'sendonly', streams: [new MediaStream([track])] }) ?? null;
    this.#changed();
  }

  unshare() {
    if (!this.#screen || this.pc?.signalingState === 'closed') return;
    this.#screen.stop();
    this.#screen = null;
    this.#changed();
  }

  /** Takes back an offer of ours that the server did not pass on, and a screen that was
   * new in it; returns false if there is none. The same offer would be due again at once,
   * so the next one waits for another change. */
  changeRefused() {
    if (this.pc?.signalingState !== 'have-local-offer') return false;
    if (this.#screen?.currentDirection === null) this.unshare();
    this.#refused = true;
    this.pc.setLocalDescription({ type: 'rollback' }).catch(() => {});
    return true;
  }

  /** Takes new credentials of the ICE servers, for when another relay is needed. */
  renewServers() { this.pc?.setConfiguration({ ...this.pc.getConfiguration(), iceServers: this.#hooks.iceServers() }); }

  close() {
    clearTimeout(this.#timer);
    this.pc?.close();
    this.pc = null;
  }

  /** @param {CallMessage} message */
  #send(message) { this.#hooks.send({ ...message, ...this.address }); }

  #activate() {
    this.state = 'active';
    this.since = Date.now();
    this.#remedies = 1; // there is nothing to restart yet: begin with a new connection
    this.#expect(times.connect);
  }

  /** Returns a new peer connection in place of the present one. The browser makes none if it
   * cannot read an ICE server's address; then the call fails and null is returned. */
  #connect() {
    this.pc?.close();
    let pc;
    try {
      pc = new RTCPeerConnection({ iceServers: this.#hooks.iceServers() });
    } catch (error) {
      this.#hooks.fail(asError(error).message);
      return null;
    }
    const remote = new MediaStream();
    // null ends the candidates; the protocol has no word for that and needs none.
    pc.onicecandidate = ({ candidate }) => candidate && this.#send(this.#words.candidate(candidate));
    pc.onnegotiationneeded = () => this.#makeOffer();
    pc.onconnectionstatechange = () => this.#watch();
    pc.ontrack = ({ track, transceiver }) => {
      const screen = track.kind === 'video' && this.#transceiver('video') !== transceiver;
      if (!screen) remote.addTrack(track);
      this.#hooks.emit('track', { track, screen, stream: screen ? new MediaStream([track]) : remote });
    };
    this.pc = pc;
    this.#refused = false;
    return pc;
  }

  /** Returns the one for camera or microphone: the first of its kind. @param {string} kind */
  #transceiver(kind) { return this.pc?.getTransceivers().find((t) => t.receiver.track.kind === kind); }

  #begin() {
    const pc = this.#connect();
    if (pc) this.#addTracks(pc);
  }

  /** Makes a place for sound and picture, even where there is nothing to send. @param {RTCPeerConnection} pc */
  #addTracks(pc) {
    for (const kind of ['audio', 'video']) {
      const track = this.stream.getTracks().find((t) => t.kind === kind);
      if (track) pc.addTrack(track, this.stream);
      else if (this.outgoing) pc.addTransceiver(kind, { direction: 'recvonly' });
    }
    const screen = this.#screen?.sender.track;
    if (screen) this.share(screen);
  }

  /** Makes the offer that is due after an earlier one was refused: the browser asks for
   * an offer only once. */
  #changed() {
    if (!this.#refused) return;
    this.#refused = false;
    if (this.pc?.signalingState === 'stable') this.#makeOffer();
  }

  async #makeOffer() {
    const { pc } = this;
    if (!pc || this.#refused) return;
    this.#making = true;
    try {
      await pc.setLocalDescription();
      if (pc !== this.pc || !pc.localDescription) return;
      // The server finds the party to ring by name, and the call to change by its id.
      this.#send({ ...this.#words.offer(pc.localDescription), name: this.name });
    } catch (error) {
      if (pc === this.pc && !pc.remoteDescription) this.#hooks.fail(asError(error).message);
    } finally {
      this.#making = false;
    }
  }

  /** @param {RTCPeerConnection} pc @param {Description} description */
  async #answer(pc, description) {
    const first = !pc.remoteDescription;
    try {
      await this.#apply(pc, 'offer', description);
      if (pc !== this.pc) return;
      if (first) this.#addTracks(pc);
      await pc.setLocalDescription();
      if (pc === this.pc && pc.localDescription) this.#send(this.#words.answer(pc.localDescription));
    } catch (error) {
      if (pc === this.pc && first) this.#hooks.fail(asError(error).message);
    }
  }

  /** Sets their description. Its type is that of the message that brought it: its own is
   * a number in some clients, and missing in those that send the bare SDP.
   * @param {RTCPeerConnection} pc @param {'offer' | 'answer'} type @param {Description} description */
  async #apply(pc, type, description) {
    await pc.setRemoteDescription({ type, sdp: sdpOf(description) });
    if (pc !== this.pc) return;
    for (const candidate of this.#candidates.splice(0)) addCandidate(pc, candidate);
  }

  /** Looks after the flow of media: when there is none it restarts ICE, then begins with
   * a new peer connection, then gives up. */
  #watch() {
    if (!this.pc) return;
    const state = this.pc.connectionState;
    this.#hooks.emit('connection', { state });
    if (state === 'connected') {
      clearTimeout(this.#timer);
      this.#timer = this.#remedies = 0;
    } else if (!this.#timer && (state === 'disconnected' || state === 'failed')) {
      this.#expect(state === 'failed' ? 0 : times.disconnected);
    }
  }

  /** @param {number} time */
  #expect(time) {
    this.#timer = setTimeout(() => this.#remedy(), time + (this.outgoing ? 0 : times.courtesy));
  }

  #remedy() {
    switch (this.#remedies++) {
      case 0: this.pc?.restartIce(); this.#changed(); break;
      case 1: if (this.outgoing) this.#begin(); break;
      default: return this.#hooks.fail();
    }
    this.#expect(times.connect);
  }
}

/** Adds a candidate. One that no longer fits belongs to a description that has been
 * replaced; if it was needed after all, the connection says so by failing.
 * @param {RTCPeerConnection} pc @param {RTCIceCandidateInit} candidate */
function addCandidate(pc, { candidate, sdpMid, sdpMLineIndex, usernameFragment }) {
  if (sdpMid == null) sdpMLineIndex ??= 0; // a text alone; all sections share one way
  pc.addIceCandidate({ candidate, sdpMid, sdpMLineIndex, usernameFragment }).catch(() => {});
}

/** Tells a new connection from a change of one: the session id in the origin line stays
 * the same for the life of a peer connection (RFC 8829, 5.2.2).
 * @param {Description} known @param {Description} description */
function startsOver(known, description) {
  const [before, now] = [known, description].map((each) => /^o=\S+ (\d+)/m.exec(sdpOf(each))?.[1]);
  return before !== now;
}

/** @param {Description} description */
function sdpOf(description) { return typeof description === 'string' ? description : description.sdp ?? ''; }

/** Returns what was thrown as the Error that it is: browsers throw nothing else. @param {unknown} thrown */
export function asError(thrown) { return thrown instanceof Error ? thrown : new Error(String(thrown)); }
