// The list of those who are here. Entries are kept from one answer of the server
// to the next, so that the button one is about to press does not move away.

import { initials, stateWords } from './words.js';

export class People {
  #list;
  #more;
  #call;
  #entries = new Map(); // by name, which may be any text at all
  #forbidden = new Set(); // whom the server does not let us call

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
      update(entry, user, this.#forbidden.has(user.name));
      if (this.#list.children[position] !== entry) this.#list.insertBefore(entry, this.#list.children[position] ?? null);
    });
    this.#more.textContent = total > users.length ? `and ${total - users.length} more` : '';
  }

  // forbid takes effect when the list is shown next.
  forbid(name) { this.#forbidden.add(name); }

  allowAll() { this.#forbidden.clear(); }

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

function update(entry, { name, role, state }, forbidden) {
  entry.dataset.state = state;
  entry.querySelector('.role').textContent = role ?? '';
  entry.querySelector('.state').textContent = stateWords(state);
  const button = entry.querySelector('.call');
  button.disabled = forbidden || state !== 'free';
  button.title = forbidden ? `Your role may not call ${name}. Wait to be called.` : '';
}
