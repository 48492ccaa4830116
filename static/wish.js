// A wish is somebody whom we mean to call as soon as they are here. A link only
// offers it; it is in force once somebody has clicked.

import { sameName } from './client.js';
import { isolate, write } from './names.js';

const lasting = ['no-such-user', 'busy', 'gone', 'lost']; // ends after which it is still to be fulfilled

export class Wish {
  #name = '';
  #inForce = false;
  #person = null; // as the list has them
  #call;

  constructor(client, call) {
    this.#call = call;
    client.addEventListener('users', ({ detail }) => this.#look(detail.users));
    client.addEventListener('answered', () => this.drop());
    client.addEventListener('ended', ({ detail }) => !lasting.includes(detail.reason) && this.drop());
    document.getElementById('wish-call').addEventListener('click', () => this.force(this.#name));
    document.getElementById('wish-drop').addEventListener('click', () => this.drop());
  }

  offer(name) { this.#set(name, false); }

  force(name) {
    this.#set(name, true);
    this.#fulfil();
  }

  drop() { this.#set('', false); }

  #set(name, inForce) {
    this.#name = name;
    this.#inForce = inForce;
    this.#render();
  }

  #look(users) {
    this.#person = users.find((user) => sameName(user.name, this.#name)) ?? null;
    this.#render();
    this.#fulfil();
  }

  #fulfil() {
    if (this.#inForce && this.#person?.state === 'free') this.#call(this.#person.name);
  }

  #render() {
    const byID = (id) => document.getElementById(id);
    byID('wish').hidden = !this.#name;
    byID('wish-call').hidden = this.#inForce;
    write(byID('wish-call-label'), `Call ${isolate(this.#name)}`);
    byID('wish-drop').textContent = this.#inForce ? 'Do not wait' : 'Not now';
    write(byID('wish-text'), this.#name && this.#words());
  }

  #words() {
    if (!this.#inForce) return `The link that you followed asks to call ${isolate(this.#name)}.`;
    return this.#person
      ? `${isolate(this.#person.name)} is in another call. This page calls as soon as they are free.`
      : `${isolate(this.#name)} is not here yet. This page calls as soon as they appear.`;
  }
}
