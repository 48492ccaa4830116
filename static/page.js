// The demo page: what its parts have to do with each other, and what of them is seen.

import { SwitchboardClient } from './client.js';
import { Attention } from './attention.js';
import { Awake } from './awake.js';
import { Calling } from './calling.js';
import { Connection } from './connection.js';
import { Devices } from './devices.js';
import { link } from './link.js';
import { Directory } from './directory.js';
import { Missed } from './missed.js';
import { initials, isolate, write } from './names.js';
import { Notices } from './notices.js';
import { startPanel } from './panel.js';
import { Ring } from './ring.js';
import { Session } from './session.js';
import { Stage } from './stage.js';
import { Wish } from './wish.js';
import { noMediaWords, refusedWords } from './words.js';

const byID = (id) => document.getElementById(id);

const client = new SwitchboardClient(socketURL());
const notices = new Notices(byID('notices'));
const attention = new Attention();
const awake = new Awake(() => calling.hangUp());
const calling = new Calling(client, (name) => Boolean(directory.people.find(name)));
const place = (name, dialled) => calling.place(name, dialled);
const directory = new Directory(client, place);
const missed = new Missed(client, { place, mayCall: (name) => directory.people.mayCall(name), changed: render });
const wish = new Wish(client, place);
const connection = new Connection(client, notices, render);
const session = new Session(client, notices, connection);
const devices = new Devices(client, notices, { capture: () => calling.attempt?.capture ?? null, changed: render });
const ring = new Ring(calling, attention);
const stage = new Stage(client, notices, calling, devices);

let view = '';     // which part of the page is shown
let tune = '';     // what sounds
let asked = false; // whether the call of the link has been decided on

window.switchboard = client; // for a look around in the browser's console
startPanel(client);
wireCalls();
wireSession();
wireWindow();
render();
session.begin();

// The page may be served under any path; the socket is beside it.
function socketURL() {
  const url = new URL('ws', document.baseURI);
  url.protocol = url.protocol === 'https:' ? 'wss:' : 'ws:';
  return url;
}

function wireCalls() {
  calling.addEventListener('changed', render);
  calling.addEventListener('opening', ({ detail: { capture } }) => {
    for (const kind of ['ice', 'refused', 'share', 'aside']) notices.clear(kind);
    capture.onlost = (kind) => devices.lost(capture, kind);
  });
  calling.addEventListener('opened', ({ detail }) => notices.show('media', detail));
  calling.addEventListener('aside', ({ detail: { name, instead } }) => {
    missed.add(name, true);
    notices.show('aside', {
      title: `You have taken the call from ${isolate(instead)}.`,
      text: `${isolate(name)} was not called. You find the name among your missed calls.`,
    });
  });
  client.addEventListener('ended', ({ detail: { reason, by, message } }) => {
    if (!calling.attempt) notices.clear('aside'); // the list of missed calls says it
    if (reason === 'failed' && by === 'us' && !message) notices.show('ice', noMediaWords(client.iceServers));
  });
  client.addEventListener('refused', ({ detail }) => {
    if (detail.change) notices.show('refused', { title: 'The change did not reach the other side.', text: refusedWords(detail) });
    else if (detail.code === 'rate-limited') notices.show('refused', { title: 'Not done.', text: refusedWords(detail) });
  });
}

function wireSession() {
  session.addEventListener('signing', ({ detail: { call } }) => {
    asked = true;
    calling.ending = '';
    if (call) wish.force(link.call);
    else wish.drop();
  });
  session.addEventListener('refused', render);
  client.addEventListener('signedin', () => {
    if (!asked && link.call) wish.offer(link.call);
    asked = true;
    render();
  });
  byID('sign-out').addEventListener('click', () => {
    calling.hangUp();
    wish.drop();
    missed.clear();
    session.signOut();
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
  window.addEventListener('pageshow', ({ persisted }) => persisted && session.resume());
}

// render shows the state of everything. It may be called at any time.
function render() {
  const status = calling.ringing ? `${isolate(calling.ringing)} is calling` : calling.progress || connection.words;
  stage.render();
  sound();
  ring.render(calling.ringing);
  awake.render(Boolean(calling.attempt));
  turnTo(calling.attempt ? 'stage' : connection.joined ? 'directory' : 'welcome');
  byID('me-avatar').hidden = !connection.joined;
  byID('me-avatar').textContent = initials(client.name);
  byID('sign-out').hidden = !connection.joined && !['connecting', 'waiting'].includes(client.state);
  byID('sign-out').textContent = connection.joined ? 'Sign out' : 'Cancel';
  byID('turn-on-ring').hidden = !connection.joined || !attention.locked;
  write(byID('status'), status);
  write(byID('ended'), calling.ending);
  showTitle(status);
}

// sound has the page ring, or play what a caller hears, as long as that is due.
function sound() {
  const due = calling.ringing ? 'incoming' : calling.phase === 'calling' && calling.attempt.begun ? 'outgoing' : '';
  if (due === tune) return;
  tune = due;
  if (tune === 'incoming') attention.incoming(calling.ringing);
  else if (tune === 'outgoing') attention.outgoing();
  else attention.stop();
}

// turnTo changes what the page is about, and takes the focus there, unless
// somebody is busy in the panel.
function turnTo(next) {
  if (next === view) return;
  const first = !view;
  view = next;
  byID('welcome').hidden = view !== 'welcome';
  byID('directory').hidden = view !== 'directory';
  if (first || byID('panel').contains(document.activeElement)) return;
  byID('main').focus({ preventScroll: true });
  scrollTo(0, 0);
}

// showTitle says in the tab what the page is about.
function showTitle(status) {
  const state = calling.ringing ? `☎ ${status}` : status;
  const waiting = missed.size > 0 && !calling.attempt ? `(${missed.size} missed) ` : '';
  const title = connection.joined ? `${waiting}${state} · Switchboard` : 'Switchboard';
  document.title = title.replace(/[\u2068\u2069]/g, '');
}
