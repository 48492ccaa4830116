// The list of those who are here: the free first, names in their natural order.
// Entries are kept from one answer of the server to the next, and stay in their
// places while somebody points at the list, so that the button one is about to
// press does not move away.

import { calling } from './calling.js';
import { nameKey, sameName } from './client.js';
import { byID, copyOf, find } from './elements.js';
import { compareNames, initials, isolate, write } from './names.js';
import { stateWords } from './words.js';
/** @import { User } from './types.d.ts' */

export class People {
  filter = '';

  #list = byID('people');
  /** @type {User[]} */ #users = [];
  /** @type {Map<string, HTMLElement>} by name, which may be any text at all */ #entries = new Map();
  /** @type {Set<string>} roles that ours may not call, as far as the server has said so */ #forbidden = new Set();

  get size() { return this.#users.length; }

  /** Whether, for all we know, we may call nobody. */
  get onlyCallUs() { return this.#forbidden.size > 0 && this.#users.every((user) => !this.#mayCall(user)); }

  /** @param {string} name */
  named(name) { return this.#users.find((user) => sameName(user.name, name)); }

  /** @param {string} name */
  mayCall(name) { return this.#mayCall(this.named(name)); }

  /** @param {User[]} users */
  show(users) {
    this.#users = users;
    this.render();
  }

  /** Notes that the role of this person is none that ours may call. @param {string} name */
  forbid(name) {
    const user = this.named(name);
    if (user) this.#forbidden.add(user.role ?? '');
  }

  /** Forgets what was forbidden, since our role may be another. */
  allowAll() { this.#forbidden.clear(); }

  /** Shows those who match the filter. */
  render() {
    const users = this.#inOrder(this.#users.filter(({ name }) => nameKey(name).includes(nameKey(this.filter))));
    const shown = new Map(users.map((user) => [user.name, this.#entry(user)]));
    for (const [name, entry] of this.#entries) if (!shown.has(name)) entry.remove();
    this.#entries = shown;
    [...shown.values()].forEach((entry, position) => {
      const there = this.#list.children[position] ?? null;
      if (there !== entry) this.#list.insertBefore(entry, there);
    });
  }

  /** @param {User | undefined} user */
  #mayCall(user) { return !user || !this.#forbidden.has(user.role ?? ''); }

  /** @param {User[]} users */
  #inOrder(users) {
    const order = [...this.#entries.keys()];
    /** @param {User} user */
    const place = ({ name }) => (order.includes(name) ? order.indexOf(name) : order.length);
    const stays = this.#list.matches(':hover, :focus-within');
    return users.sort((a, b) => (stays && place(a) - place(b))
      || Number(b.state === 'free') - Number(a.state === 'free') || compareNames(a.name, b.name));
  }

  /** Returns somebody's entry as it is to be now. @param {User} user */
  #entry(user) {
    const { name, role = '', state } = user;
    const mayCall = this.#mayCall(user);
    const entry = this.#entries.get(name) ?? this.#newEntry(name);
    entry.dataset.state = state;
    find(entry, '.role').textContent = role;
    find(entry, '.state').textContent = mayCall ? stateWords(state) : 'may call you';
    const button = find(entry, '.call', HTMLButtonElement);
    button.hidden = !mayCall;
    button.disabled = state !== 'free';
    return entry;
  }

  /** @param {string} name */
  #newEntry(name) {
    const entry = copyOf('person');
    entry.dataset.name = name;
    find(entry, '.avatar').textContent = initials(name);
    write(find(entry, '.name'), isolate(name));
    find(entry, '.call').setAttribute('aria-label', `Call ${name}`);
    find(entry, '.call').addEventListener('click', () => calling.place(name));
    return entry;
  }
}
