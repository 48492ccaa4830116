// The connection to the server, as the person sees it: what it is doing, when it is
// tried again, and why it fails.

import { isolate, write } from './names.js';
import { closedWords } from './words.js';

export class Connection {
  joined = false; // signed in, or coming back after a loss

  #client;
  #notices;
  #changed;
  #countdown = 0;

  constructor(client, notices, changed) {
    this.#client = client;
    this.#notices = notices;
    this.#changed = changed;
    client.addEventListener('state', ({ detail }) => this.#turned(detail));
    document.getElementById('retry').addEventListener('click', () => client.connect());
    window.addEventListener('online', () => client.state === 'waiting' && client.connect());
  }

  get words() {
    const { state, name, role } = this.#client;
    switch (state) {
      case 'connecting': return this.joined ? 'Reconnecting…' : 'Connecting…';
      case 'waiting': return this.joined ? 'Connection lost; reconnecting' : 'No connection; trying again';
      case 'open': return 'Connected, not signed in';
      case 'signed-in': return `Signed in as ${isolate(name)}${role && ` (${role})`}`;
      default: return 'Signed out';
    }
  }

  #turned({ state, code, opened, retryIn }) {
    clearInterval(this.#countdown);
    document.getElementById('retry').hidden = state !== 'waiting';
    write(document.getElementById('countdown'), '');
    if (state === 'waiting') this.#countDown(retryIn);
    if (state === 'signed-in') this.#notices.clear('socket');
    if (state === 'signed-in' || state === 'offline') this.joined = state === 'signed-in';
    if (state === 'waiting' || state === 'offline') this.#lost(code, opened);
    this.#changed();
  }

  #countDown(time) {
    const until = Date.now() + time;
    const tick = () => write(document.getElementById('countdown'), `in ${Math.max(0, Math.ceil((until - Date.now()) / 1000))} s`);
    tick();
    this.#countdown = setInterval(tick, 500);
  }

  async #lost(code, opened) {
    const words = closedWords(code);
    if (words) this.#notices.show('socket', { title: 'The connection was closed.', text: words });
    if (opened !== false) return;
    const why = await whyNoSocket();
    if (['waiting', 'connecting'].includes(this.#client.state)) this.#notices.show('socket', why);
  }
}

// whyNoSocket guesses, since the browser does not say why a socket fails. Whether
// this page can still be had tells a server that is down from one that refuses the socket.
async function whyNoSocket() {
  try {
    const { status } = await fetch(document.baseURI, { method: 'HEAD', cache: 'no-store' });
    if (status < 500) {
      return {
        title: 'The server refuses the connection.',
        text: 'Most often a proxy in between is the cause. It has to pass on the header Host as it came, with its port, '
          + 'and the headers Upgrade and Connection. If this page is meant to come from elsewhere than the server, '
          + `start that with -origins ${location.origin}.`,
      };
    }
  } catch {
    // no answer at all: as below
  }
  return {
    title: 'The server does not answer.',
    text: 'It is down, or the network is. This page keeps trying; if the server is yours, look whether it is running.',
  };
}
