// What the protocol's codes and reasons mean to the person in front of the page.

// endedWords says what ended a call and why, seen from this side.
export function endedWords(end) {
  const { name, reason, by, outgoing, answered, seconds, message } = end;
  const length = answered && seconds >= 1 ? ` The call lasted ${duration(seconds)}.` : '';
  if (by === 'us') return ownEnd(end) + (reason === 'hangup' ? length : '');
  switch (reason) {
    case 'hangup': return `${name} hung up.${length}`;
    case 'declined': return `${name} declined your call.`;
    case 'cancelled': return `${name} cancelled the call before you answered.`;
    case 'busy': return `${name} is in another call. Try again in a while.`;
    case 'no-answer': return outgoing ? `${name} did not answer.` : `You missed a call from ${name}.`;
    case 'gone': return `${name} is gone: the page was closed, or its connection was lost.${length}`;
    case 'failed': return `${name} ended the call, because no connection for sound and picture could be made.`;
    case 'shutdown': return `The server is going down, which ended the call with ${name}.${length}`;
    case 'lost': return `The connection to the server was lost, and the call with ${name} with it.${length}`;
    case 'no-such-user': return `Nobody called ${name} is signed in.`;
    case 'forbidden': return `You may not call ${name}. ${whoMayCallWhom}`;
    case 'glare': return `${name} called you at the same moment. Accept that call, or try again.`;
    case 'too-many': return 'You have as many calls as the server allows. End one of them first.';
    default: return by === 'server'
      ? `The call to ${name} could not be made. ${sentence(message || reason)}`
      : `The call with ${name} is over.${length}`;
  }
}

function ownEnd({ name, reason, outgoing, message }) {
  switch (reason) {
    case 'declined': return `You declined the call from ${name}.`;
    case 'cancelled': return `You cancelled the call to ${name}.`;
    case 'busy': return `You told ${name} that you are busy.`;
    case 'failed': return message
      ? `The call ${outgoing ? 'to' : 'from'} ${name} failed. The browser says: ${message}`
      : `No connection for sound and picture could be made with ${name}.`;
    default: return `You hung up the call with ${name}.`;
  }
}

const whoMayCallWhom = 'Unless the server is set up differently, a teacher calls students and people '
  + 'without a role, people without a role call each other, and a student waits to be called.';

// refusedWords says what the server did not do, and what helps.
export function refusedWords({ code, message, request }) {
  switch (code) {
    case 'name-taken': return 'Somebody is signed in under this name already. Choose another one; if it was '
      + 'you, in another tab or on another device, sign out there first.';
    case 'bad-name': return 'This name cannot be used. A name has 1 to 64 characters, none of them invisible, '
      + 'and neither begins nor ends with a blank.';
    case 'bad-role': return 'The server knows no such role. Leave it empty, or choose teacher or student.';
    case 'forbidden': return `That is not allowed. ${whoMayCallWhom}`;
    case 'unsupported': return 'Its page cannot change a running call, so neither a shared screen nor a '
      + 'camera that is switched on or off gets there. The call goes on as it was.';
    case 'rate-limited': return 'Too many messages in a short time. Wait a moment.';
    default: return `The server refused${request ? ` "${request}"` : ' that'}. ${sentence(message || code)}`;
  }
}

// sentence makes one of what the server says, which is meant to follow a colon.
function sentence(text) {
  return text[0].toUpperCase() + text.slice(1) + (text.endsWith('.') ? '' : '.');
}

// closedWords says why a connection ended for good, or returns '' if there is nothing to say.
export function closedWords(code) {
  switch (code) {
    case 1008: return 'The server closed the connection: too many bad messages, or no sign-in for too long.';
    case 1009: return 'The server closed the connection: the message was too large.';
    default: return '';
  }
}

export function stateWords(state) {
  return { 'free': 'free', 'ringing': 'ringing', 'in-call': 'in a call' }[state] ?? state;
}

export function duration(seconds) {
  const whole = Math.floor(seconds);
  const two = (n) => String(n).padStart(2, '0');
  const clock = `${Math.floor(whole / 60) % 60}:${two(whole % 60)}`;
  return whole < 3600 ? clock : `${Math.floor(whole / 3600)}:${clock.padStart(5, '0')}`;
}

// initials stand for a person without a picture.
export function initials(name) {
  const words = name.split(/[\s._@-]+/u).filter((word) => /[\p{L}\p{N}]/u.test(word));
  const letters = words.slice(0, 2).map((word) => [...word].find((c) => /[\p{L}\p{N}]/u.test(c)));
  return letters.join('').toUpperCase() || '?';
}
