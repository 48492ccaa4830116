// Missed calls: those that rang and ended unanswered during this visit, and those of
// our own that made way for another. Each person is in the list once, the last first.

import { sameName } from './client.js';
import { isolate, write } from './names.js';

export class Missed {
  #calls = []; // { name, count, at, made: whether it was ours }
  #hooks; // { place, mayCall, changed }

  constructor(client, hooks) {
    this.#hooks = hooks;
    const on = (event, act) => client.addEventListener(event, ({ detail }) => act(detail));
    on('ended', ({ name, outgoing, answered, by }) => !outgoing && !answered && by !== 'us' && this.add(name));
    on('missed', ({ name }) => this.add(name));
    on('answered', ({ name }) => this.#remove(name));
    document.getElementById('clear-missed').addEventListener('click', () => this.clear());
  }

  get size() { return this.#calls.length; }

  add(name, made = false) {
    const known = this.#calls.find((call) => sameName(call.name, name));
    this.#remove(name);
    this.#calls.unshift({ name, count: (known?.count ?? 0) + 1, at: new Date(), made });
    this.render();
  }

  clear() {
    this.#calls = [];
    this.render();
  }

  render() {
    document.getElementById('missed').hidden = this.#calls.length === 0;
    document.getElementById('missed-list').replaceChildren(...this.#calls.map((call) => this.#entry(call)));
    this.#hooks.changed();
  }

  #remove(name) {
    this.#calls = this.#calls.filter((call) => !sameName(call.name, name));
    this.render();
  }

  #entry({ name, count, at, made }) {
    const entry = document.getElementById('missed-call').content.firstElementChild.cloneNode(true);
    entry.dataset.name = name;
    write(entry.querySelector('.name'), isolate(name));
    const time = at.toLocaleTimeString([], { hour: '2-digit', minute: '2-digit' });
    entry.querySelector('.state').textContent = (made ? 'not called, ' : count > 1 ? `${count} times, last at ` : '') + time;
    const button = entry.querySelector('.call');
    button.hidden = !this.#hooks.mayCall(name);
    button.querySelector('.label').textContent = made ? 'Call' : 'Call back';
    button.setAttribute('aria-label', `${made ? 'Call' : 'Call back'} ${name}`);
    button.addEventListener('click', () => this.#hooks.place(name));
    return entry;
  }
}
