// The directory: who is here, and whom to call or to invite while there is no call.

import { canNotify } from './attention.js';
import { invitation } from './link.js';
import { isolate, write } from './names.js';
import { People } from './people.js';

const usersEvery = 5000;

const byID = (id) => document.getElementById(id);

export class Directory {
  people;

  #client;
  #call;
  #total = 0;
  #connected = false; // and has heard who is here

  constructor(client, call) {
    this.#client = client;
    this.#call = call;
    this.people = new People(byID('people'), (name) => call(name));
    const on = (event, act) => client.addEventListener(event, ({ detail }) => act(detail));
    on('signedin', (me) => this.#enter(me));
    on('users', ({ users, total }) => this.#show(users, total, true));
    on('state', ({ state }) => (state === 'waiting' || state === 'offline') && this.#show([], 0, false));
    on('ended', (end) => this.#afterCall(end));
    byID('dial').addEventListener('submit', (event) => {
      event.preventDefault();
      this.#dial();
    });
    byID('dial-name').addEventListener('input', () => this.#filter());
    byID('copy-link').addEventListener('click', copyLink);
    byID('allow-notifications').addEventListener('click', allowNotifications);
    document.addEventListener('visibilitychange', () => this.#ask());
    setInterval(() => this.#ask(), usersEvery);
  }

  #enter(me) {
    this.people.allowAll();
    byID('link').value = invitation(me);
    write(byID('link-label'), me.role === 'teacher'
      ? 'You can call whoever opens this link and signs in'
      : 'Whoever opens this link and signs in calls you');
    byID('second-tab').href = invitation(me, 'Robin');
    byID('allow-notifications').hidden = !canNotify() || Notification.permission !== 'default';
    this.#client.users();
  }

  #ask() {
    if (this.#client.state === 'signed-in' && !document.hidden && !this.#client.currentCall) this.#client.users();
  }

  #show(users, total, connected) {
    this.#connected = connected;
    this.#total = total;
    this.people.show(users);
    this.#render();
  }

  #afterCall({ reason, name }) {
    if (reason === 'forbidden') this.people.forbid(name);
    if (this.#client.state === 'signed-in') this.#client.users();
  }

  // dial calls who is in the list by the name in any case, else whoever, or whichever
  // room, the server knows by what was typed.
  #dial() {
    const name = byID('dial-name').value.trim();
    if (!name) return;
    byID('dial-name').value = '';
    this.#filter();
    const person = this.people.find(name);
    this.#call(person?.name ?? name, !person);
  }

  #filter() {
    this.people.filter = byID('dial-name').value;
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

async function copyLink() {
  const button = byID('copy-link');
  byID('link').select();
  try {
    await navigator.clipboard.writeText(byID('link').value);
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
