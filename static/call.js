// One call of a Switchboard client: from the first ring to its end, and how it goes on
// when the server does not know of it. client.js makes these, and hands them to whoever
// calls or is called.

import { asError, Negotiation, sessionOf } from './negotiation.js';
/** @import { CallFacts, CallHooks, Description, End, Media, Offer, Vocabularies } from './types.d.ts' */

const attachEvery = 3000; // tries to have the server know of the call again

const tooLate = 'The call has ended before it was answered.';

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

export class Call extends Negotiation {
  since = 0;        // when it was answered
  detached = false; // the server does not know of it

  #words;
  /** @type {Description} theirs, while we are being rung */ #offer = '';
  /** @type {MediaStreamTrack[]} opened for this call, and stopped with it */ #own = [];
  #opening = false;  // what we send is being opened
  #detachedBy = '';  // the reason
  /** @type {(end: End) => void} */ #tellClosed = () => {};

  /** Resolves to the end of the call. @type {Promise<End>} */
  closed = new Promise((resolve) => { this.#tellClosed = resolve; });

  /** @param {CallFacts} facts @param {CallHooks} hooks */
  constructor({ name, callID, vocabulary, outgoing }, hooks) {
    super(hooks);
    this.name = name;
    this.callID = callID ?? null;
    this.outgoing = outgoing;
    /** @type {'calling' | 'incoming' | 'active' | 'over'} */
    this.state = outgoing ? 'calling' : 'incoming';
    this.#words = vocabularies[vocabulary];
  }

  /** How the server finds this call: by its id as soon as that is known. */
  get address() { return this.callID ? { callID: this.callID } : { name: this.name }; }

  /** Answers the call that rings; rejected if it has ended, or media cannot be had.
   * @param {{ media?: Media }} [options] what to send */
  async accept({ media } = {}) {
    if (this.state !== 'incoming') throw new Error(tooLate);
    if (this.#opening) throw new Error('The call is being answered already.');
    await this.#open(media);
    this.#takeUp();
    return this;
  }

  /** Ends the call in whatever state it is: declines, cancels or hangs up.
   * @param {string} [reason] busy, for whoever declines for that */
  hangUp(reason) { this.hooks.hangUp(reason); }

  /** @param {Media} [media] */
  async start(media) {
    try {
      await this.#open(media);
    } catch (error) {
      this.hooks.over('failed', 'us', asError(error).message);
      throw error;
    }
    if (this.outgoing) this.begin();
    else this.#takeUp(); // they have called meanwhile
    return this;
  }

  /** Takes their call in place of ours. @param {Offer} message @param {Description} description */
  yield(message, description) {
    Object.assign(this, { outgoing: false, state: 'incoming' });
    this.disconnect();
    this.attach(message, description);
    if (!this.#opening) this.#takeUp();
  }

  /** Resolves when there is what we send. @param {Media} [media] */
  async #open(media) {
    this.#opening = true;
    try {
      const stream = typeof media === 'function' ? await media() : media;
      if (stream) this.stream = stream;
      if (stream !== media) this.#own = stream?.getTracks() ?? [];
    } finally {
      this.#opening = false;
    }
    if (this.state !== 'over') return;
    this.#stopOwn();
    throw new Error(tooLate);
  }

  #stopOwn() { for (const track of this.#own) track.stop(); }

  #takeUp() {
    this.takeUp(this.#offer);
    if (this.pc) this.#activate();
  }

  heardRinging() { if (this.state === 'calling') this.#say('ringing'); }

  /** @param {Description} description */
  heardOffer(description) {
    if (this.state !== 'incoming') return this.takeOffer(description);
    this.#offer = description; // the first, or a newer one that replaces it
    this.forgetCandidates();
  }

  /** @param {Description} description */
  heardAnswer(description) {
    const again = this.detached;
    if (this.state === 'calling') this.#activate();
    if (again) this.#attached();
    if (again && !this.continues(description)) this.begin(); // their page knows nothing of this connection
    else this.takeAnswer(description);
  }

  /** Looks after the media again, when what was missed has been heard. */
  resumed() {
    if (this.state !== 'active' || this.detached || this.pc?.connectionState === 'connected') return;
    this.repair();
  }

  /** Goes on without the server; returns false if no media flows that could.
   * @param {string} reason why the server does not know of the call */
  detach(reason) {
    const flows = this.pc?.connectionState === 'connected' && !(reason === 'gone' && this.closedByThem);
    if (!this.detached && (this.state !== 'active' || !flows)) return false;
    if (reason !== 'gone' && this.closedByThem) { // the server has not come to tell us
      this.hooks.over('hangup', 'them');
      return true;
    }
    this.rest();
    this.#detachedBy = reason;
    this.detached = true;
    this.callID = null;
    this.hooks.emit('detached', { name: this.name });
    this.reattach();
    return true;
  }

  /** Offers a detached call to the callee anew, with the peer connection that there is.
   * The callee only waits, so that the two do not call each other at once. */
  reattach() {
    if (!this.detached || !this.outgoing || !this.hooks.online()) return;
    this.callID = null;
    this.offerAgain();
  }

  attachLater() {
    this.rest();
    this.timer = setTimeout(() => this.reattach(), attachEvery);
  }

  /** Whether an offer belongs to the peer connection of this call. @param {Description} description */
  continues(description) { return this.theirs !== '' && sessionOf(description) === this.theirs; }

  /** Takes the call that the caller has made anew. @param {Offer} message @param {Description} description */
  attach({ type, name, callID }, description) {
    Object.assign(this, { name, callID });
    this.#words = vocabularies[type];
    if (this.detached) this.#attached();
    this.heardOffer(description);
  }

  #attached() {
    this.detached = false;
    this.rest();
    this.#say('attached');
    this.watch();
  }

  /** @param {End} end */
  close(end) {
    this.state = 'over';
    this.disconnect();
    this.#stopOwn();
    this.#tellClosed(end);
  }

  /** @param {'ringing' | 'answered' | 'attached'} event */
  #say(event) { this.hooks.emit(event, { name: this.name, callID: this.callID ?? '' }); }

  #activate() {
    this.state = 'active';
    this.since = Date.now();
    this.expectMedia();
    this.#say('answered');
  }

  /** The server finds the party to ring by name, and the call to change by its id.
   * @override @protected @param {'offer' | 'answer' | 'candidate'} kind @param {any} payload */
  tell(kind, payload) {
    this.hooks.send({ ...this.#words[kind](payload), ...this.address, ...(kind === 'offer' && { name: this.name }) });
  }

  /** The caller alone makes a detached call anew. @override @protected */
  get mayOffer() { return this.outgoing || !this.detached; }

  /** Ends a call with its media if it is detached, and with their peer connection unless
   * the server can say why that is closed. @override @protected @param {RTCPeerConnectionState} state */
  changed(state) {
    const closed = state === 'closed';
    if (closed && (this.detached || !this.hooks.online())) this.hooks.over('hangup', 'them');
    if (closed || !this.detached) return !closed;
    if (state === 'failed' || (state === 'disconnected' && this.#detachedBy === 'gone')) this.hooks.over(this.#detachedBy, 'server');
    return false;
  }
}
