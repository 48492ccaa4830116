// A Capture owns what one call takes of camera, microphone and screen: each track is
// here from the moment in which the browser hands it out until it is stopped. When the
// call is over, so is the capture, and what arrives later is stopped as it arrives: no
// device stays on without a call, however long the browser has asked and waited.

import { allGranted, openCamera, openMedia, openScreen, stop, unplugged } from './media.js';

export class Capture {
  stream = new MediaStream(); // camera and microphone, as far as there are any
  screen = null;              // the track of the shared screen
  onlost = () => {};          // told the kind of a track that has ended by itself

  #over = new AbortController();
  #pending = new Set(); // what the browser is being asked for: media, camera or screen
  #opened = null;

  get over() { return this.#over.signal.aborted; }
  get microphone() { return this.stream.getAudioTracks()[0] ?? null; }
  get camera() { return this.stream.getVideoTracks()[0] ?? null; }

  // opening says whether the answer of the browser is still awaited.
  opening(kind) { return this.#pending.has(kind); }

  // open takes camera and microphone, once; it resolves to what is missing, or null.
  open() {
    this.#opened ??= this.#request('media', openMedia).then(({ problem }) => problem ?? null);
    return this.#opened;
  }

  // openCamera resolves to the track, or null if the call has ended meanwhile.
  async openCamera() {
    await this.#request('camera', openCamera);
    return this.camera;
  }

  // openScreen resolves to the track, or null if the person changed their mind, or
  // the call has ended meanwhile.
  async openScreen() {
    await this.#request('screen', openScreen);
    return this.screen;
  }

  // drop stops a track and lets it go.
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

  // request asks the browser. What comes when the call is over is stopped at once.
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

  // keep also hears of a track that others stop: an unplugged camera, or the
  // browser's own button beside a shared screen.
  #keep(kind, track) {
    if (kind === 'screen') this.screen = track;
    else this.stream.addTrack(track);
    track.addEventListener('ended', () => {
      this.drop(track);
      this.onlost(kind === 'screen' ? kind : track.kind);
    });
  }
}

// askPermission has the browser ask now, if it would ask at all, so that nobody is
// kept waiting when the first call rings. The devices are let go again at once. It
// resolves to what is missing, as open does.
export async function askPermission() {
  if (navigator.mediaDevices && await allGranted()) return unplugged();
  const trial = new Capture();
  const problem = await trial.open();
  trial.end();
  return problem;
}
