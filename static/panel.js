// The panel that shows every frame and sends one's own, so that the page teaches the protocol.

import { parse } from './socket.js';
import { byID, copyOf, find, onClick } from './elements.js';
import { client, on } from './switchboard.js';

const mostLines = 500;
const longText = 60; // what is longer is abbreviated in a line, and shown whole when unfolded

const log = byID('log');
const compose = byID('compose', HTMLTextAreaElement);
const example = byID('example', HTMLSelectElement);
const showUsers = byID('show-users', HTMLInputElement);

export function startPanel() {
  on('message', ({ direction, text }) => add(line(direction, text)));
  onClick('clear-log', () => log.replaceChildren());
  showUsers.addEventListener('change', () => log.classList.toggle('with-users', showUsers.checked));
  example.addEventListener('change', () => {
    put(indented(example.value));
    example.selectedIndex = 0;
  });
  byID('compose-form').addEventListener('submit', (event) => {
    event.preventDefault();
    submit();
  });
  compose.addEventListener('keydown', (event) => {
    if (event.key === 'Enter' && (event.ctrlKey || event.metaKey)) submit();
  });
}

/** Sends what was typed, right or wrong. Without a connection one is opened first: so
 * signing in can be tried by hand. */
function submit() {
  const text = compose.value;
  if (!text || client.sendText(text)) return;
  client.addEventListener('state', function once({ detail }) {
    if (detail.state === 'connecting') return;
    client.removeEventListener('state', once);
    client.sendText(text);
  });
  client.connect();
}

/** @param {string} text */
function put(text) {
  compose.value = text;
  compose.focus();
}

/** @param {HTMLElement} item */
function add(item) {
  const atEnd = log.scrollHeight - log.scrollTop - log.clientHeight < 40;
  log.append(item);
  while (log.childElementCount > mostLines) log.firstElementChild?.remove();
  if (atEnd) log.scrollTop = log.scrollHeight;
}

/** Returns the entry of a frame, which shows it in full when it is unfolded.
 * @param {'in' | 'out'} direction @param {string} text */
function line(direction, text) {
  const message = /** @type {{ type?: string } | null | undefined} */ (parse(text));
  const item = copyOf('frame');
  item.className = direction;
  item.dataset.type = message?.type ?? '';
  find(item, 'time').textContent = clock();
  find(item, '.arrow').textContent = direction === 'out' ? '→' : '←';
  find(item, '.visually-hidden').textContent = direction === 'out' ? 'sent' : 'received';
  find(item, 'code').textContent = message === undefined ? text : JSON.stringify(message, abbreviate);
  // A session description is a text of many lines: show them as such.
  find(item, 'details').addEventListener('toggle', () => {
    find(item, 'pre').textContent ||= indented(text).replaceAll('\\r\\n', '\\r\\n\n      ');
  });
  find(item, 'button').addEventListener('click', () => put(indented(text)));
  return item;
}

/** Returns a message with a line for each field; what is no JSON stays as it is. @param {string} text */
function indented(text) {
  const message = parse(text);
  return message === undefined ? text : JSON.stringify(message, null, 2);
}

/** @param {string} _ the key @param {unknown} value */
function abbreviate(_, value) {
  if (typeof value !== 'string' || value.length <= longText) return value;
  return `${value.slice(0, longText / 2)}… (${value.length} characters)`;
}

function clock() {
  const now = new Date();
  return `${now.toTimeString().slice(0, 8)}.${String(now.getMilliseconds()).padStart(3, '0')}`;
}
