// Who one is: the form to sign in with, and what of it outlives a reload of the page.

import { askPermission } from './capture.js';
import { link } from './link.js';
import { isolate, write } from './names.js';
import { refusedWords } from './words.js';

const byID = (id) => document.getElementById(id);

export class Session extends EventTarget {
  #client;
  #notices;
  #connection;

  // The event `signing` says that somebody signs in by hand; call is true if the
  // click was also for the call that the link asks for.
  constructor(client, notices, connection) {
    super();
    this.#client = client;
    this.#notices = notices;
    this.#connection = connection;
    client.addEventListener('signedin', ({ detail: { name, role } }) => remember({ name, role }));
    client.addEventListener('refused', ({ detail }) => detail.request === 'login' && this.#refused(detail));

    byID('sign-in-form').addEventListener('submit', (event) => {
      event.preventDefault();
      this.#signIn(Boolean(link.call) && event.submitter !== byID('sign-in-only'));
    });
    byID('sign-in-form').addEventListener('input', ({ target }) => {
      showError(target, '');
      this.#showForm();
    });
    for (const chip of document.querySelectorAll('[data-role]')) {
      chip.addEventListener('click', () => {
        byID('role').value = chip.dataset.role;
        byID('role').dispatchEvent(new Event('input', { bubbles: true }));
      });
    }
  }

  // begin fills in the form, from the link or from what was signed in with in this
  // tab. After a reload one is signed in again, which opens no camera and calls nobody.
  begin() {
    const before = remembered();
    const again = before !== null && wasReloaded();
    const { name, role } = !again && (link.name || link.role) ? link : before ?? link;
    byID('name').value = name;
    byID('role').value = role;
    this.#showForm();
    if (again) this.resume();
    else if (!name) byID('name').focus();
  }

  // resume signs in again as before.
  resume() {
    const before = remembered();
    if (before) this.#client.signIn(before.name, before.role);
  }

  signOut() {
    remember(null);
    this.#client.signOut();
  }

  #signIn(call) {
    for (const field of [byID('name'), byID('role')]) showError(field, '');
    this.dispatchEvent(new CustomEvent('signing', { detail: { call } }));
    this.#client.signIn(byID('name').value.trim(), byID('role').value.trim());
    askPermission().then((problem) => this.#notices.show('media', problem));
  }

  #refused(refusal) {
    if (this.#client.state === 'signed-in') return; // typed in the panel, which shows the answer
    this.#connection.joined = false;
    remember(null);
    const field = byID(refusal.code === 'bad-role' ? 'role' : 'name');
    this.dispatchEvent(new Event('refused')); // the form is to be seen again, before it takes the focus
    showError(field, refusedWords(refusal, field.value));
    field.focus();
  }

  // showForm says beside the fields what one click will do.
  #showForm() {
    const name = byID('name').value.trim();
    const as = name && (link.name || link.call) ? ` as ${isolate(name)}` : '';
    write(byID('sign-in-label'), `Sign in${as}${link.call && ` and call ${isolate(link.call)}`}`);
    byID('sign-in-only').hidden = byID('link-help').hidden = !link.call;
    byID('role-help').hidden = Boolean(link.role); // chosen for one already
    if (link.call) {
      write(byID('link-help'), `Your link asks to call ${isolate(link.call)}. One click below opens your camera and microphone, `
        + 'and calls as soon as they are here. Nothing happens before.');
    }
    const role = byID('role').value.trim().toLowerCase();
    for (const chip of document.querySelectorAll('[data-role]')) {
      chip.setAttribute('aria-pressed', String(chip.dataset.role === role));
    }
  }
}

function showError(field, text) {
  byID(`${field.id}-error`).textContent = text;
  if (text) field.setAttribute('aria-invalid', 'true');
  else field.removeAttribute('aria-invalid');
}

// A page of somebody else can lead this tab here, but it cannot reload it.
function wasReloaded() {
  return ['reload', 'back_forward'].includes(performance.getEntriesByType('navigation')[0]?.type);
}

const key = 'switchboard'; // in the tab's own storage, which a browser may withhold

function remembered() {
  try {
    return JSON.parse(sessionStorage.getItem(key));
  } catch {
    return null;
  }
}

function remember(who) {
  try {
    sessionStorage.setItem(key, JSON.stringify(who));
  } catch {
    // then one signs in again by hand
  }
}
