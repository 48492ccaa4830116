// Devices switches microphone, camera and screen of a call on and off while it runs.

import { missing } from './media.js';

export class Devices {
  #client;
  #notices;
  #capture; // a function that returns the present call's capture, or null
  #changed;

  constructor(client, notices, { capture, changed }) {
    this.#client = client;
    this.#notices = notices;
    this.#capture = capture;
    this.#changed = changed;
    client.addEventListener('refused', ({ detail }) => detail.change && this.#changeRefused());
  }

  // state is what the controls show.
  get state() {
    const capture = this.#capture();
    return {
      microphone: capture?.microphone ? capture.microphone.enabled : null, // null: there is none
      camera: Boolean(capture?.camera),
      opening: Boolean(capture?.opening('camera') || capture?.opening('media')),
      screen: Boolean(capture?.screen),
      canOpenCamera: Boolean(navigator.mediaDevices),
      canShare: Boolean(navigator.mediaDevices?.getDisplayMedia),
    };
  }

  toggleMicrophone() {
    const track = this.#capture()?.microphone;
    if (track) track.enabled = !track.enabled;
    this.#changed();
  }

  // The camera is let go when it is switched off, and the other side told, which
  // then shows our initials and not a black picture.
  async toggleCamera() {
    const capture = this.#capture();
    if (!capture || capture.opening('camera')) return;
    if (capture.camera) {
      capture.drop(capture.camera);
      return this.#send(capture, 'video', null);
    }
    const opening = capture.openCamera();
    this.#changed();
    try {
      if (!await opening) return; // the call has ended meanwhile
      this.#notices.clear('media');
      await this.#send(capture, 'video', capture.camera);
    } catch (error) {
      if (!capture.over) this.#notices.show('media', missing('camera', error));
    }
    this.#changed();
  }

  async toggleScreen() {
    const capture = this.#capture();
    if (!capture || capture.opening('screen')) return; // the browser is asking already
    if (capture.screen) return this.#stopSharing(capture);
    try {
      if (await capture.openScreen()) await this.#client.share(capture.screen);
    } catch (error) {
      capture.drop(capture.screen);
      if (!capture.over) this.#notices.show('share', { title: 'The screen cannot be shared.', text: error.message });
    }
    this.#changed();
  }

  // lost hears of a track that ended by itself.
  lost(capture, kind) {
    if (kind === 'screen') return this.#stopSharing(capture);
    const what = kind === 'video' ? 'camera' : 'microphone';
    this.#notices.show('media', {
      title: `The ${what} has stopped.`,
      text: 'It was unplugged, or the browser took it back. '
        + (kind === 'video' ? 'Start it again when it is there.' : 'The other side does not hear you: hang up and call again.'),
    });
    this.#send(capture, kind, null);
  }

  #stopSharing(capture) {
    capture.drop(capture.screen);
    this.#client.unshare();
    this.#changed();
  }

  // A screen that was new in the refused change is not shared any more.
  #changeRefused() {
    const capture = this.#capture();
    if (capture && !this.#client.sharing) this.#stopSharing(capture);
  }

  async #send(capture, kind, track) {
    this.#changed();
    if (!this.#client.pc) return; // not sent yet
    try {
      await this.#client.setTrack(kind, track);
    } catch (error) {
      if (!capture.over) this.#notices.show('media', { title: 'The other side was not told.', text: error.message });
    }
  }
}
