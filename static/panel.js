// The panel that shows every frame and sends one's own, so that the page teaches the protocol.

const mostLines = 500;
const longText = 60; // what is longer is abbreviated in a line, and shown whole when unfolded

const description = { type: 'offer', sdp: 'v=0 …' };
const examples = new Map([
  ['login', { type: 'login', name: 'ann' }],
  ['login with a role', { type: 'login', name: 'tess', role: 'teacher' }],
  ['users', { type: 'users' }],
  ['offer', { type: 'offer', name: 'bob', offer: description }],
  ['answer', { type: 'answer', name: 'ann', answer: { ...description, type: 'answer' } }],
  ['candidate', { type: 'candidate', name: 'bob', candidate: { candidate: 'candidate:…', sdpMid: '0', sdpMLineIndex: 0 } }],
  ['leave', { type: 'leave' }],
  ['request-call', { type: 'request-call', name: 'sam', sdp: description }],
  ['respond-call', { type: 'respond-call', callID: '…', sdp: { ...description, type: 'answer' } }],
  ['new-ice-candidate', { type: 'new-ice-candidate', callID: '…', candidate: { candidate: 'candidate:…', sdpMid: '0' } }],
  ['ping', { type: 'ping' }],
  ['something unknown', { type: 'hello' }],
  ['not even JSON', 'hello?'],
]);

export function startPanel(client) {
  const byID = (id) => document.getElementById(id);
  const log = byID('log');
  const compose = byID('compose');
  const example = byID('example');

  client.addEventListener('message', ({ detail }) => add(detail.direction, detail.text));
  byID('clear-log').addEventListener('click', () => log.replaceChildren());
  byID('show-users').addEventListener('change', ({ target }) => log.classList.toggle('with-users', target.checked));

  for (const name of examples.keys()) example.add(new Option(name));
  example.addEventListener('change', () => {
    const message = examples.get(example.value);
    put(typeof message === 'string' ? message : JSON.stringify(message, null, 2));
    example.selectedIndex = 0;
  });

  byID('compose-form').addEventListener('submit', (event) => {
    event.preventDefault();
    submit();
  });
  compose.addEventListener('keydown', (event) => {
    if (event.key === 'Enter' && (event.ctrlKey || event.metaKey)) submit();
  });

  // Without a connection one is opened first, so that signing in can be tried by hand.
  function submit() {
    const text = compose.value; // as it was typed, right or wrong
    if (!text || client.sendText(text)) return;
    client.addEventListener('state', function once({ detail }) {
      if (detail.state === 'connecting') return;
      client.removeEventListener('state', once);
      client.sendText(text);
    });
    client.connect();
  }

  function put(text) {
    compose.value = text;
    compose.focus();
  }

  function add(direction, text) {
    const atEnd = log.scrollHeight - log.scrollTop - log.clientHeight < 40;
    log.append(line(direction, text));
    while (log.childElementCount > mostLines) log.firstElementChild.remove();
    if (atEnd) log.scrollTop = log.scrollHeight;
  }

  function line(direction, text) {
    const message = parse(text);
    const item = element('li', direction);
    item.dataset.type = message?.type ?? '';
    const head = element('summary');
    head.append(
      element('time', '', clock()),
      element('span', 'arrow', direction === 'out' ? '→' : '←'),
      element('span', 'visually-hidden', direction === 'out' ? 'sent' : 'received'),
      element('code', '', message === undefined ? text : JSON.stringify(message, abbreviate)),
    );
    const fold = element('details');
    fold.append(head);
    fold.addEventListener('toggle', () => fold.open && fold.childElementCount === 1 && fold.append(...whole(text, message)));
    item.append(fold);
    return item;
  }

  // whole shows a message in full; made only when somebody looks.
  function whole(text, message) {
    const body = message === undefined ? text : JSON.stringify(message, null, 2);
    // A session description is a text of many lines: show them as such.
    const shown = element('pre', '', body.replaceAll('\\r\\n', '\\r\\n\n      '));
    const again = element('button', 'quiet small', 'Put into the message box');
    again.type = 'button';
    again.addEventListener('click', () => put(body));
    return [shown, again];
  }
}

function parse(text) {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

function abbreviate(key, value) {
  if (typeof value !== 'string' || value.length <= longText) return value;
  return `${value.slice(0, longText / 2)}… (${value.length} characters)`;
}

function clock() {
  const now = new Date();
  return `${now.toTimeString().slice(0, 8)}.${String(now.getMilliseconds()).padStart(3, '0')}`;
}

function element(tag, className = '', text = '') {
  const made = document.createElement(tag);
  if (className) made.className = className;
  made.textContent = text;
  return made;
}
