// How names are shown: apart from the sentence around them, and as an avatar.

/** Returns a name between FIRST STRONG ISOLATE and its end: so its direction does not
 * become that of the sentence around it.
 * @param {string} name */
export function isolate(name) { return `\u2068${name}\u2069`; }

/** @type {WeakMap<Element, string>} */
const written = new WeakMap();

/** Puts a text into an element, with each isolated name as a <bdi>. The same text is
 * not written again: a screen reader would read it again.
 * @param {Element} element @param {string} text */
export function write(element, text) {
  if (written.get(element) === text) return;
  written.set(element, text);
  element.replaceChildren(...text.split(/\u2068([^\u2069]*)\u2069/).map((part, i) => {
    if (i % 2 === 0) return part;
    const name = document.createElement('bdi');
    name.textContent = part;
    return name;
  }));
}

/** Returns what stands for a person without a picture: two letters, or else the first
 * sign of the name, which may be an emoji.
 * @param {string} name */
export function initials(name) {
  const letter = /[\p{L}\p{N}]/u;
  const words = name.split(/[\s._@-]+/u).filter((word) => letter.test(word));
  const letters = words.slice(0, 2).map((word) => signs(word).find((sign) => letter.test(sign)));
  return letters.join('').toUpperCase() || (signs(name.trim())[0] ?? '?');
}

/** Returns what a reader takes for one character each, however many it is made of. @param {string} text */
function signs(text) {
  if (!Intl.Segmenter) return [...text];
  return [...new Intl.Segmenter(undefined, { granularity: 'grapheme' }).segment(text)].map(({ segment }) => segment);
}

/** Returns the characters of a name that cannot be seen, or turn the text around them, as
 * far as a page can tell. Which names are refused is for the server to say.
 * @param {string} name */
export function unseen(name) {
  return [...new Set(name.match(/[\p{Cc}\p{Cf}\p{Co}\p{Cs}\u2028\u2029\ufffd]/gu) ?? [])];
}

// compareNames puts "Ada 6" before "Ada 12".
export const compareNames = new Intl.Collator(undefined, { numeric: true, sensitivity: 'base' }).compare;
