// The stage: pictures, controls and the clock of one call, as wide as the window.

import { calling } from './calling.js';
import * as devices from './devices.js';
import { byID, find, onClick } from './elements.js';
import { initials, write } from './names.js';
import * as notices from './notices.js';
import { client, on } from './switchboard.js';
import { duration } from './words.js';
/** @import { Events } from './types.d.ts' */

const stage = byID('stage');
const [remote, local, screen] = ['remote', 'local', 'screen'].map((name) => byID(`${name}-video`, HTMLVideoElement));

export class Stage {
  #clock = 0;

  constructor() {
    onClick('mute', devices.toggleMicrophone);
    onClick('camera', devices.toggleCamera);
    onClick('share', devices.toggleScreen);
    onClick('hang-up', () => calling.hangUp());
    on('track', showTrack);
    for (const video of [remote, screen]) video.addEventListener('loadedmetadata', () => play(video));
  }

  /** Shows the present attempt; without one the stage is closed. */
  render() {
    const { attempt, phase, caption } = calling;
    if (!attempt) return this.#close();
    const { name, connected, answeredAt = 0, capture } = attempt;
    stage.hidden = false;
    stage.dataset.phase = phase;
    write(byID('party-name'), calling.party);
    byID('party-name').title = name;
    byID('remote-avatar').textContent = initials(name);
    byID('local-avatar').textContent = initials(client.name);
    write(byID('progress'), caption);
    if (local.srcObject !== capture.stream) local.srcObject = capture.stream;
    if (connected) {
      this.#clock ||= setInterval(() => showClock(answeredAt), 1000);
      showClock(answeredAt);
    }
    this.#showControls(phase === 'active');
  }

  #close() {
    if (stage.hidden) return;
    clearInterval(this.#clock);
    this.#clock = 0;
    write(byID('clock'), '');
    for (const video of [remote, local, screen]) video.srcObject = null;
    stage.classList.remove('with-screen', 'with-picture');
    stage.hidden = true;
  }

  /** Has each button say what a click does; what is off is red, with a slash. @param {boolean} active */
  #showControls(active) {
    const { microphone, camera, opening, screen, canOpenCamera, canShare } = devices.state();
    const muted = microphone === false;
    showControl('mute', muted, muted ? 'Unmute' : 'Mute', microphone !== null);
    showControl('camera', !camera, opening ? 'Opening…' : camera ? 'Stop camera' : 'Start camera', active && canOpenCamera);
    showControl('share', false, screen ? 'Stop sharing' : 'Share screen', active && canShare);
    showControl('hang-up', false, active ? 'Hang up' : 'Cancel', true);
    byID('hang-up').title = `${active ? 'Hang up' : 'Cancel'} (Ctrl+Shift+H)`;
    byID('share').classList.toggle('on', screen);
    byID('sharing').hidden = !screen;
    stage.classList.toggle('with-self', camera);
  }
}

/** @param {string} id @param {boolean} off @param {string} label @param {boolean} enabled */
function showControl(id, off, label, enabled) {
  const button = byID(id, HTMLButtonElement);
  button.classList.toggle('is-off', off && enabled);
  button.disabled = !enabled;
  write(find(button, '.label'), label);
}

/** @param {number} since */
function showClock(since) { write(byID('clock'), duration((Date.now() - since) / 1000)); }

/** @param {Events['track']} event */
function showTrack({ track, stream, screen: shared }) {
  const video = shared ? screen : remote;
  if (video.srcObject !== stream) video.srcObject = stream;
  if (track.kind !== 'video') return;
  // A track that the other side stops is muted or ended; then it leaves the picture.
  const show = () => {
    if (!(video.srcObject instanceof MediaStream && video.srcObject.getTracks().includes(track))) return;
    stage.classList.toggle(shared ? 'with-screen' : 'with-picture', !track.muted && track.readyState === 'live');
  };
  for (const event of ['mute', 'unmute', 'ended']) track.addEventListener(event, show);
  show();
}

/** @param {HTMLVideoElement} video */
function play(video) {
  video.play().then(() => notices.clear('sound'), (error) => {
    if (error.name !== 'NotAllowedError') return;
    notices.show('sound', { title: 'The browser holds back the sound.', text: 'It plays only after a click.' },
      { label: 'Play', run: () => play(video) });
  });
}
