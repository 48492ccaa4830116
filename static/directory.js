// The directory: who is here, and whom to call or to invite while there is no call.

import { canNotify } from './attention.js';
import { calling } from './calling.js';
import { byID, onClick } from './elements.js';
import { invitation } from './link.js';
import { isolate, write } from './names.js';
import { People } from './people.js';
import { client, on } from './switchboard.js';
/** @import { Events, User } from './types.d.ts' */

const usersEvery = 5000;

const dialled = byID('dial-name', HTMLInputElement);
const link = byID('link', HTMLInputElement);

export class Directory {
  people = new People();

  #total = 0;
  #connected = false; // and has heard who is here

  constructor() {
    on('signedin', (me) => {
      this.people.allowAll();
      showInvitation(me);
      client.users();
    });
    on('users', ({ users, total }) => this.#show(users, total, true));
    on('state', ({ state }) => (state === 'waiting' || state === 'offline') && this.#show([], 0, false));
    on('ended', ({ reason, name }) => {
      if (reason === 'forbidden') this.people.forbid(name);
      if (client.state === 'signed-in') client.users();
    });
    byID('dial').addEventListener('submit', (event) => {
      event.preventDefault();
      this.#dial();
    });
    dialled.addEventListener('input', () => this.#filter());
    onClick('copy-link', copyLink);
    onClick('allow-notifications', allowNotifications);
    document.addEventListener('visibilitychange', () => this.#ask());
    setInterval(() => this.#ask(), usersEvery);
  }

  #ask() {
    if (client.state === 'signed-in' && !document.hidden && !client.currentCall) client.users();
  }

  /** @param {User[]} users @param {number} total @param {boolean} connected */
  #show(users, total, connected) {
    this.#connected = connected;
    this.#total = total;
    this.people.show(users);
    this.#render();
  }

  /** Calls the person in the list whose name was typed, in any case; else whoever, or
   * whichever room, the server knows by that name. */
  #dial() {
    const name = dialled.value.trim();
    if (!name) return;
    dialled.value = '';
    this.#filter();
    const person = this.people.named(name);
    calling.place(person?.name ?? name, !person);
  }

  #filter() {
    this.people.filter = dialled.value;
    this.people.render();
    this.#render();
  }

  #render() {
    const { people } = this;
    const waits = people.onlyCallUs;
    byID('alone').hidden = !this.#connected || people.size > 0;
    byID('waits').hidden = !this.#connected || !waits;
    byID('dial').hidden = waits && people.size === 0;
    byID('dial-call').hidden = byID('dial-help').hidden = waits;
    write(byID('more-people'), this.#more());
  }

  #more() {
    const { people } = this;
    if (!this.#connected) return 'No connection to the server.';
    const text = people.filter.trim();
    if (text && byID('people').childElementCount === 0) {
      return `Nobody in the list is called ${isolate(text)}. Call tries it all the same: it may be the name of a room.`;
    }
    return this.#total > people.size ? `and ${this.#total - people.size} more: type a whole name to call one of them` : '';
  }
}

/** @param {Events['signedin']} me */
function showInvitation(me) {
  link.value = invitation(me);
  write(byID('link-label'), me.role === 'teacher'
    ? 'You can call whoever opens this link and signs in'
    : 'Whoever opens this link and signs in calls you');
  byID('second-tab', HTMLAnchorElement).href = invitation(me, 'Robin');
  byID('allow-notifications').hidden = !canNotify() || Notification.permission !== 'default';
}

async function copyLink() {
  const button = byID('copy-link');
  link.select();
  try {
    await navigator.clipboard.writeText(link.value);
    button.textContent = 'Copied';
  } catch {
    button.textContent = 'Press Ctrl+C'; // no clipboard on insecure pages, but it is selected
  }
  setTimeout(() => { button.textContent = 'Copy link'; }, 2500);
}

async function allowNotifications() {
  await Notification.requestPermission();
  byID('allow-notifications').hidden = true;
}
