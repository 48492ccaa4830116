// Calling is the one call that this page makes, takes or is in, from the click that
// wants it to its end.
//
// Our side of it is an attempt: whom we talk to, and the capture that sends. It begins
// before the call, while the camera opens, and ends with it. Somebody else may ring
// meanwhile; both are shown then, and neither is dropped without a word.

import { sameName } from './client.js';
import { Capture } from './capture.js';
import { isolate } from './names.js';
import { capital, endedWords } from './words.js';

const ringsAfter = 1000; // callers without a role hear of a refusal, and not that it rings

export class Calling extends EventTarget {
  attempt = null; // { name, dialled, capture, callID, opened, begun, answeredAt, connected, room }
  progress = '';  // how far it is, in a sentence
  short = '';     // the same beside the picture, where the name stands already
  ending = '';    // what ended the last one

  #client;
  #isHere; // whether a name is in the list
  #timer = 0;

  // A change of what is to be seen is told by `changed`, an attempt that begins and
  // what is missing for it by `opening` and `opened`, one that made way by `aside`.
  constructor(client, isHere) {
    super();
    this.#client = client;
    this.#isHere = isHere;
    const on = (event, act) => client.addEventListener(event, ({ detail }) => act(detail));
    on('incoming', () => this.#rung());
    on('ringing', () => this.#rings());
    on('answered', () => this.#answered());
    on('connection', ({ state }) => this.#connectionChanged(state));
    on('ended', (end) => this.#ended(end));
  }

  // ringing is who rings here and waits for us to accept or decline, or ''.
  get ringing() {
    const call = this.#client.currentCall;
    return call?.state === 'incoming' && !this.#answers(call) ? call.name : '';
  }

  // party is the other side of the attempt, as a sentence speaks of it.
  get party() { return (this.attempt.room ? 'room ' : '') + isolate(this.attempt.name); }

  get phase() {
    if (!this.attempt) return 'none';
    return this.attempt.answeredAt ? 'active' : this.attempt.callID ? 'answering' : 'calling';
  }

  // place calls somebody; dialled says that the name was typed, not taken from the list.
  place(name, dialled = false) {
    if (this.attempt || this.#client.currentCall) return;
    if (dialled) this.#client.users(); // to tell a person from a room
    this.#open({ name, dialled });
    this.#say(`Calling ${this.party}…`, 'Calling…');
  }

  accept() {
    if (!this.ringing) return;
    const { name, callID } = this.#client.currentCall;
    const { attempt: other } = this;
    this.#open({ name, callID }, other?.capture);
    if (other) this.#emit('aside', { instead: name, name: other.name });
    this.#say(`Answering ${this.party}…`, 'Answering…');
  }

  decline() { if (this.ringing) this.#client.decline(); }

  hangUp() {
    const { attempt } = this;
    if (!attempt) return;
    if (attempt.begun || attempt.callID) this.#client.hangUp();
    else this.#close(endedWords({ name: attempt.name, reason: 'cancelled', by: 'us' }, this.party));
  }

  async #open(facts, capture = new Capture()) {
    const attempt = { ...facts, capture };
    this.attempt = attempt;
    this.ending = '';
    this.#emit('opening', attempt);
    const problem = await capture.open();
    if (attempt !== this.attempt) return; // given up meanwhile
    attempt.opened = true;
    this.#emit('opened', problem);
    this.#begin();
  }

  // begin makes the call, or answers the one that rings from the same person. While
  // somebody else rings it waits for that to be decided.
  async #begin() {
    const { attempt } = this;
    const call = this.#client.currentCall;
    if (!attempt?.opened || attempt.begun) return;
    if (this.ringing) return this.#say(`${isolate(this.ringing)} is calling; your call to ${this.party} waits…`, 'Waiting…');
    attempt.begun = true;
    try {
      if (call || attempt.callID) return await this.#client.accept(attempt.capture.stream, attempt.callID);
      this.#say(`Calling ${this.party}…`, 'Calling…');
      const begun = this.#client.call(attempt.name, attempt.capture.stream);
      if (!this.#client.role) this.#timer = setTimeout(() => this.#rings(), ringsAfter);
      await begun;
    } catch (error) {
      if (attempt === this.attempt) this.#close(`The call ${attempt.callID ? 'from' : 'to'} ${this.party} was not made. ${error.message}`);
    }
  }

  // answers says whether the attempt is our answer to a call that rings: we have
  // accepted it, or are about to call the same person.
  #answers({ name, callID }) {
    const { attempt } = this;
    if (!attempt) return false;
    return attempt.callID ? attempt.callID === callID : !attempt.begun && sameName(attempt.name, name);
  }

  #rung() {
    if (this.ringing) this.#changed();
    else this.#begin();
  }

  #rings() {
    const { attempt } = this;
    if (!attempt?.begun || attempt.answeredAt) return;
    this.#say(`Ringing ${this.party}…`, 'Ringing…');
  }

  #answered() {
    const { attempt } = this;
    if (!attempt) return; // by a message typed in the panel
    clearTimeout(this.#timer);
    attempt.answeredAt = Date.now();
    attempt.name = this.#client.currentCall.name; // as the server spells it
    attempt.room = Boolean(attempt.dialled) && !this.#isHere(attempt.name);
    this.#say(`Connecting to ${this.party}…`, 'Connecting…');
  }

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

  #ended(end) {
    const { attempt } = this;
    if (!attempt) this.#close(endedWords(end));
    else if (attempt.begun || attempt.callID === end.callID) this.#close(endedWords(end, this.party));
    else this.#begin(); // somebody else rang, and our own call has waited
    this.#changed();
  }

  #close(words) {
    clearTimeout(this.#timer);
    this.attempt?.capture.end();
    this.attempt = null;
    this.progress = '';
    this.ending = words;
    this.#changed();
  }

  #say(text, short = '') {
    this.progress = capital(text);
    this.short = short;
    this.#changed();
  }

  #changed() { this.#emit('changed'); }

  #emit(event, detail) { this.dispatchEvent(new CustomEvent(event, { detail })); }
}
