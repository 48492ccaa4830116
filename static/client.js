// A client for Switchboard: sign in, call somebody by name, be called. It knows
// no DOM and needs no library: take this file and call.js along.
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
// Events, each with its facts in `detail`:
//
//   state       state: offline, connecting, waiting, open or signed-in; waiting has retryIn
//               (ms); after a lost socket: code, and opened (whether it had ever been open)
//   signedin    name, role, iceServers
//   users       users: [{ name, role, state }], total
//   incoming    name, callID: answer with accept or decline
//   missed      name, callID: somebody called during a call, and was told that we are busy
//   ringing     name, callID: the other side has been rung (told to callers with a role)
//   answered    name, callID
//   connection  state: that of the RTCPeerConnection
//   track       track, stream, screen (true for a shared screen)
//   ended       name, callID, reason, by ('us', 'them' or 'server'), outgoing,
//               answered, seconds, message (if there is more to say); once for each call
//   refused     code, message, request: what the server did not do; change is true if
//               it was a change of the running call, which goes on as it was
//   message     direction ('in' or 'out'), text: every frame, for the curious
//
// Reasons are those of the protocol (hangup, declined, cancelled, busy, no-answer, gone, failed,
// shutdown), the code of the refusal if the call could not be made (no-such-user, forbidden, ...),
// or `lost`: our own connection to the server went, and with it the call.
//
// call, accept, setTrack and share return promises, which are rejected with an Error
// whose message is for people if nothing was done: not signed in, in another call, or
// the call has ended meanwhile. Then `ended` tells the end. To end what has ended is no mistake.
// Tracks belong to whoever opened them, from first to last: this client sends them and
// stops none. Stop them when a promise is rejected, and when the call has ended.

import { Call } from './call.js';

const SECOND = 1000;

const times = {
  open: 10 * SECOND,                  // for a socket to open
  backOff: [SECOND / 2, 10 * SECOND], // first and longest wait before it is tried again
  restart: 5 * SECOND,                // a restarting server is not stormed by everybody at once
};

const RESTARTING = 1012; // the close code of a server that comes back

export class SwitchboardClient extends EventTarget {
  state = 'offline';
  name = '';
  role = '';
  iceServers = [];

  #url;
  #socket = null;
  #login = null;     // whom to sign in, again after each loss of the socket
  #attempt = 0;      // tries since the last sign-in
  #timer = 0;        // until the next try, or until this one has taken too long
  #current = null;   // the Call, of which there is one at a time
  #left = '';        // whose call we left last, while words about it may be under way

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
    socket.onopen = () => { opened = true; this.#opened(); };
    socket.onmessage = ({ data }) => this.#hear(data);
    socket.onclose = ({ code }) => this.#lost(code, opened);
    this.#socket = socket;
    this.#timer = setTimeout(() => socket.close(), times.open);
    this.#become('connecting');
  }

  // signIn connects if need be, and signs in again after each loss of the connection.
  // Whoever is signed in already is refused by the server, and stays who he is.
  signIn(name, role = '') {
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

  send(message) { return this.#write(JSON.stringify(message)); }

  // sendText sends a frame as it is, right or wrong: to learn what the server says.
  sendText(text) {
    if (!this.#write(text)) return false;
    const message = parse(text) ?? {};
    if (this.#endedBy(message)) this.#leave(message.reason);
    return true;
  }

  /**
   * Rings somebody: a teacher by `request-call`, everybody else by `offer`.
   * @param {string} name whom to call
   * @param {MediaStream} [stream] what to send; its tracks stay the caller's, to be stopped
   *   when the call has ended or this promise is rejected
   * @returns {Promise<void>} resolved when the call has begun; rejected with the reason in
   *   words if signed out, without a connection, or in a call
   */
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
    this.#current = this.#newCall({ name, vocabulary, outgoing: true });
    this.#current.start(stream);
  }

  /**
   * Answers the call that rings.
   * @param {MediaStream} [stream] as for `call`
   * @param {string} [callID] of the call that is meant, as `incoming` told it: while a camera
   *   opens, one call may end and another begin to ring
   * @returns {Promise<void>} rejected, with the reason in words, if that call rings no more
   */
  async accept(stream, callID = this.callID) {
    const call = this.#current;
    if (call?.state !== 'incoming' || call.callID !== callID) throw new Error('The call has ended before it was answered.');
    this.#accept(stream);
  }

  decline() {
    if (this.#current?.state === 'incoming') this.hangUp();
  }

  // hangUp ends the call in whatever state it is: it declines, cancels or hangs up.
  hangUp(reason) {
    if (!this.#current) return;
    this.send({ type: 'leave', ...this.#current.address, ...(reason && { reason }) });
    this.#leave(reason);
  }

  // setTrack changes what one sends; null stops sending. The other side is told by renegotiation.
  async setTrack(kind, track) { await this.#sending().setTrack(kind, track); }

  // share adds a picture of the screen beside that of the camera, in the same call.
  async share(track) {
    if (this.sharing) throw new Error('A screen is being shared already.');
    this.#sending().share(track);
  }

  unshare() { this.#current?.unshare(); }

  #sending() {
    if (!this.#current?.pc) throw new Error('There is no call in which to send it.');
    return this.#current;
  }

  #emit(event, detail) { this.dispatchEvent(new CustomEvent(event, { detail })); }

  #become(state, detail) {
    this.state = state;
    this.#emit('state', { state, ...detail });
  }

  #write(text) {
    if (this.#socket?.readyState !== WebSocket.OPEN) return false;
    this.#socket.send(text);
    this.#emit('message', { direction: 'out', text });
    return true;
  }

  #opened() {
    clearTimeout(this.#timer);
    this.#become('open');
    if (this.#login) this.send(this.#login);
  }

  #lost(code, opened) {
    clearTimeout(this.#timer);
    this.#socket = null;
    this.#left = '';
    if (this.#current) this.#end('lost', 'server');
    if (!this.#login) return this.#become('offline', { code, opened });
    const retryIn = this.#wait(code);
    this.#timer = setTimeout(() => this.connect(), retryIn);
    this.#become('waiting', { code, opened, retryIn });
  }

  // wait grows from try to try, and spreads the returning clients over time.
  #wait(code) {
    const [first, longest] = times.backOff;
    const most = Math.min(longest, first * 2 ** this.#attempt++);
    if (code === RESTARTING) return first + Math.random() * (times.restart - first);
    return most * (1 - Math.random() / 2);
  }

  #hear(text) {
    this.#emit('message', { direction: 'in', text });
    const message = parse(text);
    switch (message?.type) {
      case 'login': return this.#heardLogin(message);
      case 'users': return this.#heardUsers(message);
      case 'offer': return this.#heardOffer(message, message.offer);
      case 'request-call': return this.#heardOffer(message, message.sdp);
      case 'ringing': return this.#heardRinging(message);
      case 'answer': return this.#heardAnswer(message, message.answer);
      case 'respond-call': return this.#heardAnswer(message, message.sdp);
      case 'candidate': return this.#mine(message)?.addCandidate(message.candidate);
      // Its other fields are the candidate's own: a name among them would be the other side's word.
      case 'new-ice-candidate': return this.#mine({ callID: message.callID })?.addCandidate(message);
      case 'leave': return this.#mine(message) && this.#end(message.reason, 'them');
      case 'error': return this.#heardError(message);
    }
  }

  #heardLogin(message) {
    if (message.success === false) {
      if (this.state !== 'signed-in') this.#login = null; // the same name would be refused again
      return this.#emit('refused', { ...message, request: 'login' });
    }
    this.name = message.name ?? this.#login?.name;
    this.role = message.role ?? '';
    this.iceServers = message.iceServers ?? [];
    this.#login ??= { type: 'login', name: this.name, ...(this.role && { role: this.role }) };
    this.#attempt = 0;
    this.#become('signed-in');
    this.#emit('signedin', { name: this.name, role: this.role, iceServers: this.iceServers });
  }

  #heardUsers(message) {
    this.#left = '';
    this.#emit('users', message);
  }

  #heardOffer(message, description) {
    const call = this.#current;
    if (call && call.callID === message.callID) return call.heardOffer(description);
    // Both called at once, and the other offer came first: it made the call.
    // We wanted to talk, so its offer is answered in place of ours.
    if (call?.state === 'calling' && sameName(call.name, message.name)) {
      const { stream } = call;
      call.close();
      this.#rung(message, description);
      return this.#accept(stream);
    }
    if (call) {
      this.send({ type: 'leave', callID: message.callID, reason: 'busy' });
      return this.#emit('missed', { name: message.name, callID: message.callID });
    }
    this.#rung(message, description);
    this.#emit('incoming', { name: message.name, callID: message.callID });
  }

  #rung({ type, name, callID }, description) {
    this.#current = this.#newCall({ name, callID, vocabulary: type, outgoing: false });
    this.#current.heardOffer(description);
  }

  #accept(stream) {
    this.#current.accept(stream);
    if (this.#current) this.#answered();
  }

  #heardRinging(message) {
    const call = this.#mine(message);
    if (call) this.#emit('ringing', { name: call.name, callID: call.callID });
  }

  #heardAnswer(message, description) {
    const call = this.#mine(message);
    if (!call) return;
    const first = call.state === 'calling';
    call.heardAnswer(description);
    if (first) this.#answered();
  }

  #answered() {
    const { name, callID } = this.#current;
    this.#emit('answered', { name, callID });
  }

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

  // mine says whether a message belongs to the present call, and takes from it
  // what the server knows better: the call's id and the other's name as spelt there.
  #mine({ callID, name }) {
    const call = this.#current;
    if (!call) return null;
    if (call.callID ? callID !== call.callID : this.#left || !sameName(name, call.name)) return null;
    call.callID = callID ?? call.callID;
    call.name = name ?? call.name;
    return call;
  }

  #newCall(facts) {
    const call = new Call(facts, {
      iceServers: this.iceServers,
      send: (message) => this.send(message),
      emit: (event, detail) => this.#emit(event, detail),
      fail: (message) => call === this.#current && this.#fail(message),
    });
    return call;
  }

  #fail(message) {
    this.send({ type: 'leave', ...this.#current.address, reason: 'failed' });
    this.#leave('failed', message);
  }

  // endedBy says whether a message of ours ends the present call, as the server reads it:
  // whatever its reason says, and an empty field is an absent one.
  #endedBy({ type, name, callID }) {
    const call = this.#current;
    return call && ['leave', 'end-call'].includes(type)
      && (callID || call.callID) === call.callID && sameName(String(name || call.name), call.name);
  }

  // leave ends the call on this side as the server, to which we have said so, ends
  // it on the other. Like the server, it goes by the state unless only we can know.
  #leave(reason, message) {
    const { name, state } = this.#current;
    const known = reason === 'failed' || (reason === 'busy' && state === 'incoming');
    this.#left = name;
    this.#end(known ? reason : { incoming: 'declined', calling: 'cancelled', active: 'hangup' }[state], 'us', message);
  }

  #end(reason, by, message) {
    const call = this.#current;
    this.#current = null;
    call.close();
    const { name, callID, outgoing, since } = call;
    const seconds = since ? (Date.now() - since) / SECOND : 0;
    this.#emit('ended', { name, callID, reason, by, outgoing, answered: since > 0, seconds, message });
  }
}

function parse(text) {
  try {
    return JSON.parse(text);
  } catch {
    return null; // a greeting in plain text, for instance
  }
}

// sameName is as close to the server's comparison of names as a page needs.
export function sameName(a = '', b = '') {
  const key = (name) => name.normalize('NFKC').toLowerCase().trim();
  return key(a) === key(b);
}
