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
    default: return `The call to ${name} could not be made: ${message || reason}.`;
  }
}

function ownEnd({ name, reason, outgoing, message }) {
  switch (reason) {
    case 'declined': return `You declined the call from ${name}.`;
    case 'cancelled': return `You cancelled the call to ${name}.`;
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
    case 'bad-name': return `This name cannot be used. ${message || 'Choose one of 1 to 64 ordinary characters.'}`;
    case 'bad-role': return 'The server knows no such role. Leave it empty, or choose teacher or student.';
    case 'bad-token': return 'This server wants a token to sign in, and this page has none.';
    case 'forbidden': return `That is not allowed. ${whoMayCallWhom}`;
    case 'unsupported': return 'The other side cannot change a running call, so screen sharing and '
      + 'switching the camera do not reach it. The call goes on.';
    case 'rate-limited': return 'Too many messages in a short time. Wait a moment.';
    case 'unavailable': return 'The server cannot do this right now. Try again in a moment.';
    default: return `The server refused${request ? ` "${request}"` : ''}: ${message || code}.`;
  }
}

// closedWords says why a connection ended for good, or returns '' if there is nothing to say.
export function closedWords(code) {
  switch (code) {
    case 4000: return 'You signed in somewhere else under the same name. This page stays signed out.';
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
