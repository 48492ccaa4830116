// The list of those who are here. Entries are kept from one answer of the server
// to the next, so that the button one is about to press does not move away.

import { initials, stateWords } from './words.js';

export class People {
  #list;
  #more;
  #call;
  #entries = new Map(); // by name, which may be any text at all

  constructor(list, more, call) {
    this.#list = list;
    this.#more = more;
    this.#call = call;
  }

  get size() { return this.#entries.size; }

  show(users, total = users.length) {
    const here = new Set(users.map((user) => user.name));
    for (const [name, entry] of this.#entries) {
      if (here.has(name)) continue;
      entry.remove();
      this.#entries.delete(name);
    }
    users.forEach((user, position) => {
      const entry = this.#entry(user.name);
      update(entry, user);
      if (this.#list.children[position] !== entry) this.#list.insertBefore(entry, this.#list.children[position] ?? null);
    });
    this.#more.textContent = total > users.length ? `and ${total - users.length} more` : '';
  }

  #entry(name) {
    if (this.#entries.has(name)) return this.#entries.get(name);
    const entry = document.getElementById('person').content.firstElementChild.cloneNode(true);
    entry.dataset.name = name;
    entry.querySelector('.avatar').textContent = initials(name);
    entry.querySelector('.name').textContent = name;
    const button = entry.querySelector('.call');
    button.setAttribute('aria-label', `Call ${name}`);
    button.addEventListener('click', () => this.#call(name));
    this.#entries.set(name, entry);
    return entry;
  }
}

function update(entry, { role, state }) {
  entry.dataset.state = state;
  entry.querySelector('.role').textContent = role ?? '';
  entry.querySelector('.state').textContent = stateWords(state);
  entry.querySelector('.call').disabled = state !== 'free';
}
