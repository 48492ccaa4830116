// The demo page: its parts, what they have to do with each other, and what of them is seen.

import { Attention } from './attention.js';
import { Awake } from './awake.js';
import { calling } from './calling.js';
import { Connection } from './connection.js';
import { startDevices } from './devices.js';
import { Directory } from './directory.js';
import { byID, onClick } from './elements.js';
import { Missed } from './missed.js';
import { initials, isolate, write } from './names.js';
import * as notices from './notices.js';
import { startPanel } from './panel.js';
import { Ring } from './ring.js';
import { resume, signOut, startSession } from './session.js';
import { Stage } from './stage.js';
import { client, on, view } from './switchboard.js';
import { Wish } from './wish.js';
import { refusedWords } from './words.js';

const attention = new Attention();
const awake = new Awake();
const directory = new Directory();
const missed = new Missed(directory.people);
const wish = new Wish();
const connection = new Connection();
const ring = new Ring(attention);
const stage = new Stage();
let part = ''; // of the page, which is shown

view.render = render;
startDevices();
startPanel();
wireParts();
wireWindow();
render();
startSession({
  signing(call) {
    calling.ending = '';
    wish.decide(call ? 'now' : 'never');
  },
  refused() {
    connection.joined = false;
    render();
  },
});

function wireParts() {
  calling.onaside = (name) => missed.add(name, true);
  on('signedin', render);
  on('refused', (refusal) => {
    if (refusal.code !== 'rate-limited' || refusal.change) return;
    notices.show('refused', { title: 'Not done.', text: refusedWords(refusal) });
  });
  onClick('sign-out', () => {
    calling.hangUp();
    wish.drop();
    missed.clear();
    signOut();
    calling.ending = '';
    render();
  });
}

function wireWindow() {
  for (const gesture of ['click', 'keydown']) {
    document.addEventListener(gesture, () => {
      attention.unlock();
      render();
    });
  }
  document.addEventListener('keydown', (event) => {
    if (event.code !== 'KeyH' || !event.shiftKey || !(event.ctrlKey || event.metaKey) || event.repeat || !calling.attempt) return;
    event.preventDefault();
    calling.hangUp();
  });
  window.addEventListener('beforeunload', (event) => calling.attempt && event.preventDefault());
  // A page that the browser keeps for the way back is frozen, with its socket open: it
  // would be called and never answer. So it leaves, and signs in again when it is shown.
  window.addEventListener('pagehide', ({ persisted }) => {
    if (!persisted) return;
    calling.hangUp();
    wish.drop();
    client.signOut();
  });
  window.addEventListener('pageshow', ({ persisted }) => persisted && resume());
}

function render() {
  const status = calling.ringing ? `${isolate(calling.ringing)} is calling` : calling.progress || connection.words;
  stage.render();
  attention.render();
  ring.render();
  awake.render();
  turnTo(calling.attempt ? 'stage' : connection.joined ? 'directory' : 'welcome');
  byID('me-avatar').hidden = !connection.joined;
  byID('me-avatar').textContent = initials(client.name);
  byID('sign-out').hidden = !connection.joined && !['connecting', 'waiting', 'resuming'].includes(client.state);
  byID('sign-out').textContent = connection.joined ? 'Sign out' : 'Cancel';
  byID('turn-on-ring').hidden = !connection.joined || !attention.locked;
  write(byID('status'), status);
  write(byID('ended'), calling.ending);
  showTitle(status);
}

/** Shows one part of the page, and takes the focus there, unless somebody is busy in the panel.
 * @param {'welcome' | 'directory' | 'stage'} next */
function turnTo(next) {
  if (next === part) return;
  const first = !part;
  part = next;
  byID('welcome').hidden = next !== 'welcome';
  byID('directory').hidden = next !== 'directory';
  if (first || byID('panel').contains(document.activeElement)) return;
  byID('main').focus({ preventScroll: true });
  scrollTo(0, 0);
}

/** Says in the tab what the page is about. @param {string} status */
function showTitle(status) {
  const state = calling.ringing ? `☎ ${status}` : status;
  const waiting = missed.size > 0 && !calling.attempt ? `(${missed.size} missed) ` : '';
  const title = connection.joined ? `${waiting}${state} · Switchboard` : 'Switchboard';
  document.title = title.replace(/[\u2068\u2069]/g, '');
}
