// What the protocol's codes and reasons mean to the person in front of the page.

import { isolate, unseen } from './names.js';
/** @import { Notice } from './notices.js' */
/** @import { End, Events, User } from './types.d.ts' */

/** Says what ended a call and why, seen from this side; who is the other. @param {End} end */
export function endedWords(end, who = isolate(end.name)) {
  const { reason, by, outgoing, answered, seconds } = end;
  const length = answered && seconds >= 1 ? ` The call lasted ${duration(seconds)}.` : '';
  if (by === 'us') return ownEnd(end, who) + (reason === 'hangup' ? length : '');
  switch (reason) {
    case 'hangup': return capital(`${who} hung up.${length}`);
    case 'declined': return capital(`${who} declined your call.`);
    case 'cancelled': return `${who} cancelled the call before you answered.`;
    case 'busy': return capital(`${who} is in another call. Try again in a while.`);
    case 'no-answer': return outgoing ? `${capital(who)} did not answer.` : `You missed a call from ${who}.`;
    case 'gone': return capital(`${who} is gone: the page was closed, or its connection was lost.${length}`);
    case 'failed': return capital(`${who} ended the call, because no connection for sound and picture could be made.`);
    case 'shutdown': return `The server is going down, which ended the call with ${who}.${length}`;
    case 'lost': return `The connection to the server was lost, and the call with ${who} with it.${length}`;
    case 'no-such-user': return `Nobody called ${who} is signed in, and nobody waits in a room of that name.`;
    default: return otherEnd(end, who) + length;
  }
}

/** Says what the server alone can know, in its words: who may call whom, for instance. @param {End} end @param {string} who */
function otherEnd({ reason, by, message }, who) {
  switch (reason) {
    case 'forbidden': return `You may not call ${who}. ${sentence(message || 'your role may not')}`;
    case 'glare': return `${who} called you at the same moment. Accept that call, or try again.`;
    case 'too-many': return 'You have as many calls as the server allows. End one of them first.';
    default: return by === 'server'
      ? `The call to ${who} could not be made. ${sentence(message || reason)}`
      : `The call with ${who} is over.`;
  }
}

/** @param {End} end @param {string} who */
function ownEnd({ reason, outgoing, message }, who) {
  switch (reason) {
    case 'declined': return `You declined the call from ${who}.`;
    case 'cancelled': return cancelledWords(who);
    case 'busy': return `You told ${who} that you are busy.`;
    case 'failed': return message
      ? `The call ${outgoing ? 'to' : 'from'} ${who} failed. The browser says: ${message}`
      : `No connection for sound and picture could be made with ${who}.`;
    default: return `You hung up the call with ${who}.`;
  }
}

/** @param {string} who */
export function cancelledWords(who) { return `You cancelled the call to ${who}.`; }

/** Says what the server did not do, and what helps; name is the one that was refused, if
 * it was for a name.
 * @param {Events['refused']} refusal */
export function refusedWords({ code, message, request }, name = '') {
  switch (code) {
    case 'name-taken': return 'Somebody is signed in under this name already. Choose another one; if it was '
      + 'you, in another tab or on another device, sign out there first.';
    case 'bad-name': return badNameWords(name);
    case 'bad-role': return `${sentence(message || 'the server does not know this role')} Leave it empty, or ask who runs the server.`;
    case 'forbidden': return `That is not allowed. ${sentence(message || code)}`;
    case 'unsupported': return 'The page of the other side cannot change a running call: a shared screen, or a '
      + 'camera switched on or off, does not get there. The call goes on as it was.';
    case 'bad-token': return 'You need a link with a token that is still good. Ask for a new link where you got yours.';
    case 'rate-limited': return 'Too many messages in a short time. Wait a moment.';
    default: return `The server refused${request ? ` "${request}"` : ' that'}. ${sentence(message || code)}`;
  }
}

/** Says that another token is needed. @param {number} [expiresIn] seconds, if the last is good for so long @returns {Notice} */
export function tokenWords(expiresIn) {
  return {
    title: expiresIn === undefined ? 'You need a new link.' : 'Your link expires soon.',
    text: 'Ask for a new one where you got yours, and open it in this tab. A call that is going on is not cut off.',
  };
}

/** @param {string} name */
function badNameWords(name) {
  const found = unseen(name).map((sign) => `U+${sign.codePointAt(0)?.toString(16).toUpperCase().padStart(4, '0')}`);
  if (found.length > 0) {
    return `This name has characters that cannot be seen: ${found.join(', ')}. Type it anew without them. `
      + 'U+200D joins several emoji into one: a single one will do.';
  }
  const length = [...name].length;
  if (length > longestName) return `This name has ${length} characters; ${longestName} are allowed.`;
  return `A name has 1 to ${longestName} characters. Not allowed are line breaks, tabs, and characters that `
    + 'cannot be seen or that turn the direction of the text.';
}

const longestName = 64;

/** Says why sound and picture may have found no way, going by the STUN and TURN servers
 * that the server tells of.
 * @param {RTCIceServer[]} iceServers @returns {Notice} */
export function noMediaWords(iceServers) {
  const title = 'Sound and picture found no way between you.';
  if (iceServers.length === 0) {
    return {
      title,
      text: 'No STUN or TURN server is configured, so calls work only within one network. For calls between networks '
        + 'start the server with -stun stun:host:3478, and with -turn for networks that let nothing through directly.',
    };
  }
  const relayed = iceServers.some(({ urls }) => [urls].flat().some((url) => /^turns?:/.test(url)));
  return {
    title,
    text: relayed
      ? 'A TURN server is configured, but seems not to be reachable from one of you, or to refuse its credentials.'
      : 'A STUN server is configured, but no TURN server: some networks let nothing through directly. Start the server with -turn.',
  };
}

/** Returns what the server says, which is meant to follow a colon, as a sentence. @param {string} text */
function sentence(text) { return capital(text) + (text.endsWith('.') ? '' : '.'); }

/** Begins a sentence, but leaves an isolated name at its beginning as it is spelt. @param {string} text */
function capital(text) { return text[0].toUpperCase() + text.slice(1); }

/** Says why a connection ended for good, or returns '' if there is nothing to say. @param {number} [code] */
export function closedWords(code) {
  switch (code) {
    case 1008: return 'The server closed the connection: too many bad messages, or no sign-in for too long.';
    case 4000: return 'You have signed in elsewhere: in another tab, or on another device.';
    case 4003: return 'The operator of the server has signed you out.';
    case 1009: return 'The server closed the connection: the message was too large.';
    default: return '';
  }
}

/** @param {User['state']} state */
export function stateWords(state) { return state === 'in-call' ? 'in a call' : state; }

/** @param {number} seconds */
export function duration(seconds) {
  const whole = Math.floor(seconds);
  const clock = `${Math.floor(whole / 60) % 60}:${String(whole % 60).padStart(2, '0')}`;
  return whole < 3600 ? clock : `${Math.floor(whole / 3600)}:${clock.padStart(5, '0')}`;
}
