// A client for Switchboard: sign in, call somebody by name, be called. It knows no DOM
// and needs no library: take this file and call.js along, and types.d.ts for their types.
//
//   import { SwitchboardClient } from './client.js';
//   const client = new SwitchboardClient('wss://example.org/ws');
//   const on = (event, act) => client.addEventListener(event, (e) => act(e.detail));
//
//   let media = null;
//   const stop = () => media?.getTracks().forEach((track) => track.stop());
//   async function talk(begin) {
//     try {
//       await begin(media = await navigator.mediaDevices.getUserMedia({ audio: true, video: true }));
//     } catch (error) { // no camera, or the call has ended while it opened
//       stop(), alert(error.message);
//     }
//   }
//   on('incoming', ({ name, callID }) => confirm(name) ? talk((m) => client.accept(m, callID)) : client.decline());
//   on('track', ({ stream }) => { video.srcObject = stream; });
//   on('ended', ({ name, reason }) => { stop(); console.log(name, reason); });
//   on('signedin', () => talk((m) => client.call('bob', m)));
//   client.signIn('ann');
//
// The interface Events in types.d.ts lists the events, and what each has in its `detail`.
//
// call, accept, setTrack and share return promises, which are rejected with an Error
// whose message is for people if nothing was done: not signed in, in another call, or
// the call has ended meanwhile. Then `ended` tells the end. Ending what has ended does nothing.
// Tracks belong to whoever opened them, from first to last: this client sends them and
// stops none. Stop them when a promise is rejected, and when the call has ended.

import { Call } from './call.js';
/** @import { Address, Answer, CallFacts, Description, Emit, End, Failure, Login } from './types.d.ts' */
/** @import { LoginReply, Offer, Received, Sent, Standing, Target } from './types.d.ts' */

const SECOND = 1000;

const times = {
  open: 10 * SECOND,                  // for a socket to open
  backOff: [SECOND / 2, 10 * SECOND], // first and longest wait before it is tried again
  restart: 5 * SECOND,                // over which clients spread their return to a restarting server
};

const RESTARTING = 1012; // the close code of a server that comes back

const TypedTarget = /** @type {new () => Target} */ (EventTarget);

export class SwitchboardClient extends TypedTarget {
  /** @type {Standing['state']} */ state = 'offline';
  name = '';
  role = '';
  /** @type {RTCIceServer[]} */ iceServers = [];

  #url;
  /** @type {WebSocket | null} */ #socket = null;
  /** @type {Login | null} whom to sign in, again after each loss of the socket */ #login = null;
  /** @type {Call | null} there is one at a time */ #current = null;
  #attempt = 0; // tries since the last sign-in
  #timer = 0;   // until the next try, or until this one has taken too long
  #left = '';   // whose call we left last, while words about it may be under way

  /** @param {string | URL} url */
  constructor(url) {
    super();
    this.#url = String(url);
  }

  get currentCall() { return this.#current; }
  get callID() { return this.#current?.callID ?? null; }
  get pc() { return this.#current?.pc ?? null; }
  get sharing() { return this.#current?.sharing ?? false; }

  connect() {
    if (this.#socket) return;
    clearTimeout(this.#timer);
    const socket = new WebSocket(this.#url);
    let opened = false;
    socket.onopen = () => {
      opened = true;
      clearTimeout(this.#timer);
      this.#become({ state: 'open' });
      if (this.#login) this.send(this.#login);
    };
    socket.onmessage = ({ data }) => this.#hear(data);
    socket.onclose = ({ code }) => this.#lost(code, opened);
    this.#socket = socket;
    this.#timer = setTimeout(() => socket.close(), times.open);
    this.#become({ state: 'connecting' });
  }

  /** Connects if need be, and signs in again after each loss of the connection. Whoever is
   * signed in already is refused by the server, and stays signed in as before.
   * @param {string} name @param {string} [role] */
  signIn(name, role = '') {
    /** @type {Login} */
    const login = { type: 'login', name, ...(role && { role }) };
    if (this.state !== 'signed-in') this.#login = login;
    if (!this.send(login)) this.connect();
  }

  signOut() {
    this.hangUp();
    this.#login = null;
    this.#attempt = 0;
    const socket = this.#socket;
    if (socket) {
      socket.onopen = socket.onmessage = socket.onclose = null; // over at once, so that one may sign in again
      socket.close(1000);
    }
    this.#lost(1000, true);
  }

  users() { this.send({ type: 'users' }); }

  /** Sends a message; returns false if there is no connection. @param {Sent} message */
  send(message) { return this.#write(JSON.stringify(message)); }

  /** Sends a frame as it is, right or wrong: to learn what the server says. @param {string} text */
  sendText(text) {
    if (!this.#write(text)) return false;
    const message = /** @type {Partial<Sent> & { reason?: string }} */ (parse(text) ?? {});
    if (this.#endedBy(message)) this.#leave(message.reason);
    return true;
  }

  /** Rings somebody: a teacher by `request-call`, everybody else by `offer`.
   * @param {string} name whom to call
   * @param {MediaStream} [stream] what to send */
  async call(name, stream) {
    if (!this.#login) throw new Error('You are not signed in.');
    if (this.state !== 'signed-in') throw new Error('You are not signed in yet: there is no connection to the server.');
    if (this.#current) throw new Error(`You are in a call with ${this.#current.name}.`);
    // A call has no id until the other side is heard, and whoever has just left one
    // with the same person may still hear of that. `users` is answered in its turn:
    // what comes before that answer is not about the new call.
    if (sameName(name, this.#left)) this.users();
    else this.#left = '';
    const vocabulary = this.role.toLowerCase() === 'teacher' ? 'request-call' : 'offer';
    this.#newCall({ name, vocabulary, outgoing: true }).start(stream);
  }

  /** Answers the call that rings.
   * @param {MediaStream} [stream] what to send
   * @param {string | null} [callID] which call is meant, as `incoming` told it: while a
   *   camera opens, one call may end and another begin to ring */
  async accept(stream, callID = this.callID) {
    const call = this.#current;
    if (call?.state !== 'incoming' || call.callID !== callID) throw new Error('The call has ended before it was answered.');
    this.#accept(call, stream);
  }

  decline() { if (this.#current?.state === 'incoming') this.hangUp(); }

  /** Ends the call in whatever state it is: declines, cancels or hangs up.
   * @param {string} [reason] @param {string} [message] more to say about it in `ended` */
  hangUp(reason, message) {
    if (!this.#current) return;
    this.send({ type: 'leave', ...this.#current.address, ...(reason && { reason }) });
    this.#leave(reason, message);
  }

  /** Changes what one sends; null stops sending. The other side is told by renegotiation.
   * @param {'audio' | 'video'} kind @param {MediaStreamTrack | null} track */
  async setTrack(kind, track) { await this.#sending().setTrack(kind, track); }

  /** Adds a picture of the screen beside that of the camera, in the same call. @param {MediaStreamTrack} track */
  async share(track) {
    if (this.sharing) throw new Error('A screen is being shared already.');
    this.#sending().share(track);
  }

  unshare() { this.#current?.unshare(); }

  #sending() {
    if (!this.#current?.pc) throw new Error('There is no call in which to send it.');
    return this.#current;
  }

  /** @type {Emit} */
  #emit(event, detail) { this.dispatchEvent(new CustomEvent(event, { detail })); }

  /** @param {Standing} standing */
  #become(standing) {
    this.state = standing.state;
    this.#emit('state', standing);
  }

  /** @param {string} text */
  #write(text) {
    if (this.#socket?.readyState !== WebSocket.OPEN) return false;
    this.#socket.send(text);
    this.#emit('message', { direction: 'out', text });
    return true;
  }

  /** @param {number} code @param {boolean} opened */
  #lost(code, opened) {
    clearTimeout(this.#timer);
    this.#socket = null;
    this.#left = '';
    this.#end('lost', 'server');
    if (!this.#login) return this.#become({ state: 'offline', code, opened });
    const retryIn = this.#wait(code);
    this.#timer = setTimeout(() => this.connect(), retryIn);
    this.#become({ state: 'waiting', code, opened, retryIn });
  }

  /** Returns a time that grows from try to try, and spreads the returning clients. @param {number} code */
  #wait(code) {
    const [first, longest] = times.backOff;
    const most = Math.min(longest, first * 2 ** this.#attempt++);
    if (code === RESTARTING) return first + Math.random() * (times.restart - first);
    return most * (1 - Math.random() / 2);
  }

  /** @param {string} text */
  #hear(text) {
    this.#emit('message', { direction: 'in', text });
    const message = /** @type {Received | undefined} */ (parse(text));
    switch (message?.type) {
      case 'login': return this.#heardLogin(message);
      case 'ice-servers': this.iceServers = message.iceServers; return this.#current?.renewServers();
      case 'users': this.#left = ''; return this.#emit('users', message);
      case 'offer': return this.#heardOffer(message, message.offer);
      case 'request-call': return this.#heardOffer(message, message.sdp);
      case 'ringing': return this.#tell('ringing', this.#mine(message));
      case 'answer': return this.#heardAnswer(message, message.answer);
      case 'respond-call': return this.#heardAnswer(message, message.sdp);
      case 'candidate': return this.#mine(message)?.addCandidate(message.candidate);
      // Its other fields are the candidate's own: a name among them would be the other side's word.
      case 'new-ice-candidate': return this.#mine({ callID: message.callID })?.addCandidate(message);
      case 'leave': return this.#mine(message) && this.#end(message.reason, 'them');
      case 'error': return this.#heardError(message);
    }
  }

  /** @param {LoginReply} message */
  #heardLogin(message) {
    if (message.success === false) {
      if (this.state !== 'signed-in') this.#login = null; // the same name would be refused again
      return this.#emit('refused', { ...message, request: 'login' });
    }
    const { name, role = '', iceServers = [] } = message;
    Object.assign(this, { name, role, iceServers });
    this.#login ??= { type: 'login', name, ...(role && { role }) };
    this.#attempt = 0;
    this.#become({ state: 'signed-in' });
    this.#emit('signedin', { name, role, iceServers });
  }

  /** @param {Offer} message @param {Description} description */
  #heardOffer(message, description) {
    const call = this.#current;
    const { name, callID } = message;
    if (call && call.callID === callID) return call.heardOffer(description);
    // Both called at once, and the other offer came first: it made the call.
    // We wanted to talk, so its offer is answered in place of ours.
    if (call?.state === 'calling' && sameName(call.name, name)) {
      call.close();
      return this.#accept(this.#rung(message, description), call.stream);
    }
    if (call) {
      this.send({ type: 'leave', callID, reason: 'busy' });
      return this.#emit('missed', { name, callID });
    }
    this.#rung(message, description);
    this.#emit('incoming', { name, callID });
  }

  /** @param {Offer} message @param {Description} description */
  #rung({ type, name, callID }, description) {
    const call = this.#newCall({ name, callID, vocabulary: type, outgoing: false });
    call.heardOffer(description);
    return call;
  }

  /** @param {Call} call @param {MediaStream} [stream] */
  #accept(call, stream) {
    call.accept(stream);
    this.#tell('answered', this.#current);
  }

  /** @param {Answer} message @param {Description} description */
  #heardAnswer(message, description) {
    const call = this.#mine(message);
    const first = call?.state === 'calling';
    call?.heardAnswer(description);
    if (first) this.#tell('answered', call);
  }

  /** @param {'ringing' | 'answered'} event @param {Call | null} call */
  #tell(event, call) {
    if (call) this.#emit(event, { name: call.name, callID: call.callID ?? '' });
  }

  /** @param {Failure} error */
  #heardError(error) {
    const call = this.#current;
    const offered = error.request === 'offer' || error.request === 'request-call';
    if (error.request === 'users') this.#left = '';
    if (offered && call?.state === 'calling') {
      if (!this.#left) this.#end(error.code, 'server', error.message);
      return;
    }
    if (error.code === 'glare') return; // settled: theirs is the call
    if (error.code === 'no-such-call') { // ours, or late words about an earlier one
      if (call && error.callID === call.callID) this.#end('gone', 'server');
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
      iceServers: () => this.iceServers,
      send: (message) => this.send(message),
      emit: (event, detail) => this.#emit(event, detail),
      fail: (message) => call === this.#current && this.hangUp('failed', message),
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

  /** Ends the call on this side as the server, to which we have said so, ends it on the
   * other. Like the server, it goes by the state unless only we can know.
   * @param {string} [reason] @param {string} [message] */
  #leave(reason, message) {
    if (!this.#current) return;
    const { name, state } = this.#current;
    const known = reason === 'failed' || (reason === 'busy' && state === 'incoming');
    this.#left = name;
    this.#end(known ? reason : { incoming: 'declined', calling: 'cancelled', active: 'hangup' }[state], 'us', message);
  }

  /** @param {string} reason @param {End['by']} by @param {string} [message] */
  #end(reason, by, message) {
    const call = this.#current;
    if (!call) return;
    this.#current = null;
    call.close();
    const { name, callID, outgoing, since } = call;
    const seconds = since ? (Date.now() - since) / SECOND : 0;
    this.#emit('ended', { name, callID, reason, by, outgoing, answered: since > 0, seconds, message });
  }
}

/** Returns what a text is as JSON, or undefined if it is none. @param {string} text @returns {unknown} */
export function parse(text) {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

/** Returns what is compared of a name: as close to the server's key as a page needs. @param {string} name */
export function nameKey(name) { return name.normalize('NFKC').toLowerCase().trim(); }

export function sameName(a = '', b = '') { return nameKey(a) === nameKey(b); }
