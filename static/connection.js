// The connection to the server, as the person sees it: what it is doing, when it is
// tried again, and why it fails.

import { byID, onClick } from './elements.js';
import { isolate, write } from './names.js';
import * as notices from './notices.js';
import { client, on, view } from './switchboard.js';
import { closedWords } from './words.js';

export class Connection {
  joined = false; // signed in, or coming back after a loss

  #countdown = 0;

  constructor() {
    on('state', ({ state, code, opened, retryIn = 0 }) => {
      clearInterval(this.#countdown);
      byID('retry').hidden = !retryIn;
      write(byID('countdown'), '');
      if (retryIn) this.#countDown(Date.now() + retryIn);
      if (state === 'signed-in') notices.clear('socket');
      if (state === 'signed-in' || state === 'offline') this.joined = state === 'signed-in';
      if (code) explain(code, opened);
      view.render();
    });
    onClick('retry', () => client.connect());
    window.addEventListener('online', () => (['waiting', 'resuming'].includes(client.state) ? client.connect() : client.check()));
  }

  get words() {
    const { state, name, role } = client;
    switch (state) {
      case 'connecting': return this.joined ? 'Reconnecting…' : 'Connecting…';
      case 'resuming': return 'Connection lost; coming back';
      case 'waiting': return this.joined ? 'Connection lost; reconnecting' : 'No connection; trying again';
      case 'open': return 'Connected, not signed in';
      case 'signed-in': return `Signed in as ${isolate(name)}${role && ` (${role})`}`;
      default: return 'Signed out';
    }
  }

  /** @param {number} until */
  #countDown(until) {
    const tick = () => write(byID('countdown'), `in ${Math.max(0, Math.ceil((until - Date.now()) / 1000))} s`);
    tick();
    this.#countdown = setInterval(tick, 500);
  }
}

/** Puts up a notice of why the connection is lost, if there is more to say.
 * @param {number} [code] @param {boolean} [opened] */
async function explain(code, opened) {
  const words = closedWords(code);
  if (words) notices.show('socket', { title: 'The connection was closed.', text: words });
  if (opened !== false) return;
  const why = await whyNoSocket();
  if (['waiting', 'connecting', 'resuming'].includes(client.state)) notices.show('socket', why);
}

/** Resolves to a guess, since the browser does not say why a socket fails. Whether this
 * page can still be had tells a server that is down from one that refuses the socket. */
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
