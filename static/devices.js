// Devices switches microphone, camera and screen of a call on and off while it runs.

import { asError } from './negotiation.js';
import { calling } from './calling.js';
import { missing } from './media.js';
import * as notices from './notices.js';
import { client, on, view } from './switchboard.js';
import { refusedWords } from './words.js';
/** @import { Capture } from './capture.js' */

export function startDevices() {
  calling.onopening = (capture) => { capture.onlost = (kind) => lost(capture, kind); };
  on('refused', (refusal) => {
    if (!refusal.change) return;
    notices.show('refused', { title: 'The change did not reach the other side.', text: refusedWords(refusal) });
    // A screen that was new in the change is not shared any more.
    const capture = present();
    if (capture && !client.currentCall?.sharing) stopSharing(capture);
  });
}

function present() { return calling.attempt?.capture ?? null; }

/** Returns what the controls show. */
export function state() {
  const capture = present();
  return {
    microphone: capture?.microphone?.enabled ?? null, // null: there is none
    camera: Boolean(capture?.camera),
    opening: Boolean(capture?.opening('camera') || capture?.opening('media')),
    screen: Boolean(capture?.screen),
    canOpenCamera: Boolean(navigator.mediaDevices),
    canShare: Boolean(navigator.mediaDevices?.getDisplayMedia),
  };
}

export function toggleMicrophone() {
  const track = present()?.microphone;
  if (track) track.enabled = !track.enabled;
  view.render();
}

/** Opens the camera, or lets it go and tells the other side, which then shows our initials
 * and not a black picture. */
export async function toggleCamera() {
  const capture = present();
  if (!capture || capture.opening('camera')) return;
  if (capture.camera) {
    capture.drop(capture.camera);
    return send(capture, 'video', null);
  }
  const opening = capture.openCamera();
  view.render();
  try {
    if (!await opening) return; // the call has ended meanwhile
    notices.clear('media');
    await send(capture, 'video', capture.camera);
  } catch (error) {
    if (!capture.over) notices.show('media', missing('camera', asError(error)));
  }
  view.render();
}

export async function toggleScreen() {
  const capture = present();
  if (!capture || capture.opening('screen')) return; // the browser is asking already
  if (capture.screen) return stopSharing(capture);
  try {
    const screen = await capture.openScreen();
    if (screen) await client.currentCall?.share(screen);
  } catch (error) {
    capture.drop(capture.screen);
    if (!capture.over) notices.show('share', { title: 'The screen cannot be shared.', text: asError(error).message });
  }
  view.render();
}

/** Says that a track has ended by itself, here and to the other side. @param {Capture} capture @param {string} kind */
function lost(capture, kind) {
  if (kind === 'screen') return stopSharing(capture);
  const camera = kind === 'video';
  notices.show('media', {
    title: `The ${camera ? 'camera' : 'microphone'} has stopped.`,
    text: 'It was unplugged, or the browser took it back. '
      + (camera ? 'Start it again when it is there.' : 'The other side does not hear you: hang up and call again.'),
  });
  send(capture, camera ? 'video' : 'audio', null);
}

/** @param {Capture} capture */
function stopSharing(capture) {
  capture.drop(capture.screen);
  client.currentCall?.unshare();
  view.render();
}

/** @param {Capture} capture @param {'audio' | 'video'} kind @param {MediaStreamTrack | null} track */
async function send(capture, kind, track) {
  view.render();
  if (!client.pc) return; // not sent yet
  try {
    await client.currentCall?.setTrack(kind, track);
  } catch (error) {
    if (!capture.over) notices.show('media', { title: 'The other side was not told.', text: asError(error).message });
  }
}
