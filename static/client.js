// A client for Switchboard: sign in, call somebody by name, be called. It knows no DOM
// and needs no library: take this file, socket.js, call.js and negotiation.js along, and
// types.d.ts for their types. Of the browser it needs WebSocket and WebRTC.
//
//   import { SwitchboardClient } from './client.js';
//   const client = new SwitchboardClient('wss://example.org/ws');
//   const media = () => navigator.mediaDevices.getUserMedia({ audio: true, video: true });
//   client.addEventListener('track', (e) => { video.srcObject = e.detail.stream; });
//   client.addEventListener('incoming', ({ detail: { name, call } }) => confirm(name) ? call.accept({ media }) : call.hangUp());
//
//   await client.signIn('ann');
//   const call = await client.call('bob', { media });
//   const { reason } = await call.closed;
//
// The interface Events in types.d.ts lists the events, and what each has in its `detail`.
//
// A promise that is rejected has an Error whose message is for people, and whose `code` is
// the server's if that has refused. `media` is a stream, which stays yours to stop; or a
// function that opens one when it is needed, whose tracks are stopped when the call ends.
//
// Ending what has ended does nothing. Calls outlive the connection to the server
// (docs/protocol/clients.md): what is asked meanwhile is done when it is back.

import { Call } from './call.js';
import { parse, Socket } from './socket.js';
/** @import { Address, CallFacts, Description, Emit, End, Failure, Login, Media } from './types.d.ts' */
/** @import { LoginReply, Offer, Received, Sent, SignedIn, Target } from './types.d.ts' */

const TypedTarget = /** @type {new () => Target} */ (EventTarget);

const EXPIRED = 4002;          // the close code when a token has expired
const REPLACED = [4000, 4003]; // those after which the calls, too, are no longer ours
const UNAWARE = ['gone', 'shutdown']; // ends of which the other side may not know

export class SwitchboardClient extends TypedTarget {
  name = '';
  role = '';
  /** @type {RTCIceServer[]} */ iceServers = [];

  #socket;
  #rtcConfig;
  /** @type {Call | null} there is one at a time */ #current = null;
  /** @type {{ login: Login, resolve(me: SignedIn): void, reject(error: Error): void } | null} who waits for a sign-in */ #asked = null;
  /** @type {Login | null} who is or was signed in, for when a token is needed */ #me = null;
  /** @type {Call | null} that ended while detached: the other side may not know that it is over */ #old = null;
  #left = ''; // whose call we left last, while words about it may be under way

  /** @param {string | URL} url @param {{ rtcConfig?: RTCConfiguration }} [options] rtcConfig is for the
   *   peer connections, and comes before what the server says */
  constructor(url, { rtcConfig = {} } = {}) {
    super();
    this.#rtcConfig = rtcConfig;
    this.#socket = new Socket(String(url), {
      emit: (event, detail) => this.#emit(event, detail),
      hear: (message) => this.#hear(message),
      forgotten: (code) => this.#forgotten(code),
    });
  }

  get state() { return this.#socket.state; }
  get currentCall() { return this.#current; }
  get callID() { return this.#current?.callID ?? null; }
  get pc() { return this.#current?.pc ?? null; }

  connect() { this.#socket.connect(); }

  /** Looks whether the connection to the server is alive: for when the network has changed. */
  check() { this.#socket.check(); }

  /** Connects if need be, and signs in again after each loss of the connection. Resolves when
   * one is signed in. Whoever is so already is refused, and stays signed in as before.
   * @param {string} name which may be '' if a token has it
   * @param {{ role?: string, token?: string }} [options] @returns {Promise<SignedIn>} */
  signIn(name, { role, token } = {}) {
    return this.#ask({ type: 'login', ...(name && { name }), ...(role && { role }), ...(token && { token }), resume: true });
  }

  /** Shows the server a new token, when `tokenneeded` has asked for one. @param {string} token */
  renew(token) {
    if (this.state === 'signed-in') return this.#ask({ type: 'login', token });
    return this.#ask({ type: 'login', resume: true, ...this.#me, token });
  }

  signOut() {
    this.hangUp();
    this.#socket.close();
  }

  /** Asks for the event `users`; returns false if there is no connection. */
  users() { return this.send({ type: 'users' }); }

  /** Sends a message, if need be as soon as the connection is back; returns false if there
   * is none that could come back. @param {Sent} message */
  send(message) { return this.#socket.send(JSON.stringify(message)); }

  /** Sends a frame as it is, right or wrong: to learn what the server says. @param {string} text */
  sendText(text) {
    if (!this.#socket.send(text)) return false;
    const message = /** @type {Partial<Sent> & { reason?: string }} */ (parse(text) ?? {});
    if (this.#endedBy(message)) this.#leave(message.reason);
    return true;
  }

  /** Rings somebody: a teacher by `request-call`, everybody else by `offer`. Resolves to the
   * call when it has begun, before it is answered; its `closed` tells how it ends.
   * @param {string} name whom to call
   * @param {{ media?: Media }} [options] what to send */
  async call(name, { media } = {}) {
    if (this.#current) throw new Error(`You are in a call with ${this.#current.name}.`);
    if (!this.#socket.login) throw new Error('You are not signed in.');
    if (this.state !== 'signed-in') throw new Error('You are not signed in yet: there is no connection to the server.');
    // A call has no id until the other side is heard, and whoever has just left one
    // with the same person may still hear of that. `users` is answered in its turn:
    // what comes before that answer is not about the new call.
    if (sameName(name, this.#left)) this.users();
    else this.#left = '';
    const vocabulary = this.role.toLowerCase() === 'teacher' ? 'request-call' : 'offer';
    return this.#newCall({ name, vocabulary, outgoing: true }).start(media);
  }

  /** Ends the call in whatever state it is: declines, cancels or hangs up.
   * @param {string} [reason] @param {string} [message] more to say about it in `ended` */
  hangUp(reason, message) {
    if (!this.#current) return;
    this.send({ type: 'leave', ...this.#current.address, ...(reason && { reason }) });
    this.#leave(reason, message);
  }

  /** @param {Login} login @returns {Promise<SignedIn>} */
  #ask(login) {
    this.#asked?.reject(new Error('Another sign-in has taken the place of this one.'));
    if (this.state !== 'signed-in') this.#me = login;
    return new Promise((resolve, reject) => {
      this.#asked = { login, resolve, reject };
      this.#socket.signIn(login);
    });
  }

  /** @type {Emit} */
  #emit(event, detail) { this.dispatchEvent(new CustomEvent(event, { detail })); }

  /** Goes on without what the server knew of us. @param {number} code of the connection's end */
  #forgotten(code) {
    this.#left = '';
    if (!this.#socket.login) this.#asked?.reject(new Error('The connection to the server has ended.'));
    if (REPLACED.includes(code)) this.#end('lost', 'server');
    else this.#detach('lost', 'server');
    if (code === EXPIRED) this.#emit('tokenneeded', {});
  }

  /** @param {Received} message */
  #hear(message) {
    switch (message.type) {
      case 'login': return this.#heardLogin(message);
      case 'token-expiring': return this.#emit('tokenneeded', { expiresIn: message.expiresIn });
      case 'ice-servers': return this.#renewServers(message.iceServers);
      case 'users': this.#left = ''; return this.#emit('users', message);
      case 'offer': return this.#heardOffer(message, message.offer);
      case 'request-call': return this.#heardOffer(message, message.sdp);
      case 'ringing': return this.#mine(message)?.heardRinging();
      case 'answer': return this.#mine(message)?.heardAnswer(message.answer);
      case 'respond-call': return this.#mine(message)?.heardAnswer(message.sdp);
      case 'candidate': return this.#mine(message)?.addCandidate(message.candidate);
      // Its other fields are the candidate's own: a name among them would be the other side's word.
      case 'new-ice-candidate': return this.#mine({ callID: message.callID })?.addCandidate(message);
      case 'leave': return this.#mine(message) && this.#heardLeave(message.reason);
      case 'error': return this.#heardError(message);
    }
  }

  /** @param {LoginReply} message */
  #heardLogin(message) {
    if (message.success && message.resumed) {
      this.#renewServers(message.iceServers);
      return this.#current?.resumed();
    }
    if (!message.success && message.code === 'unavailable') return; // it says by 1012 when to come back
    const asked = this.#asked;
    this.#asked = null;
    if (!message.success) {
      if (this.state !== 'signed-in') this.#socket.login = null; // the same would be refused again
      asked?.reject(Object.assign(new Error(message.message), { code: message.code }));
      this.#emit('refused', { ...message, request: 'login' });
      return message.code === 'bad-token' ? this.#emit('tokenneeded', {}) : undefined;
    }
    const { name, role = '', iceServers = [] } = message;
    Object.assign(this, { name, role });
    this.#renewServers(iceServers);
    this.#me ??= this.#socket.login; // typed by hand
    if (asked?.login.token) Object.assign(this.#me ?? {}, { token: asked.login.token });
    this.#emit('signedin', { name, role, iceServers });
    asked?.resolve({ name, role, iceServers });
    this.#current?.reattach();
  }

  #renewServers(/** @type {RTCIceServer[]} */ iceServers = []) {
    this.iceServers = iceServers;
    this.#current?.renewServers();
  }

  /** @param {Offer} message @param {Description} description */
  #heardOffer(message, description) {
    const call = this.#current;
    const { name, callID } = message;
    if (call && call.callID === callID) return call.heardOffer(description);
    if (call && sameName(call.name, name)) {
      if (call.continues(description)) return call.attach(message, description);
      // Both called at once, and the other offer came first: it made the call.
      // We wanted to talk, so its offer is answered in place of ours.
      if (call.state === 'calling') return call.yield(message, description);
      if (call.detached) this.#end('gone', 'them'); // whoever calls by another connection has left that one
    }
    if (this.#old?.continues(description)) return void this.send({ type: 'leave', callID });
    if (this.#current) {
      this.send({ type: 'leave', callID, reason: 'busy' });
      return this.#emit('missed', { name, callID });
    }
    const rings = this.#newCall({ name, callID, vocabulary: message.type, outgoing: false });
    rings.heardOffer(description);
    this.#emit('incoming', { name, callID, call: rings });
  }

  /** @param {string} reason */
  #heardLeave(reason) {
    if (UNAWARE.includes(reason)) this.#detach(reason, 'them');
    else this.#end(reason, 'them');
  }

  /** @param {Failure} error */
  #heardError(error) {
    const call = this.#current;
    const offered = error.request === 'offer' || error.request === 'request-call';
    if (error.request === 'users') this.#left = '';
    if (error.code === 'bad-token') this.#emit('tokenneeded', {});
    if (offered && call?.detached) return call.attachLater();
    if (offered && call?.state === 'calling') {
      if (!this.#left) this.#end(error.code, 'server', error.message);
      return;
    }
    if (error.code === 'glare') return; // settled: theirs is the call
    if (error.code === 'no-such-call') { // ours, or late words about an earlier one
      if (call?.callID && error.callID === call.callID) this.#end('gone', 'server');
      return;
    }
    const change = Boolean(offered && call?.changeRefused());
    this.#emit('refused', { ...error, change });
  }

  /** Returns the present call if a message belongs to it, and takes from the message
   * what the server knows better: the call's id and the other's name as spelt there.
   * @param {Address} message */
  #mine({ callID, name }) {
    const call = this.#current;
    if (!call) return null;
    if (call.callID ? callID !== call.callID : this.#left || !sameName(name, call.name)) return null;
    call.callID = callID ?? call.callID;
    call.name = name ?? call.name;
    return call;
  }

  /** @param {CallFacts} facts */
  #newCall(facts) {
    const call = new Call(facts, {
      config: () => ({ iceServers: this.iceServers, ...this.#rtcConfig }),
      online: () => this.state === 'signed-in',
      send: (message) => this.send(message),
      emit: (event, detail) => this.#emit(event, detail),
      hangUp: (reason, message) => call === this.#current && this.hangUp(reason, message),
      over: (reason, by, message) => call === this.#current && this.#end(reason, by, message),
    });
    this.#current = call;
    return call;
  }

  /** Returns whether a message of ours ends the present call, as the server reads it:
   * whatever its reason says, and an empty field is an absent one.
   * @param {{ type?: string } & Address} message */
  #endedBy({ type = '', name, callID }) {
    const call = this.#current;
    return call && ['leave', 'end-call'].includes(type)
      && (callID || call.callID) === call.callID && sameName(String(name || call.name), call.name);
  }

  /** Ends the call on this side, after the server was told. The reason follows from the
   * state, as on the server, unless it is one that only we know.
   * @param {string} [reason] @param {string} [message] */
  #leave(reason, message) {
    if (!this.#current) return;
    const { name, state } = this.#current;
    const known = reason === 'failed' || (reason === 'busy' && state === 'incoming');
    this.#left = name;
    this.#end(known ? reason : { incoming: 'declined', calling: 'cancelled', active: 'hangup', over: '' }[state], 'us', message);
  }

  /** Lets a call go on that the server does not know any more, or ends it if nothing flows.
   * @param {string} reason @param {End['by']} by */
  #detach(reason, by) {
    if (this.#current && !this.#current.detach(reason)) this.#end(reason, by);
  }

  /** @param {string} reason @param {End['by']} by @param {string} [message] */
  #end(reason, by, message) {
    const call = this.#current;
    if (!call) return;
    this.#current = null;
    this.#old = call.detached ? call : null;
    const { name, callID, outgoing, since } = call;
    const seconds = since ? (Date.now() - since) / 1000 : 0;
    const end = { name, callID, reason, by, outgoing, answered: since > 0, seconds, message };
    call.close(end);
    this.#emit('ended', end);
  }
}

/** Returns what is compared of a name: as close to the server's key as a page needs. @param {string} name */
export function nameKey(name) { return name.normalize('NFKC').toLowerCase().trim(); }

export function sameName(a = '', b = '') { return nameKey(a) === nameKey(b); }
