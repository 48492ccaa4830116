// The stage: pictures, controls and the clock of one call, as wide as the window.

import { initials, isolate, write } from './names.js';
import { duration } from './words.js';

const byID = (id) => document.getElementById(id);

export class Stage {
  #client;
  #notices;
  #calling;
  #devices;
  #stage = byID('stage');
  #videos = { remote: byID('remote-video'), local: byID('local-video'), screen: byID('screen-video') };
  #clock = 0;

  constructor(client, notices, calling, devices) {
    this.#client = client;
    this.#notices = notices;
    this.#calling = calling;
    this.#devices = devices;
    const on = (id, act) => byID(id).addEventListener('click', act);
    on('mute', () => devices.toggleMicrophone());
    on('camera', () => devices.toggleCamera());
    on('share', () => devices.toggleScreen());
    on('hang-up', () => calling.hangUp());
    client.addEventListener('track', ({ detail }) => this.#track(detail));
    for (const video of [this.#videos.remote, this.#videos.screen]) {
      video.addEventListener('loadedmetadata', () => this.#play(video));
    }
  }

  // render shows the present attempt; without one the stage is closed.
  render() {
    const { attempt, phase, short } = this.#calling;
    if (!attempt) return this.#close();
    this.#stage.hidden = false;
    this.#stage.dataset.phase = phase;
    write(byID('party-name'), (attempt.room ? 'room ' : '') + isolate(attempt.name));
    byID('party-name').title = attempt.name;
    byID('remote-avatar').textContent = initials(attempt.name);
    byID('local-avatar').textContent = initials(this.#client.name);
    write(byID('progress'), short);
    if (this.#videos.local.srcObject !== attempt.capture.stream) this.#videos.local.srcObject = attempt.capture.stream;
    if (attempt.connected) this.#clock ||= setInterval(() => this.#tick(attempt), 1000);
    if (attempt.connected) this.#tick(attempt);
    this.#showControls(phase === 'active', this.#devices.state);
  }

  #close() {
    if (this.#stage.hidden) return;
    clearInterval(this.#clock);
    this.#clock = 0;
    write(byID('clock'), '');
    for (const video of Object.values(this.#videos)) video.srcObject = null;
    this.#stage.classList.remove('with-screen', 'with-picture');
    this.#stage.hidden = true;
  }

  #tick({ answeredAt }) { write(byID('clock'), duration((Date.now() - answeredAt) / 1000)); }

  #track({ track, stream, screen }) {
    const video = screen ? this.#videos.screen : this.#videos.remote;
    if (video.srcObject !== stream) video.srcObject = stream;
    if (track.kind !== 'video') return;
    // A track that the other side stops is muted or ended; then it leaves the picture.
    const show = () => {
      if (!video.srcObject?.getTracks().includes(track)) return;
      const live = !track.muted && track.readyState === 'live';
      this.#stage.classList.toggle(screen ? 'with-screen' : 'with-picture', live);
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

  // A button's label says what a click does; what is off is red, with a slash.
  #showControls(active, { microphone, camera, opening, screen, canOpenCamera, canShare }) {
    this.#showControl('mute', microphone === false, microphone === false ? 'Unmute' : 'Mute', microphone !== null);
    this.#showControl('camera', !camera, opening ? 'Opening…' : camera ? 'Stop camera' : 'Start camera', active && canOpenCamera);
    this.#showControl('share', false, screen ? 'Stop sharing' : 'Share screen', active && canShare);
    write(byID('hang-up').querySelector('.label'), active ? 'Hang up' : 'Cancel');
    byID('hang-up').title = `${active ? 'Hang up' : 'Cancel'} (Ctrl+Shift+H)`;
    byID('share').classList.toggle('on', screen);
    byID('sharing').hidden = !screen;
    this.#stage.classList.toggle('with-self', camera);
  }

  #showControl(id, off, label, enabled) {
    const button = byID(id);
    button.classList.toggle('is-off', off && enabled);
    button.disabled = !enabled;
    write(button.querySelector('.label'), label);
  }
}
