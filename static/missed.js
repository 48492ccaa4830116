// Missed calls: those that rang and ended unanswered during this visit, and those of
// our own that made way for another. Each person is in the list once, the last first.

import { calling } from './calling.js';
import { sameName } from './client.js';
import { byID, copyOf, find, onClick } from './elements.js';
import { isolate, write } from './names.js';
import { on, view } from './switchboard.js';
/** @import { People } from './people.js' */
/** @typedef {{ name: string, count: number, at: Date, made: boolean }} MissedCall made: it was our own */

export class Missed {
  /** @type {MissedCall[]} */ #calls = [];
  #people;

  /** @param {People} people */
  constructor(people) {
    this.#people = people;
    on('ended', ({ name, outgoing, answered, by }) => !outgoing && !answered && by !== 'us' && this.add(name));
    on('missed', ({ name }) => this.add(name));
    on('answered', ({ name }) => this.#show(this.#others(name)));
    onClick('clear-missed', () => this.clear());
  }

  get size() { return this.#calls.length; }

  /** @param {string} name */
  add(name, made = false) {
    const count = this.#calls.find((call) => sameName(call.name, name))?.count ?? 0;
    this.#show([{ name, count: count + 1, at: new Date(), made }, ...this.#others(name)]);
  }

  clear() { this.#show([]); }

  /** @param {string} name */
  #others(name) { return this.#calls.filter((call) => !sameName(call.name, name)); }

  /** @param {MissedCall[]} calls */
  #show(calls) {
    this.#calls = calls;
    byID('missed').hidden = calls.length === 0;
    byID('missed-list').replaceChildren(...calls.map((call) => this.#entry(call)));
    view.render();
  }

  /** @param {MissedCall} call */
  #entry({ name, count, at, made }) {
    const entry = copyOf('missed-call');
    const label = made ? 'Call' : 'Call back';
    entry.dataset.name = name;
    write(find(entry, '.name'), isolate(name));
    const time = at.toLocaleTimeString([], { hour: '2-digit', minute: '2-digit' });
    find(entry, '.state').textContent = (made ? 'not called, ' : count > 1 ? `${count} times, last at ` : '') + time;
    find(entry, '.label').textContent = label;
    const button = find(entry, '.call');
    button.hidden = !this.#people.mayCall(name);
    button.setAttribute('aria-label', `${label} ${name}`);
    button.addEventListener('click', () => calling.place(name));
    return entry;
  }
}
