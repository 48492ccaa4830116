// A Capture owns what one call takes of camera, microphone and screen: each track is
// here from the moment in which the browser hands it out until it is stopped. When the
// call is over, so is the capture, and what arrives later is stopped as it arrives: no
// device stays on without a call, however long the browser has asked and waited.

import { allGranted, openCamera, openMedia, openScreen, stop, unplugged } from './media.js';
/** @import { Opener } from './media.js' */
/** @import { Notice } from './notices.js' */
/** @typedef {'media' | 'camera' | 'screen'} Request */

export class Capture {
  stream = new MediaStream(); // camera and microphone, as far as there are any
  /** @type {MediaStreamTrack | null} of the shared screen */ screen = null;
  /** @type {(kind: string) => void} told the kind of a track that has ended by itself */ onlost = () => {};

  #over = new AbortController();
  /** @type {Set<Request>} what the browser is being asked for */ #pending = new Set();
  /** @type {Promise<Notice | null> | null} */ #opened = null;

  get over() { return this.#over.signal.aborted; }
  get microphone() { return this.stream.getAudioTracks()[0] ?? null; }
  get camera() { return this.stream.getVideoTracks()[0] ?? null; }

  /** Says whether the answer of the browser is still awaited. @param {Request} kind */
  opening(kind) { return this.#pending.has(kind); }

  /** Takes camera and microphone, once; resolves to what is missing, or null. */
  open() {
    this.#opened ??= this.#request('media', openMedia).then(({ problem }) => problem ?? null);
    return this.#opened;
  }

  /** Resolves to the track, or null if the call has ended meanwhile. */
  openCamera() { return this.#request('camera', openCamera).then(() => this.camera); }

  /** Resolves to the track, or null if the person changed their mind, or the call has
   * ended meanwhile. */
  openScreen() { return this.#request('screen', openScreen).then(() => this.screen); }

  /** Stops a track and lets it go. @param {MediaStreamTrack | null} track */
  drop(track) {
    if (!track) return;
    track.stop();
    if (track === this.screen) this.screen = null;
    else this.stream.removeTrack(track);
  }

  end() {
    this.#over.abort();
    stop(this.stream);
    this.drop(this.screen);
    this.stream = new MediaStream();
  }

  /** Asks the browser. What comes when the call is over is stopped at once.
   * @param {Request} kind @param {Opener} open */
  async #request(kind, open) {
    if (this.over) return {};
    this.#pending.add(kind);
    try {
      const { stream, problem } = await open(this.#over.signal);
      if (this.over) stop(stream);
      else for (const track of stream.getTracks()) this.#keep(kind, track);
      return { problem };
    } finally {
      this.#pending.delete(kind);
    }
  }

  /** Keeps a track until it ends; it may do so by itself, when a camera is unplugged or by
   * the browser's own button beside a shared screen.
   * @param {Request} kind @param {MediaStreamTrack} track */
  #keep(kind, track) {
    if (kind === 'screen') this.screen = track;
    else this.stream.addTrack(track);
    track.addEventListener('ended', () => {
      this.drop(track);
      this.onlost(kind === 'screen' ? kind : track.kind);
    });
  }
}

/** Has the browser ask now, if it would ask at all: so nobody is kept waiting when the
 * first call rings. The devices are let go again at once. Resolves to what is missing,
 * as open does. */
export async function askPermission() {
  if (navigator.mediaDevices && await allGranted()) return unplugged();
  const trial = new Capture();
  const problem = await trial.open();
  trial.end();
  return problem;
}
