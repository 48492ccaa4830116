// Camera, microphone and screen, and clear words where the browser gives none of them.

import { asError } from './negotiation.js';
/** @import { Notice } from './notices.js' */

/** What an opener resolves to; a Capture asks them and owns the tracks.
 * @typedef {{ stream: MediaStream, problem?: Notice | null }} Opened
 * @typedef {(signal: AbortSignal) => Promise<Opened>} Opener */

/** Opens what there is: camera and microphone, else one of them, else nothing. A call
 * goes on without, so it never fails; `problem` says what is missing.
 * @type {Opener} */
export async function openMedia(signal) {
  if (!navigator.mediaDevices) return { stream: new MediaStream(), problem: insecure() };
  /** @type {Error | null} */
  let first = null;
  for (const wanted of [{ audio: true, video: true }, { audio: true }, { video: true }]) {
    if (signal.aborted) break;
    try {
      const stream = await navigator.mediaDevices.getUserMedia(wanted);
      return { stream, problem: first && missing(wanted.audio ? 'camera' : 'microphone', first) };
    } catch (error) {
      first ??= asError(error);
    }
  }
  return { stream: new MediaStream(), problem: first && missing('camera and microphone', first) };
}

export async function openCamera() {
  return { stream: await navigator.mediaDevices.getUserMedia({ video: true }) };
}

/** Opens a screen; there is no track in it if the person changed their mind. */
export async function openScreen() {
  try {
    return { stream: await navigator.mediaDevices.getDisplayMedia({ video: true }) };
  } catch (error) {
    if (asError(error).name === 'NotAllowedError') return { stream: new MediaStream() };
    throw error;
  }
}

/** Resolves to whether camera and microphone may be opened without a question, as far as
 * the browser says. */
export async function allGranted() {
  const names = /** @type {const} */ (['camera', 'microphone']);
  const asked = names.map((name) => navigator.permissions?.query({ name }).catch(() => null));
  return (await Promise.all(asked)).every((answer) => answer?.state === 'granted');
}

/** Resolves to a notice of which of camera and microphone are not there, or null. */
export async function unplugged() {
  const kinds = (await navigator.mediaDevices.enumerateDevices()).map((device) => device.kind);
  const absent = [];
  if (!kinds.includes('videoinput')) absent.push('camera');
  if (!kinds.includes('audioinput')) absent.push('microphone');
  return absent.length ? missing(absent.join(' and '), { name: 'NotFoundError' }) : null;
}

/** @param {MediaStream} stream */
export function stop(stream) {
  for (const track of stream.getTracks()) track.stop();
}

function insecure() {
  return {
    title: 'No camera and microphone on this address.',
    text: 'The browser gives them only to secure pages. Open this page by https, or as http://localhost on '
      + 'the same machine, or start the server with -tls-self-signed. Until then calls go on without: you '
      + 'see and hear the other side.',
  };
}

/** @param {string} what @param {{ name: string, message?: string }} error @returns {Notice} */
export function missing(what, error) {
  const goesOn = {
    'camera': 'Calls go on with sound only from your side.',
    'microphone': 'Calls go on with your picture, but without your sound.',
  }[what] ?? 'Calls go on without: you see and hear the other side.';
  const several = what.includes(' and ');
  switch (error.name) {
    case 'NotAllowedError': return {
      title: `The ${what} ${several ? 'are' : 'is'} not allowed.`,
      text: `${goesOn} To change this, allow ${several ? 'them' : 'it'} for this page in the browser's `
        + 'address bar or in the system\'s privacy settings, then call again.',
    };
    case 'NotFoundError': return {
      title: `No ${what.replace(' and ', ' or ')} found.`,
      text: `${goesOn} Plug one in and call again.`,
    };
    case 'NotReadableError': return {
      title: `The ${what} cannot be opened.`,
      text: `${goesOn} Another program or tab is probably using ${several ? 'them' : 'it'}: close that and call again.`,
    };
    default: return { title: `The ${what} cannot be used.`, text: `${goesOn} The browser says: ${error.message}` };
  }
}
