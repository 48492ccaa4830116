// How the elements of the page are found, copied from templates, and listened to.

/** Returns the element that a selector finds below another, and throws if there is
 * none of that class, which is named for what not every element has.
 * @template {HTMLElement} [E=HTMLElement]
 * @param {ParentNode} above @param {string} selector @param {new () => E} [kind] */
export function find(above, selector, kind = /** @type {new () => E} */ (HTMLElement)) {
  const found = above.querySelector(selector);
  if (found instanceof kind) return found;
  throw new TypeError(`the page has no ${kind.name} ${selector}`);
}

/** @template {HTMLElement} [E=HTMLElement] @param {string} id @param {new () => E} [kind] */
export function byID(id, kind) { return find(document, `#${id}`, kind); }

/** @param {string} id @param {() => void} act */
export function onClick(id, act) { byID(id).addEventListener('click', act); }

/** Returns a new copy of the entry that a template of the page holds. @param {string} id */
export function copyOf(id) { return find(document.importNode(byID(id, HTMLTemplateElement).content, true), 'li'); }
