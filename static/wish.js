// A wish is somebody whom we mean to call as soon as they are here. A link only
// offers it; it is in force once somebody has clicked.

import { sameName } from './client.js';
import { calling } from './calling.js';
import { byID, onClick } from './elements.js';
import { link } from './link.js';
import { isolate, write } from './names.js';
import { on } from './switchboard.js';
/** @import { User } from './types.d.ts' */

const lasting = ['no-such-user', 'busy', 'gone', 'lost']; // ends after which it is still to be fulfilled

export class Wish {
  #name = '';
  #inForce = false;
  #decided = false; // on the call of the link
  /** @type {User | undefined} as the list has them */ #person;

  constructor() {
    on('signedin', () => this.#decided || this.decide('later'));
    on('users', ({ users }) => {
      this.#person = users.find((user) => sameName(user.name, this.#name));
      this.#apply();
    });
    on('answered', () => this.drop());
    on('ended', ({ reason }) => !lasting.includes(reason) && this.drop());
    onClick('wish-call', () => this.#set(this.#name, true));
    onClick('wish-drop', () => this.drop());
  }

  /** Settles when the call of the link is to be made, if there is one. @param {'now' | 'later' | 'never'} when */
  decide(when) {
    this.#decided = true;
    this.#set(when === 'never' ? '' : link.call, when === 'now');
  }

  drop() { this.#set('', false); }

  /** @param {string} name @param {boolean} inForce */
  #set(name, inForce) {
    this.#name = name;
    this.#inForce = inForce;
    this.#apply();
  }

  /** Shows the wish, and calls if it can be fulfilled. */
  #apply() {
    byID('wish').hidden = !this.#name;
    byID('wish-call').hidden = this.#inForce;
    write(byID('wish-call-label'), `Call ${isolate(this.#name)}`);
    byID('wish-drop').textContent = this.#inForce ? 'Do not wait' : 'Not now';
    write(byID('wish-text'), this.#name && this.#words());
    if (this.#inForce && this.#person?.state === 'free') calling.place(this.#person.name);
  }

  #words() {
    if (!this.#inForce) return `The link that you followed asks to call ${isolate(this.#name)}.`;
    return this.#person
      ? `${isolate(this.#person.name)} is in another call. This page calls as soon as they are free.`
      : `${isolate(this.#name)} is not here yet. This page calls as soon as they appear.`;
  }
}
