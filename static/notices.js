// Notices say what is wrong and what to do about it. There is one of each kind.

export class Notices {
  #list;
  #shown = new Map();

  constructor(list) {
    this.#list = list;
  }

  // show puts up a notice of a kind in place of an earlier one.
  show(kind, { title, text }, action) {
    const item = document.createElement('li');
    item.setAttribute('role', 'alert');
    const words = document.createElement('p');
    const heading = document.createElement('strong');
    heading.textContent = title;
    words.append(heading, ' ', ...withFlags(text));
    item.append(words);
    if (action) item.append(button(action.label, '', action.run));
    item.append(button('Dismiss', 'quiet', () => this.clear(kind)));
    this.clear(kind);
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
    if (i % 2 === 0) return part;
    const code = document.createElement('code');
    code.textContent = part;
    return code;
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
