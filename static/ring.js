// The ring: the dialog of an incoming call. Escape silences it, and so does a tap on
// the button for that; only its buttons accept or decline.

import { initials, isolate, write } from './names.js';

export class Ring {
  #dialog = document.getElementById('incoming');
  #name = '';

  constructor(calling, attention) {
    const on = (id, act) => document.getElementById(id).addEventListener('click', act);
    on('accept', () => calling.accept());
    on('decline', () => calling.decline());
    on('silence', () => attention.silence());
    this.#dialog.addEventListener('cancel', (event) => {
      event.preventDefault();
      attention.silence();
    });
    // The browser closes a dialog all the same at a second Escape; the call rings on.
    this.#dialog.addEventListener('close', () => this.#name && this.#dialog.showModal());
  }

  // render shows who rings; '' is nobody.
  render(name) {
    if (name === this.#name) return;
    this.#name = name;
    if (!name) return this.#dialog.close();
    write(document.getElementById('incoming-name'), isolate(name));
    document.getElementById('incoming-avatar').textContent = initials(name);
    if (!this.#dialog.open) this.#dialog.showModal();
  }
}
