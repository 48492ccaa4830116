// The ring: the dialog of an incoming call. Escape silences it, and so does a tap on
// the button for that; only its buttons accept or decline.

import { calling } from './calling.js';
import { byID, onClick } from './elements.js';
import { initials, isolate, write } from './names.js';
/** @import { Attention } from './attention.js' */

export class Ring {
  #dialog = byID('incoming', HTMLDialogElement);
  #name = '';

  /** @param {Attention} attention */
  constructor(attention) {
    onClick('accept', () => calling.accept());
    onClick('decline', () => calling.decline());
    onClick('silence', () => attention.silence());
    this.#dialog.addEventListener('cancel', (event) => {
      event.preventDefault();
      attention.silence();
    });
    // The browser closes a dialog all the same at a second Escape; the call rings on.
    this.#dialog.addEventListener('close', () => this.#name && this.#dialog.showModal());
  }

  /** Shows who rings, if anybody does. */
  render() {
    const name = calling.ringing;
    if (name === this.#name) return;
    this.#name = name;
    if (!name) return this.#dialog.close();
    write(byID('incoming-name'), isolate(name));
    byID('incoming-avatar').textContent = initials(name);
    if (!this.#dialog.open) this.#dialog.showModal();
  }
}
