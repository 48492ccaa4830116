// Notices say what is wrong and what to do about it. There is one of each kind.

import { byID, copyOf, find } from './elements.js';
import { write } from './names.js';

/** @typedef {{ title: string, text: string }} Notice */

/** @type {Map<string, HTMLElement>} */
const shown = new Map();

/** Puts up a notice of a kind in place of an earlier one, which null only takes away.
 * @param {string} kind @param {Notice | null} notice @param {{ label: string, run(): void }} [action] */
export function show(kind, notice, action) {
  clear(kind);
  if (!notice) return;
  const item = copyOf('notice');
  write(find(item, 'strong'), notice.title);
  find(item, '.text').append(...withFlags(notice.text));
  if (action) {
    find(item, '.action').hidden = false;
    find(item, '.action').textContent = action.label;
    find(item, '.action').addEventListener('click', action.run);
  }
  find(item, '.dismiss').addEventListener('click', () => clear(kind));
  shown.set(kind, item);
  byID('notices').append(item);
}

/** @param {string[]} kinds */
export function clear(...kinds) {
  for (const kind of kinds) {
    shown.get(kind)?.remove();
    shown.delete(kind);
  }
}

/** Sets the server's flags in a text apart, so that no line breaks within one. @param {string} text */
function withFlags(text) {
  return text.split(/(?<=\s)(-[a-z-]+)/).map((part, i) => {
    const piece = document.createElement(i % 2 === 0 ? 'span' : 'code');
    write(piece, part);
    return piece;
  });
}
