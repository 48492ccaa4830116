// Notices say what is wrong and what to do about it. There is one of each kind.

import { write } from './names.js';

export class Notices {
  #list;
  #shown = new Map();

  constructor(list) {
    this.#list = list;
  }

  // show puts up a notice of a kind in place of an earlier one, which null only takes away.
  show(kind, notice, action) {
    this.clear(kind);
    if (!notice) return;
    const { title, text } = notice;
    const item = document.createElement('li');
    const words = document.createElement('div');
    words.setAttribute('role', 'alert');
    const heading = document.createElement('strong');
    write(heading, title);
    words.append(heading, ' ', ...withFlags(text));
    item.append(words);
    if (action) item.append(button(action.label, '', action.run));
    item.append(button('Dismiss', 'quiet', () => this.clear(kind)));
    this.#shown.set(kind, item);
    this.#list.append(item);
  }

  clear(kind) {
    this.#shown.get(kind)?.remove();
    this.#shown.delete(kind);
  }
}

// withFlags sets the server's flags apart, so that no line breaks within one.
function withFlags(text) {
  return text.split(/(?<=\s)(-[a-z-]+)/).map((part, i) => {
    const piece = document.createElement(i % 2 === 0 ? 'span' : 'code');
    write(piece, part);
    return piece;
  });
}

function button(label, className, run) {
  const made = document.createElement('button');
  made.type = 'button';
  made.className = `small ${className}`;
  made.textContent = label;
  made.addEventListener('click', run);
  return made;
}
