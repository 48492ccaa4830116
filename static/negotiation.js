// The peer connection of a call: its negotiation and its repair. call.js builds on it.
//
// The caller makes the first offer and is the impolite side of perfect negotiation
// afterwards (W3C WebRTC, 10.7); the callee is the polite one.

/** @import { CallHooks, Candidate, Description } from './types.d.ts' */

const SECOND = 1000;

const times = {
  disconnected: 4 * SECOND, // short losses heal by themselves
  connect: 10 * SECOND,     // for media to flow, before the next remedy is tried
  courtesy: 2 * SECOND,     // the callee leaves the first try at a repair to the caller
};

const noCall = 'There is no call in which to send it.';

export class Negotiation {
  /** @type {RTCPeerConnection | null} */ pc = null;
  stream = new MediaStream(); // what we send, camera and microphone
  outgoing = false;           // we are the caller

  /** @protected @type {string} the session id of their peer connection */ theirs = '';
  /** @protected @type {number} until the next remedy */ timer = 0;

  /** @type {RTCIceCandidateInit[]} theirs, until there is a description to add them to */ #candidates = [];
  /** @type {RTCRtpTransceiver | null} that of our shared screen */ #screen = null;
  #making = false;   // an offer of ours is being made
  #settling = false; // an answer of theirs is being applied
  #refused = false;  // our last offer was, and nothing has changed since
  #remedies = 0;     // how many have been tried since media last flowed

  /** @param {CallHooks} hooks */
  constructor(hooks) {
    /** @protected */ this.hooks = hooks;
  }

  get sharing() { return this.#screen !== null; }

  /** Sends the other side what it needs. @protected
   * @param {'offer' | 'answer' | 'candidate'} kind @param {any} payload */
  tell(kind, payload) { void kind, payload; }

  /** Whether an offer would find the other side. @protected */
  get mayOffer() { return true; }

  /** Says that the state of the peer connection has changed; returns false to leave it alone.
   * @protected @param {RTCPeerConnectionState} state */
  changed(state) { return Boolean(state); }

  /** @param {'audio' | 'video'} kind @param {MediaStreamTrack | null} track */
  async setTrack(kind, track) {
    if (!this.pc) throw new Error(noCall);
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
  async share(track) {
    if (this.#screen) throw new Error('A screen is being shared already.');
    if (!this.pc) throw new Error(noCall);
    this.#share(this.pc, track);
    this.#changed();
  }

  /** @param {RTCPeerConnection} pc @param {MediaStreamTrack} track */
  #share(pc, track) {
    this.#screen = pc.addTransceiver(track, { direction: 'sendonly', streams: [new MediaStream([track])] });
  }

  unshare() {
    if (!this.#screen || !this.pc) return;
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
  renewServers() {
    try {
      this.pc?.setConfiguration({ ...this.pc.getConfiguration(), ...this.hooks.config() });
    } catch {
      // The browser cannot read an address: what runs goes on with the servers that it has.
    }
  }

  /** Begins with a new peer connection, and an offer. @protected */
  begin() {
    const pc = this.#connect();
    if (pc) this.#addTracks(pc);
  }

  /** Takes their offer with a new peer connection. @protected @param {Description} description */
  takeUp(description) {
    const pc = this.#connect();
    if (pc) this.#answer(pc, description);
  }

  /** Takes their offer in a call that is answered. @protected @param {Description} description */
  takeOffer(description) {
    const { pc } = this;
    const collision = this.#making || (pc?.signalingState !== 'stable' && !this.#settling);
    if (collision && this.outgoing) return;
    if (pc?.remoteDescription && sessionOf(description) !== this.theirs) this.takeUp(description); // it starts over
    else if (pc) this.#answer(pc, description);
  }

  /** @protected @param {Description} description */
  async takeAnswer(description) {
    this.#settling = true;
    try {
      if (this.pc) await this.#apply(this.pc, 'answer', description);
    } catch (error) {
      if (!this.pc?.remoteDescription) this.fail(error);
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

  /** Forgets candidates that came before there was a description. @protected */
  forgetCandidates() { this.#candidates = []; }

  /** Makes our offer again, with ICE begun anew; one that has had no answer is sent as it is. @protected */
  offerAgain() {
    if (this.pc?.signalingState === 'have-local-offer') return this.tell('offer', this.pc.localDescription);
    this.#refused = false;
    this.pc?.restartIce();
  }

  /** @protected */
  disconnect() {
    this.rest();
    this.pc?.close();
    this.pc = this.#screen = null;
  }

  /** @protected @param {unknown} error */
  fail(error) { this.hooks.hangUp('failed', asError(error).message); }

  /** Whether the other side has closed its peer connection. @protected */
  get closedByThem() { return this.#dtls?.state === 'closed'; }

  get #dtls() { return this.pc?.getSenders()[0]?.transport; }

  /** Returns a new peer connection in place of the present one. The browser makes none if it
   * cannot read an ICE server's address; then the call fails and null is returned. */
  #connect() {
    this.pc?.close();
    let pc;
    try {
      pc = new RTCPeerConnection(this.hooks.config());
    } catch (error) {
      this.fail(error);
      return null;
    }
    const remote = new MediaStream();
    // null ends the candidates; the protocol has no word for that and needs none.
    pc.onicecandidate = ({ candidate }) => candidate && this.tell('candidate', candidate);
    pc.onnegotiationneeded = () => this.#makeOffer();
    pc.onconnectionstatechange = () => this.watch();
    pc.ontrack = ({ track, transceiver }) => {
      const screen = track.kind === 'video' && this.#transceiver('video') !== transceiver;
      if (!screen) remote.addTrack(track);
      this.hooks.emit('track', { track, screen, stream: screen ? new MediaStream([track]) : remote });
    };
    this.pc = pc;
    this.#refused = false;
    return pc;
  }

  /** Returns the one for camera or microphone: the first of its kind. @param {string} kind */
  #transceiver(kind) { return this.pc?.getTransceivers().find((t) => t.receiver.track.kind === kind); }

  /** Makes a place for sound and picture, even where there is nothing to send. @param {RTCPeerConnection} pc */
  #addTracks(pc) {
    for (const kind of ['audio', 'video']) {
      const track = this.stream.getTracks().find((t) => t.kind === kind);
      if (track) pc.addTrack(track, this.stream);
      else if (this.outgoing) pc.addTransceiver(kind, { direction: 'recvonly' });
    }
    const screen = this.#screen?.sender.track;
    if (screen) this.#share(pc, screen);
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
    if (!pc || this.#refused || !this.mayOffer) return;
    this.#making = true;
    try {
      await pc.setLocalDescription();
      if (pc === this.pc && pc.localDescription) this.tell('offer', pc.localDescription);
    } catch (error) {
      if (pc === this.pc && !pc.remoteDescription) this.fail(error);
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
      if (pc === this.pc && pc.localDescription) this.tell('answer', pc.localDescription);
    } catch (error) {
      if (pc === this.pc && first) this.fail(error);
    }
  }

  /** Sets their description. Its type is that of the message that brought it: its own is
   * a number in some clients, and missing in those that send the bare SDP.
   * @param {RTCPeerConnection} pc @param {'offer' | 'answer'} type @param {Description} description */
  async #apply(pc, type, description) {
    await pc.setRemoteDescription({ type, sdp: sdpOf(description) });
    if (pc !== this.pc) return;
    this.theirs = sessionOf(description);
    for (const candidate of this.#candidates.splice(0)) addCandidate(pc, candidate);
  }

  /** Looks after the flow of media: when there is none it restarts ICE, then begins with
   * a new peer connection, then gives up. @protected */
  watch() {
    const state = this.pc?.connectionState;
    if (!state) return;
    const dtls = this.#dtls;
    if (dtls) dtls.onstatechange = () => dtls === this.#dtls && dtls.state === 'closed' && this.changed('closed');
    this.hooks.emit('connection', { state });
    if (!this.changed(state)) return;
    if (state === 'connected') this.rest();
    else if (!this.timer && state === 'disconnected') this.#expect(times.disconnected);
    else if (!this.timer && state === 'failed') this.#expect(0);
  }

  /** Expects the first media to flow: there is nothing to restart yet. @protected */
  expectMedia() {
    this.#remedies = 1;
    this.#expect(times.connect);
  }

  /** Tries no remedy, until there is need for one. @protected */
  rest() {
    clearTimeout(this.timer);
    this.timer = this.#remedies = 0;
  }

  /** Restarts ICE. @protected */
  repair() {
    this.rest();
    this.#remedy();
  }

  /** @param {number} time */
  #expect(time) {
    this.timer = setTimeout(() => this.#remedy(), time + (this.outgoing ? 0 : times.courtesy));
  }

  #remedy() {
    if (!this.hooks.online()) return this.#expect(SECOND); // nobody could be told
    switch (this.#remedies++) {
      case 0: this.pc?.restartIce(); this.#changed(); break;
      case 1: if (this.outgoing) this.begin(); break;
      default: return this.hooks.hangUp('failed');
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

/** Returns the session id of the origin line, which stays the same for the life of a peer
 * connection (RFC 8829, 5.2.2). @param {Description} description */
export function sessionOf(description) { return /^o=\S+ (\d+)/m.exec(sdpOf(description))?.[1] ?? ''; }

/** @param {Description} description */
function sdpOf(description) { return typeof description === 'string' ? description : description.sdp ?? ''; }

/** Returns what was thrown as the Error that it is: browsers throw nothing else. @param {unknown} thrown */
export function asError(thrown) { return thrown instanceof Error ? thrown : new Error(String(thrown)); }
