// The connection of a Switchboard client to the server. It is opened again after a loss,
// and with a session it goes on where it broke off: nothing is lost, and nothing comes
// twice (docs/protocol/resume.md). client.js makes one; nobody else needs to.

/** @import { Login, LoginReply, Received, SocketHooks, Standing } from './types.d.ts' */

/** What it takes to come back. `kept` holds the frames that the server may not have; `first`
 * is the number of the first of them, and `written` says how many have gone out on the
 * present socket.
 * @typedef {{ secret: string, window: number, seq: number, kept: string[], first: number, written: number }} Session */

const SECOND = 1000;

const times = {
  open: 10 * SECOND,                  // for a socket to open
  backOff: [SECOND / 2, 10 * SECOND], // first and longest wait before it is tried again
  restart: 5 * SECOND,                // over which clients spread their return to a restarting server
  late: 6 * SECOND,                   // by which the server may begin to count its window later than we do
  silence: 20 * SECOND,               // of the server, before it is asked for a sign of life
  answer: 8 * SECOND,                 // for that to come
  pause: 2 * SECOND,                  // between portions of frames
};

const mostKept = 1000;
const portion = 100; // frames at once: the server takes 200, and 50 a second

const RESTARTING = 1012; // the close code of a server that comes back
const DEAD = 4900;       // ours, for a socket that gives no sign of life
const losses = [1001, 1005, 1006, DEAD]; // close codes that do not come from the server
const forGood = [1008, 4000, 4002, 4003];

export class Socket {
  /** @type {Standing['state']} */ state = 'offline';
  /** @type {Login | null} whom to sign in, again after each loss */ login = null;

  #url;
  #hooks;
  /** @type {WebSocket | null} */ #socket = null;
  /** @type {Session | null} */ #session = null;
  #attempt = 0; // tries since the last sign-in
  #timer = 0;   // until the next try, or until this one has taken too long
  #life = 0;    // until a sign of life is asked for, or has not come
  #window = 0;  // until the session is over
  #pause = 0;   // until the next portion
  #restart = 0; // in how long the server wants to be asked again

  /** @param {string} url @param {SocketHooks} hooks */
  constructor(url, hooks) {
    this.#url = url;
    this.#hooks = hooks;
  }

  connect() {
    if (this.#socket) return;
    clearTimeout(this.#timer);
    const socket = new WebSocket(this.#url);
    let opened = false;
    socket.onopen = () => {
      opened = true;
      clearTimeout(this.#timer);
      this.#become({ state: this.#session ? 'resuming' : 'open' });
      this.#greet();
    };
    socket.onmessage = ({ data }) => this.#hear(data);
    socket.onclose = ({ code }) => this.#lost(code, opened);
    this.#socket = socket;
    this.#timer = setTimeout(() => this.#drop(DEAD), times.open);
    this.#become({ state: this.#session ? 'resuming' : 'connecting' });
  }

  /** Says who comes, or comes back. */
  #greet() {
    if (!this.#session) return this.login && this.#write(JSON.stringify(this.login));
    const { secret, seq } = this.#session;
    this.#write(JSON.stringify({ type: 'login', session: secret, seq }));
    this.#life = setTimeout(() => this.#drop(DEAD), times.answer);
  }

  /** Signs in, now or as soon as there is a connection. @param {Login} login */
  signIn(login) {
    if (this.state !== 'signed-in' && !this.#session) this.login = login;
    if (!this.send(JSON.stringify(login))) this.connect();
  }

  /** Sends a text; with a session it is kept until the server has it. Returns false if
   * there is neither connection nor session. @param {string} text */
  send(text) {
    const session = this.#session;
    if (!session) return this.#write(text);
    session.kept.push(text);
    this.#flush();
    if (session.kept.length > mostKept) this.#forget(session.first + 1);
    return true;
  }

  /** Asks the server for a sign of life; a socket that gives none is given up. */
  check() {
    if (this.#socket?.readyState !== WebSocket.OPEN || !this.send('{"type":"ping"}')) return;
    clearTimeout(this.#life);
    this.#life = setTimeout(() => this.#drop(DEAD), times.answer);
  }

  /** Ends connection and session. */
  close() {
    this.login = null;
    this.#attempt = 0;
    this.#drop(1000);
  }

  /** Gives the socket up at once, since a dead one takes long to close. @param {number} code */
  #drop(code) {
    const socket = this.#socket;
    const opened = socket?.readyState !== WebSocket.CONNECTING;
    if (socket) {
      socket.onopen = socket.onmessage = socket.onclose = null;
      socket.close(code);
    }
    this.#lost(code, opened);
  }

  /** @param {number} code @param {boolean} opened */
  #lost(code, opened) {
    for (const timer of [this.#timer, this.#life, this.#pause]) clearTimeout(timer);
    this.#pause = 0;
    this.#socket = null;
    const resuming = this.state === 'resuming';
    if (forGood.includes(code)) this.login = null;
    if (!this.login || !this.#session || (!resuming && !losses.includes(code))) this.#endSession(code);
    if (this.#session && !resuming) {
      this.#window = setTimeout(() => {
        this.#session = null; // what is lost without one is over
        this.#drop(DEAD);
      }, this.#session.window + times.late);
      this.#hooks.emit('resuming', { seconds: this.#session.window / SECOND });
    }
    if (!this.login) return this.#become({ state: 'offline', code, opened });
    const retryIn = this.#session && !resuming ? 0 : this.#wait(code);
    this.#timer = setTimeout(() => this.connect(), retryIn);
    this.#become({ state: this.#session ? 'resuming' : 'waiting', code, opened, retryIn });
  }

  /** Says that what the server knew of this client is over. @param {number} code */
  #endSession(code) {
    clearTimeout(this.#window);
    this.#session = null;
    if (this.state !== 'offline') this.#hooks.forgotten(code);
  }

  /** Returns a time that grows from try to try, and spreads the returning clients. @param {number} code */
  #wait(code) {
    const [first, longest] = times.backOff;
    const most = Math.min(longest, first * 2 ** this.#attempt++);
    const told = this.#restart;
    this.#restart = 0;
    if (told) return told;
    if (code === RESTARTING) return first + Math.random() * (times.restart - first);
    return most * (1 - Math.random() / 2);
  }

  /** @param {string} text */
  #hear(text) {
    this.#hooks.emit('message', { direction: 'in', text });
    clearTimeout(this.#life);
    this.#life = setTimeout(() => this.check(), times.silence);
    const message = /** @type {Received & { seq?: number } | undefined} */ (parse(text));
    if (message?.seq && this.#session) this.#session.seq = message.seq;
    if (message?.type === 'restart') this.#restart = message.reconnectIn;
    if (message?.type !== 'login') return message && this.#hooks.hear(message);
    if (this.state === 'resuming') return this.#heardResumed(message);
    if (message.success && this.state !== 'signed-in') this.#signedIn(message);
    this.#hooks.hear(message);
  }

  /** @param {LoginReply & { success: true }} message */
  #signedIn({ name, role, session: secret, resumeWindow = 0 }) {
    this.login ??= { type: 'login', name, ...(role && { role }), resume: true }; // typed by hand
    if (secret) this.#session = { secret, window: resumeWindow * SECOND, seq: 0, kept: [], first: 1, written: 0 };
    this.#attempt = 0;
    this.#become({ state: 'signed-in' });
  }

  /** @param {LoginReply} message */
  #heardResumed(message) {
    const session = this.#session;
    if (!message.success || !session) {
      this.#endSession(DEAD);
      this.#become({ state: 'open' });
      return void this.#greet();
    }
    clearTimeout(this.#window);
    this.#attempt = 0;
    this.#forget((message.received ?? 0) + 1);
    session.written = 0;
    this.#become({ state: 'signed-in' });
    this.#flush();
    this.#hooks.hear(message);
    this.#hooks.emit('resumed', {});
  }

  /** Keeps no frame before that of this number. @param {number} first */
  #forget(first) {
    const session = this.#session;
    if (!session) return;
    const gone = Math.max(0, first - session.first);
    session.kept.splice(0, gone);
    session.first += gone;
    session.written = Math.max(0, session.written - gone);
  }

  /** Sends what is kept and has not gone out, with pauses if it is much. */
  #flush() {
    const session = this.#session;
    if (!session || this.state !== 'signed-in' || this.#pause) return;
    for (const text of session.kept.slice(session.written, session.written + portion)) {
      session.written++;
      this.#write(text);
    }
    if (session.written < session.kept.length) {
      this.#pause = setTimeout(() => {
        this.#pause = 0;
        this.#flush();
      }, times.pause);
    }
  }

  /** @param {string} text */
  #write(text) {
    if (this.#socket?.readyState !== WebSocket.OPEN) return false;
    this.#socket.send(text);
    this.#hooks.emit('message', { direction: 'out', text });
    return true;
  }

  /** @param {Standing} standing */
  #become(standing) {
    this.state = standing.state;
    this.#hooks.emit('state', standing);
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
