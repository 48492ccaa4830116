// The stage: pictures, controls and the clock of one call.

import { canShareScreen, missing, openCamera, openScreen, stop } from './media.js';
import { duration, initials } from './words.js';

export class Stage {
  #client;
  #notices;
  #parts;
  #media = new MediaStream(); // what we send
  #screen = null;             // the track of our shared screen
  #answeredAt = 0;
  #clock = 0;

  constructor(client, notices) {
    const byID = (id) => document.getElementById(id);
    this.#client = client;
    this.#notices = notices;
    this.#parts = {
      stage: byID('stage'), remote: byID('remote-video'), local: byID('local-video'), screen: byID('screen-video'),
      name: byID('party-name'), clock: byID('clock'), progress: byID('progress'), avatar: byID('remote-avatar'), self: byID('local-avatar'),
      mute: byID('mute'), camera: byID('camera'), share: byID('share'), hangUp: byID('hang-up'), sharing: byID('sharing'),
    };
    this.#parts.mute.addEventListener('click', () => this.#toggleMute());
    this.#parts.camera.addEventListener('click', () => this.#toggleCamera());
    this.#parts.share.addEventListener('click', () => this.#toggleShare());
    client.addEventListener('track', ({ detail }) => this.#track(detail));
    for (const video of [this.#parts.remote, this.#parts.screen]) {
      video.addEventListener('loadedmetadata', () => this.#play(video));
    }
  }

  // open shows the stage with the party that we are about to talk to.
  open(name) {
    const parts = this.#parts;
    parts.name.textContent = name;
    parts.avatar.textContent = initials(name);
    parts.self.textContent = initials(this.#client.name);
    parts.stage.dataset.phase = 'calling';
    parts.stage.hidden = false;
    this.#showControls();
  }

  // show takes over the media that the call sends.
  show(media) {
    this.#media = media;
    this.#parts.local.srcObject = media;
    this.#showControls();
  }

  progress(text) { this.#parts.progress.textContent = text; }

  answered() {
    this.#parts.stage.dataset.phase = 'active';
    this.#answeredAt = Date.now();
    this.#showControls();
  }

  connected() {
    if (this.#clock) return;
    const tick = () => { this.#parts.clock.textContent = duration((Date.now() - this.#answeredAt) / 1000); };
    tick();
    this.#clock = setInterval(tick, 1000);
  }

  // close ends everything that the call used; the camera's light goes out.
  close() {
    clearInterval(this.#clock);
    this.#clock = 0;
    stop(this.#media);
    this.#media = new MediaStream();
    this.#screen?.stop();
    this.#screen = null;
    const { stage, remote, local, screen } = this.#parts;
    for (const video of [remote, local, screen]) video.srcObject = null;
    stage.hidden = true;
    stage.classList.remove('with-screen', 'with-picture');
    this.#parts.clock.textContent = '';
    this.#parts.progress.textContent = '';
  }

  stopSharing() {
    if (!this.#screen) return;
    this.#screen.stop();
    this.#screen = null;
    this.#client.unshare();
    this.#showControls();
  }

  #track({ track, stream, screen }) {
    const { stage, remote, screen: screenVideo } = this.#parts;
    const video = screen ? screenVideo : remote;
    if (video.srcObject !== stream) video.srcObject = stream;
    if (track.kind !== 'video') return;
    // A track that the other side stops is muted or ended; then it leaves the picture.
    const show = () => {
      if (!video.srcObject?.getTracks().includes(track)) return;
      const live = !track.muted && track.readyState === 'live';
      stage.classList.toggle(screen ? 'with-screen' : 'with-picture', live);
    };
    for (const event of ['mute', 'unmute', 'ended']) track.addEventListener(event, show);
    show();
  }

  #play(video) {
    video.play().then(() => this.#notices.clear('sound'), (error) => {
      if (error.name !== 'NotAllowedError') return;
      this.#notices.show('sound', { title: 'The browser holds back the sound.', text: 'It plays only after a click.' },
        { label: 'Play', run: () => this.#play(video) });
    });
  }

  #toggleMute() {
    for (const track of this.#media.getAudioTracks()) track.enabled = !track.enabled;
    this.#showControls();
  }

  // The camera is let go when it is switched off, and the other side told, which
  // then shows our initials and not a black picture.
  async #toggleCamera() {
    const media = this.#media;
    const [track] = media.getVideoTracks();
    if (track) {
      track.stop();
      await this.#client.setTrack('video', null);
      return this.#showControls();
    }
    try {
      const opened = await openCamera();
      if (media !== this.#media) return opened.stop(); // the call has ended meanwhile
      await this.#client.setTrack('video', opened);
      this.#notices.clear('media');
    } catch (error) {
      this.#notices.show('media', missing('camera', error));
    }
    this.#showControls();
  }

  async #toggleShare() {
    if (this.#screen) return this.stopSharing();
    const media = this.#media;
    try {
      const track = await openScreen();
      if (!track) return;
      if (media !== this.#media) return track.stop();
      track.addEventListener('ended', () => this.stopSharing()); // by the browser's own button
      this.#screen = track;
      this.#client.share(track);
    } catch (error) {
      this.#notices.show('share', { title: 'The screen cannot be shared.', text: `The browser says: ${error.message}` });
    }
    this.#showControls();
  }

  #showControls() {
    const { stage, mute, camera, share, hangUp, sharing } = this.#parts;
    const [audio] = this.#media.getAudioTracks();
    const [video] = this.#media.getVideoTracks();
    const active = stage.dataset.phase === 'active';
    mute.setAttribute('aria-pressed', String(audio ? !audio.enabled : false));
    mute.disabled = !audio;
    camera.setAttribute('aria-pressed', String(Boolean(video)));
    camera.disabled = !active || !navigator.mediaDevices;
    share.setAttribute('aria-pressed', String(Boolean(this.#screen)));
    share.disabled = !active || !canShareScreen();
    hangUp.querySelector('.label').textContent = active ? 'Hang up' : 'Cancel';
    sharing.hidden = !this.#screen;
    stage.classList.toggle('with-self', Boolean(video));
  }
}
