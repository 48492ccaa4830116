// Calling is the one call that this page makes, takes or is in, from the click that
// wants it to its end.
//
// Our side of it is an attempt: whom we talk to, and the capture that sends. It begins
// before the call, while the camera opens, and ends with it. Somebody else may ring
// meanwhile; both are shown then, and neither is dropped without a word.

import { asError } from './negotiation.js';
import { Capture } from './capture.js';
import { sameName } from './client.js';
import { isolate } from './names.js';
import * as notices from './notices.js';
import { client, on, view } from './switchboard.js';
import { cancelledWords, endedWords, noMediaWords } from './words.js';
/** @import { Call } from './call.js' */
/** @import { End, User } from './types.d.ts' */

/** Our side of a call: whom it is with, how far it is, and what it sends.
 * @typedef {{ name: string, capture: Capture, dialled?: boolean, call?: Call, room?: boolean,
 *   opened?: boolean, begun?: boolean, answeredAt?: number, connected?: boolean }} Attempt */

const ringsAfter = 1000; // callers without a role hear of a refusal, and not that it rings

class Calling {
  /** @type {Attempt | null} */ attempt = null;
  progress = '';  // how far it is, in a sentence
  short = '';     // the same beside the picture, where the name stands already
  ending = '';    // what ended the last one

  /** @type {(capture: Capture) => void} told what opens for a call */ onopening = () => {};
  /** @type {(name: string) => void} told who was not called, since another call was taken */ onaside = () => {};

  /** @type {User[]} */ #users = [];
  #timer = 0;

  constructor() {
    on('users', ({ users }) => { this.#users = users; });
    on('incoming', () => (this.ringing ? view.render() : this.#begin()));
    on('ringing', () => this.#rings());
    on('answered', ({ name }) => this.#answered(name));
    for (const event of /** @type {const} */ (['detached', 'attached'])) on(event, () => view.render());
    on('connection', ({ state }) => this.#connectionChanged(state));
    on('ended', (end) => this.#ended(end));
  }

  /** Who rings here and waits for us to accept or decline, or ''. */
  get ringing() {
    const call = client.currentCall;
    return call?.state === 'incoming' && !this.#answers(call) ? call.name : '';
  }

  /** What is to be heard now: the ring, what callers hear, or nothing. */
  get tune() {
    if (this.ringing) return 'incoming';
    return this.attempt?.begun && this.phase === 'calling' ? 'outgoing' : '';
  }

  /** The other side of the attempt, as a sentence speaks of it. */
  get party() { return this.attempt ? (this.attempt.room ? 'room ' : '') + isolate(this.attempt.name) : ''; }

  get phase() {
    if (!this.attempt) return 'none';
    return this.attempt.answeredAt ? 'active' : this.attempt.call ? 'answering' : 'calling';
  }

  /** How far it is, beside the picture. A call that is connected needs no server. */
  get caption() {
    if (!this.attempt?.connected || this.short) return this.short;
    if (client.state !== 'signed-in') return 'No connection to the server; the call goes on';
    return client.currentCall?.detached ? 'The other side has no connection to the server; the call goes on' : '';
  }

  /** Calls somebody; dialled says that the name was typed, not taken from the list. @param {string} name */
  place(name, dialled = false) {
    if (this.attempt || client.currentCall) return;
    if (dialled) client.users(); // to tell a person from a room
    this.#open({ name, dialled, capture: new Capture() });
    this.#say(`Calling ${this.party}…`, 'Calling…');
  }

  accept() {
    const [call, other] = [client.currentCall, this.attempt];
    if (!call || !this.ringing) return;
    const { name } = call;
    this.#open({ name, call, capture: other?.capture ?? new Capture() });
    if (other) {
      this.onaside(other.name);
      notices.show('aside', {
        title: `You have taken the call from ${isolate(name)}.`,
        text: `${isolate(other.name)} was not called. You find the name among your missed calls.`,
      });
    }
    this.#say(`Answering ${this.party}…`, 'Answering…');
  }

  decline() { if (this.ringing) client.hangUp(); }

  hangUp() {
    const { attempt } = this;
    if (!attempt) return;
    if (attempt.begun || attempt.call) client.hangUp();
    else this.#close(cancelledWords(this.party));
  }

  /** @param {Attempt} attempt */
  async #open(attempt) {
    this.attempt = attempt;
    this.ending = '';
    notices.clear('ice', 'refused', 'share', 'aside');
    this.onopening(attempt.capture);
    const problem = await attempt.capture.open();
    if (attempt !== this.attempt) return; // given up meanwhile
    attempt.opened = true;
    notices.show('media', problem);
    this.#begin();
  }

  /** Makes the call, or answers the one that rings from the same person. While somebody
   * else rings it waits for that to be decided. */
  async #begin() {
    const { attempt } = this;
    if (!attempt?.opened || attempt.begun) return;
    if (this.ringing) return this.#say(`${isolate(this.ringing)} is calling; your call to ${this.party} waits…`, 'Waiting…');
    attempt.begun = true;
    const { name, capture, call = client.currentCall } = attempt;
    const media = capture.stream;
    try {
      if (call) return void await call.accept({ media });
      this.#say(`Calling ${this.party}…`, 'Calling…');
      const begun = client.call(name, { media });
      if (!client.role) this.#timer = setTimeout(() => this.#rings(), ringsAfter);
      await begun;
    } catch (error) {
      if (attempt === this.attempt) this.#close(`The call ${call ? 'from' : 'to'} ${this.party} was not made. ${asError(error).message}`);
    }
  }

  /** Says whether the attempt is our answer to a call that rings: we have accepted it, or
   * are about to call the same person.
   * @param {Call} call */
  #answers(call) {
    const { attempt } = this;
    if (!attempt) return false;
    return attempt.call ? attempt.call === call : !attempt.begun && sameName(attempt.name, call.name);
  }

  #rings() {
    const { attempt } = this;
    if (!attempt?.begun || attempt.answeredAt) return;
    this.#say(`Ringing ${this.party}…`, 'Ringing…');
  }

  /** @param {string} name as the server spells it */
  #answered(name) {
    const { attempt } = this;
    if (!attempt) return; // by a message typed in the panel
    clearTimeout(this.#timer);
    attempt.answeredAt = Date.now();
    attempt.name = name;
    attempt.room = Boolean(attempt.dialled) && !this.#users.some((user) => sameName(user.name, name));
    this.#say(`Connecting to ${this.party}…`, 'Connecting…');
  }

  /** @param {RTCPeerConnectionState} state */
  #connectionChanged(state) {
    const { attempt } = this;
    if (!attempt?.answeredAt) return;
    if (state === 'connected') {
      attempt.connected = true;
      this.#say(`In a call with ${this.party}`);
    } else if (state === 'disconnected' || state === 'failed') {
      this.#say(`The connection to ${this.party} is interrupted; trying to repair it…`, 'Interrupted; trying to repair it…');
    }
  }

  /** @param {End} end */
  #ended(end) {
    const { attempt } = this;
    if (!attempt) this.#close(endedWords(end));
    else if (attempt.begun || attempt.call?.state === 'over') this.#close(endedWords(end, this.party));
    else this.#begin(); // somebody else rang, and our own call has waited
    if (!this.attempt) notices.clear('aside'); // the list of missed calls says it
    if (end.reason === 'failed' && end.by === 'us' && !end.message) notices.show('ice', noMediaWords(client.iceServers));
    view.render();
  }

  /** @param {string} words */
  #close(words) {
    clearTimeout(this.#timer);
    this.attempt?.capture.end();
    this.attempt = null;
    this.progress = '';
    this.ending = words;
    view.render();
  }

  /** @param {string} text */
  #say(text, short = '') {
    this.progress = text;
    this.short = short;
    view.render();
  }
}

export const calling = new Calling();
