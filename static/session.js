// Who one is: the form to sign in with, and what of it outlives a reload of the page.

import { askPermission } from './capture.js';
import { byID } from './elements.js';
import { link, takeToken } from './link.js';
import { isolate, write } from './names.js';
import * as notices from './notices.js';
import { client, on } from './switchboard.js';
import { refusedWords, tokenWords } from './words.js';

const nameField = byID('name', HTMLInputElement);
const roleField = byID('role', HTMLInputElement);
let token = ''; // that one signs in with, if a link has brought one
const chips = /** @type {NodeListOf<HTMLElement>} */ (document.querySelectorAll('[data-role]'));

/** Fills in the form, and signs in after a reload. The hooks are told that somebody signs in
 * by hand, for the call of the link or without, and that this was refused.
 * @param {{ signing(call: boolean): void, refused(): void }} hooks */
export function startSession(hooks) {
  on('signedin', ({ name, role }) => remember({ name, role, token }));
  on('tokenneeded', ({ expiresIn }) => notices.show('token', tokenWords(expiresIn)));
  window.addEventListener('hashchange', showToken);
  on('refused', (refusal) => {
    if (refusal.request !== 'login' || client.state === 'signed-in') return; // the panel shows what was typed there
    remember(null);
    hooks.refused();
    const field = refusal.code === 'bad-role' ? roleField : nameField;
    showError(field, refusedWords(refusal, field.value));
    field.focus();
  });
  byID('sign-in-form').addEventListener('submit', (event) => {
    event.preventDefault();
    for (const field of [nameField, roleField]) showError(field, '');
    hooks.signing(Boolean(link.call) && event.submitter !== byID('sign-in-only'));
    token = '';
    signIn(nameField.value.trim(), roleField.value.trim());
    askPermission().then((problem) => notices.show('media', problem));
  });
  byID('sign-in-form').addEventListener('input', ({ target }) => {
    showError(target === roleField ? roleField : nameField, '');
    showForm();
  });
  for (const chip of chips) {
    chip.addEventListener('click', () => {
      roleField.value = chip.dataset.role ?? '';
      roleField.dispatchEvent(new Event('input', { bubbles: true }));
    });
  }
  begin();
}

/** Signs in; `refused` tells of what goes wrong. @param {string} name */
function signIn(name, role = '') { client.signIn(name, { role, token }).catch(() => {}); }

/** Signs in with a token of the address, or renews the one before; returns false if there is none. */
function showToken() {
  const found = takeToken();
  if (!found) return false;
  token = found;
  notices.clear('token');
  if (client.state === 'signed-in') client.renew(token).catch(() => {});
  else signIn('');
  return true;
}

/** Fills in the form, from the link or from what was signed in with in this tab. After a
 * reload one is signed in again, which opens no camera and calls nobody. */
function begin() {
  const before = remembered();
  const again = before !== null && wasReloaded();
  const { name, role } = !again && (link.name || link.role) ? link : before ?? link;
  nameField.value = name;
  roleField.value = role;
  showForm();
  if (showToken()) return;
  if (again) resume();
  else if (!name) nameField.focus();
}

/** Signs in again as before. */
export function resume() {
  const before = remembered();
  if (!before) return;
  token = before.token;
  signIn(before.name, before.role);
}

export function signOut() {
  remember(null);
  notices.clear('token');
  client.signOut();
}

/** Says beside the fields what one click will do. */
function showForm() {
  const name = nameField.value.trim();
  const as = name && (link.name || link.call) ? ` as ${isolate(name)}` : '';
  write(byID('sign-in-label'), `Sign in${as}${link.call && ` and call ${isolate(link.call)}`}`);
  byID('sign-in-only').hidden = byID('link-help').hidden = !link.call;
  byID('role-help').hidden = Boolean(link.role); // chosen for one already
  if (link.call) {
    write(byID('link-help'), `Your link asks to call ${isolate(link.call)}. One click below opens your camera and microphone, `
      + 'and calls as soon as they are here. Nothing happens before.');
  }
  const role = roleField.value.trim().toLowerCase();
  for (const chip of chips) chip.setAttribute('aria-pressed', String(chip.dataset.role === role));
}

/** @param {HTMLInputElement} field @param {string} text */
function showError(field, text) {
  byID(`${field.id}-error`).textContent = text;
  if (text) field.setAttribute('aria-invalid', 'true');
  else field.removeAttribute('aria-invalid');
}

/** Whether the person has reloaded the page. Another page can lead this tab here, but it
 * cannot reload it. */
function wasReloaded() {
  const [entry] = performance.getEntriesByType('navigation');
  return entry instanceof PerformanceNavigationTiming && ['reload', 'back_forward'].includes(entry.type);
}

const key = 'switchboard'; // in the tab's own storage, which a browser may withhold

/** @returns {{ name: string, role: string, token: string } | null} */
function remembered() {
  try {
    return JSON.parse(sessionStorage.getItem(key) ?? 'null');
  } catch {
    return null;
  }
}

/** @param {ReturnType<typeof remembered>} who */
function remember(who) {
  try {
    sessionStorage.setItem(key, JSON.stringify(who));
  } catch {
    // then one signs in again by hand
  }
}
