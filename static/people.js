// The list of those who are here: the free first, names in their natural order.
// Entries are kept from one answer of the server to the next, and stay in their
// places while somebody points at the list, so that the button one is about to
// press does not move away.

import { sameName } from './client.js';
import { compareNames, initials, isolate, write } from './names.js';
import { stateWords } from './words.js';

export class People {
  filter = '';

  #list;
  #call;
  #users = [];
  #entries = new Map();     // by name, which may be any text at all
  #forbidden = new Set();   // roles that ours may not call, as far as the server has said so

  constructor(list, call) {
    this.#list = list;
    this.#call = call;
  }

  get size() { return this.#users.length; }

  // onlyCallUs says that, for all we know, we may call nobody.
  get onlyCallUs() { return this.#forbidden.size > 0 && this.#users.every((user) => this.#forbidden.has(user.role ?? '')); }

  find(name) { return this.#users.find((user) => sameName(user.name, name)); }

  mayCall(name) {
    const user = this.find(name);
    return !user || !this.#forbidden.has(user.role ?? '');
  }

  show(users) {
    this.#users = users;
    this.render();
  }

  // forbid notes that the role of this person is none that ours may call.
  forbid(name) {
    const user = this.find(name);
    if (user) this.#forbidden.add(user.role ?? '');
  }

  // allowAll is for a new role of ours.
  allowAll() { this.#forbidden.clear(); }

  // render returns how many match the filter.
  render() {
    const users = this.#inOrder(this.#users.filter(({ name }) => key(name).includes(key(this.filter))));
    const shown = new Map(users.map((user) => [user.name, this.#entry(user.name)]));
    for (const [name, entry] of this.#entries) if (!shown.has(name)) entry.remove();
    this.#entries = shown;
    users.forEach((user, position) => {
      const entry = shown.get(user.name);
      update(entry, user, this.#forbidden.has(user.role ?? ''));
      if (this.#list.children[position] !== entry) this.#list.insertBefore(entry, this.#list.children[position] ?? null);
    });
    return users.length;
  }

  #inOrder(users) {
    const order = [...this.#entries.keys()];
    const place = ({ name }) => (order.includes(name) ? order.indexOf(name) : order.length);
    const stays = this.#list.matches(':hover, :focus-within');
    return users.sort((a, b) => (stays && place(a) - place(b))
      || Number(b.state === 'free') - Number(a.state === 'free') || compareNames(a.name, b.name));
  }

  #entry(name) {
    if (this.#entries.has(name)) return this.#entries.get(name);
    const entry = document.getElementById('person').content.firstElementChild.cloneNode(true);
    entry.dataset.name = name;
    entry.querySelector('.avatar').textContent = initials(name);
    write(entry.querySelector('.name'), isolate(name));
    const button = entry.querySelector('.call');
    button.setAttribute('aria-label', `Call ${name}`);
    button.addEventListener('click', () => this.#call(name));
    return entry;
  }
}

function update(entry, { role, state }, forbidden) {
  entry.dataset.state = state;
  entry.querySelector('.role').textContent = role ?? '';
  entry.querySelector('.state').textContent = forbidden ? 'may call you' : stateWords(state);
  const button = entry.querySelector('.call');
  button.hidden = forbidden;
  button.disabled = state !== 'free';
}

// key is what a typed piece of a name is looked for in.
function key(text) { return text.normalize('NFKC').toLowerCase().trim(); }
