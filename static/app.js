// The demo page: it ties the client to what is seen and heard.

import { SwitchboardClient, sameName } from './client.js';
import { Attention, canNotify } from './attention.js';
import { askPermission, openMedia, stop } from './media.js';
import { Notices } from './notices.js';
import { People } from './people.js';
import { Stage } from './stage.js';
import { startPanel } from './panel.js';
import { closedWords, endedWords, initials, refusedWords } from './words.js';

const usersEvery = 5000;

const byID = (id) => document.getElementById(id);
const parameters = new URLSearchParams(location.search);
const parameter = (key) => (parameters.get(key) ?? '').trim();

const client = new SwitchboardClient(socketURL());
const attention = new Attention();
const notices = new Notices(byID('notices'));
const people = new People(byID('people'), byID('more-people'), placeCall);
const stage = new Stage(client, notices);

let joined = false; // signed in, or coming back after a lost connection
let wish = parameter('call'); // whom to call as soon as they are here
let calling = ''; // whom we are about to call, while the camera opens
let progress = ''; // how far the present call is
let shown = ''; // the view
let countdown = 0;

window.switchboard = client; // for a look around in the browser's console
startPanel(client);
wire();
begin();

// The page may be served under any path; the socket is beside it.
function socketURL() {
  const url = new URL('ws', document.baseURI);
  url.protocol = url.protocol === 'https:' ? 'wss:' : 'ws:';
  return url;
}

function wire() {
  const on = (event, act) => client.addEventListener(event, ({ detail }) => act(detail));
  on('state', stateChanged);
  on('signedin', signedIn);
  on('users', usersHeard);
  on('incoming', rung);
  on('ringing', ({ name }) => say(`Ringing ${name}…`, 'Ringing…'));
  on('answered', answered);
  on('connection', connectionChanged);
  on('ended', ended);
  on('refused', refused);

  byID('sign-in-form').addEventListener('submit', (event) => {
    event.preventDefault();
    signIn();
  });
  byID('dial').addEventListener('submit', (event) => {
    event.preventDefault();
    const name = byID('dial-name').value.trim();
    if (name) placeCall(name);
  });
  for (const chip of document.querySelectorAll('[data-role]')) {
    chip.addEventListener('click', () => { byID('role').value = chip.dataset.role; });
  }
  byID('sign-out').addEventListener('click', signOut);
  byID('retry').addEventListener('click', () => client.connect());
  byID('accept').addEventListener('click', accept);
  byID('decline').addEventListener('click', () => client.decline());
  byID('incoming').addEventListener('close', () => !byID('incoming').returnValue && client.decline()); // Escape
  byID('hang-up').addEventListener('click', hangUp);
  byID('give-up-wish').addEventListener('click', () => setWish(''));
  byID('copy-link').addEventListener('click', copyLink);
  byID('allow-notifications').addEventListener('click', allowNotifications);

  for (const gesture of ['click', 'keydown']) document.addEventListener(gesture, unlockSound);
  document.addEventListener('visibilitychange', askUsers);
  window.addEventListener('online', () => client.state === 'waiting' && client.connect());
  setInterval(askUsers, usersEvery);
}

// A link may say who one is and whom to call.
function begin() {
  byID('name').value = parameter('name');
  byID('role').value = parameter('role');
  render();
  if (byID('name').value && parameters.has('role')) signIn();
  else byID('name').focus();
  if (navigator.userActivation?.hasBeenActive === false && client.state !== 'offline') {
    notices.show('ring', { title: 'Click anywhere once.', text: 'Until then the browser does not let calls ring aloud.' });
  }
}

function unlockSound() {
  attention.unlock();
  notices.clear('ring');
}

function signIn() {
  byID('sign-in-error').textContent = '';
  byID('ended').textContent = '';
  client.signIn(byID('name').value.trim(), byID('role').value.trim());
  askPermission().then(warnOfMedia);
}

function signOut() {
  if (calling) hangUp();
  setWish('');
  joined = false;
  client.signOut();
  byID('ended').textContent = '';
  render();
}

function signedIn({ name, role }) {
  joined = true;
  people.allowAll();
  byID('me-name').textContent = name;
  byID('me-role').textContent = role;
  byID('me-avatar').textContent = initials(name);
  byID('link').value = linkFor(name, role);
  byID('link-label').textContent = role === 'teacher'
    ? 'You can call whoever opens this link'
    : 'Whoever opens this link and signs in calls you';
  byID('second-tab').href = linkFor(name, role, 'Robin');
  byID('allow-notifications').hidden = !canNotify() || Notification.permission !== 'default';
  client.users();
  render();
}

// linkFor is for the other side: it calls us, unless it is for us to call.
function linkFor(name, role, guest) {
  const link = new URL(document.baseURI);
  link.hash = '';
  link.search = '';
  if (guest) link.searchParams.set('name', guest);
  link.searchParams.set('role', { teacher: 'student', student: 'teacher' }[role] ?? '');
  if (!guest && role !== 'teacher') link.searchParams.set('call', name);
  return link.href;
}

async function copyLink() {
  const button = byID('copy-link');
  byID('link').select();
  try {
    await navigator.clipboard.writeText(byID('link').value);
    button.textContent = 'Copied';
  } catch {
    button.textContent = 'Press Ctrl+C'; // no clipboard on insecure pages, but it is selected
  }
  setTimeout(() => { button.textContent = 'Copy link'; }, 2500);
}

async function allowNotifications() {
  await Notification.requestPermission();
  byID('allow-notifications').hidden = true;
}

function stateChanged({ state, code, opened, retryIn }) {
  clearInterval(countdown);
  byID('retry').hidden = state !== 'waiting';
  byID('countdown').textContent = '';
  if (state === 'waiting') countDown(retryIn);
  if (state === 'signed-in') notices.clear('socket');
  if (state === 'offline') joined = false;
  if (state === 'waiting' || state === 'offline') lostSocket(code, opened);
  render();
}

function countDown(time) {
  const until = Date.now() + time;
  const tick = () => { byID('countdown').textContent = `in ${Math.max(0, Math.ceil((until - Date.now()) / 1000))} s`; };
  tick();
  countdown = setInterval(tick, 500);
}

async function lostSocket(code, opened) {
  people.show([]);
  byID('more-people').textContent = 'No connection to the server.';
  byID('alone').hidden = true;
  const words = closedWords(code);
  if (words) notices.show('socket', { title: 'The connection was closed.', text: words });
  if (opened !== false) return;
  const why = await whyNoSocket();
  if (client.state === 'waiting' || client.state === 'connecting') notices.show('socket', why);
}

// The browser does not say why a socket fails. Whether this page can still be
// had tells a server that is down from one that refuses the socket.
async function whyNoSocket() {
  try {
    const { status } = await fetch(document.baseURI, { method: 'HEAD', cache: 'no-store' });
    if (status < 500) {
      return {
        title: 'The server refuses the connection.',
        text: 'Most often a proxy in between is the cause. It has to pass on the header Host as it came, with its port, '
          + 'and the headers Upgrade and Connection. If this page is meant to come from elsewhere than the server, '
          + `start that with -origins ${location.origin}.`,
      };
    }
  } catch {
    // no answer at all: as below
  }
  return {
    title: 'The server does not answer.',
    text: 'It is down, or the network is. This page keeps trying; if the server is yours, look whether it is running.',
  };
}

function refused(refusal) {
  if (refusal.request === 'login') {
    if (client.state === 'signed-in') return; // typed in the panel, which shows the answer
    joined = false;
    byID('sign-in-error').textContent = refusedWords(refusal);
  } else if (refusal.change) {
    notices.show('refused', { title: 'The change did not reach the other side.', text: refusedWords(refusal) });
    if (!client.sharing) stage.stopSharing();
  } else if (refusal.code === 'rate-limited') {
    notices.show('refused', { title: 'Not done.', text: refusedWords(refusal) });
  }
  render();
}

function askUsers() {
  if (client.state === 'signed-in' && !document.hidden && !client.currentCall) client.users();
}

function usersHeard({ users, total }) {
  people.show(users, total);
  byID('alone').hidden = people.size > 0;
  const wished = wish && users.find((user) => sameName(user.name, wish));
  byID('wish').hidden = !wish;
  if (wish) byID('wish-text').textContent = wishWords(wished);
  if (wished?.state === 'free') placeCall(wished.name);
}

function setWish(name) {
  wish = name;
  byID('wish').hidden = !wish;
}

function wishWords(person) {
  return person
    ? `${person.name} is in another call. This page calls as soon as they are free.`
    : `${wish} is not here yet. This page calls as soon as they appear.`;
}

async function placeCall(name) {
  if (calling || client.currentCall) return;
  calling = name;
  prepareCall(name);
  say(`Calling ${name}…`, 'Calling…');
  const { stream, problem } = await openMedia();
  warnOfMedia(problem);
  const call = client.currentCall;
  const still = calling === name;
  calling = '';
  if (still && call?.state === 'incoming' && sameName(call.name, name)) return answer(call, stream);
  if (!still || call || client.state !== 'signed-in') {
    stop(stream);
    if (still && !call) ended({ name, reason: 'lost', by: 'server' });
    return;
  }
  stage.show(stream);
  attention.outgoing();
  client.call(name, stream);
  render();
}

function rung({ name }) {
  if (calling && sameName(calling, name)) return; // we are about to call them: placeCall answers
  const dialog = byID('incoming');
  byID('incoming-name').textContent = name;
  byID('incoming-avatar').textContent = initials(name);
  dialog.returnValue = '';
  dialog.showModal();
  attention.incoming(name);
  say(`${name} is calling`);
}

function accept() {
  const call = client.currentCall;
  attention.stop();
  byID('incoming').close('accepted');
  if (call?.state !== 'incoming') return;
  prepareCall(call.name);
  say(`Answering ${call.name}…`, 'Answering…');
  openMedia().then(({ stream, problem }) => {
    warnOfMedia(problem);
    answer(call, stream);
  });
}

function answer(call, stream) {
  if (client.currentCall !== call) return stop(stream); // it ended while the camera opened
  stage.show(stream);
  client.accept(stream);
}

function prepareCall(name) {
  byID('ended').textContent = '';
  for (const kind of ['ice', 'refused', 'share']) notices.clear(kind);
  stage.open(name);
}

function answered({ name }) {
  setWish('');
  attention.stop();
  stage.answered();
  say(`Connecting to ${name}…`, 'Connecting…');
}

function connectionChanged({ state }) {
  const name = client.currentCall?.name;
  if (!name) return;
  if (state === 'connected') {
    stage.connected();
    say(`In a call with ${name}`);
  }
  if (state === 'disconnected' || state === 'failed') {
    say(`The connection to ${name} is interrupted; trying to repair it…`, 'Interrupted; trying to repair it…');
  }
}

function hangUp() {
  if (client.currentCall) return client.hangUp();
  ended({ name: calling, reason: 'cancelled', by: 'us' }); // the camera was still opening
}

function ended(end) {
  calling = '';
  attention.stop();
  byID('incoming').close('ended');
  stage.close();
  byID('ended').textContent = endedWords(end);
  if (end.reason === 'failed' && !end.message) notices.show('ice', whyNoMedia());
  if (end.reason === 'forbidden') people.forbid(end.name);
  if (!['no-such-user', 'busy', 'gone', 'lost'].includes(end.reason)) setWish('');
  progress = '';
  if (client.state === 'signed-in') client.users();
  render();
}

function whyNoMedia() {
  const title = 'Sound and picture found no way between you.';
  if (client.iceServers.length === 0) {
    return {
      title,
      text: 'No STUN or TURN server is configured, so calls work only within one network. For calls between networks '
        + 'start the server with -stun stun:host:3478, and with -turn for networks that let nothing through directly.',
    };
  }
  const relayed = client.iceServers.some(({ urls }) => [urls].flat().some((url) => /^turns?:/.test(url)));
  return {
    title,
    text: relayed
      ? 'A TURN server is configured, but seems not to be reachable from one of you, or to refuse its credentials.'
      : 'A STUN server is configured, but no TURN server: some networks let nothing through directly. Start the server with -turn.',
  };
}

function warnOfMedia(problem) {
  if (problem) notices.show('media', problem);
  else notices.clear('media');
}

// say tells how far the call is: in full as the page's state, in short beside the picture.
function say(text, short = '') {
  progress = text;
  stage.progress(short);
  render();
}

function render() {
  const view = !byID('stage').hidden ? 'stage' : joined ? 'lobby' : 'welcome';
  if (view !== shown) turnTo(view);
  byID('me').hidden = !joined;
  byID('sign-out').hidden = !joined && !['connecting', 'waiting'].includes(client.state);
  byID('sign-out').textContent = joined ? 'Sign out' : 'Cancel';
  const status = progress || statusWords();
  if (byID('status').textContent !== status) byID('status').textContent = status;
}

// turnTo changes what the page is about, and takes the focus there, unless
// somebody is busy in the panel.
function turnTo(view) {
  const first = !shown;
  shown = view;
  byID('welcome').hidden = view !== 'welcome';
  byID('lobby').hidden = view !== 'lobby';
  if (first || byID('panel').contains(document.activeElement)) return;
  byID('main').focus({ preventScroll: true });
  scrollTo(0, 0);
}

function statusWords() {
  switch (client.state) {
    case 'connecting': return joined ? 'Reconnecting…' : 'Connecting…';
    case 'waiting': return joined ? 'Connection lost; reconnecting' : 'No connection; trying again';
    case 'open': return 'Connected, not signed in';
    case 'signed-in': return `Signed in as ${client.name}${client.role && ` (${client.role})`}`;
    default: return 'Signed out';
  }
}
