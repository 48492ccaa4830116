// What makes a call noticed: a sound, the tab's title and, if allowed, a notification.

// Two notes and a pause, synthesised, so that there is no sound file to load.
const tunes = {
  incoming: { notes: [659, 880, 659, 880], volume: 0.18, every: 2400 },
  outgoing: { notes: [440], volume: 0.05, every: 3200 },
};

export class Attention {
  #title = document.title;
  #audio = null;
  #output = null;
  #timer = 0;
  #notification = null;

  // unlock may be called at any time: browsers let a page sound only after a gesture.
  unlock() {
    this.#audio ??= new AudioContext();
    if (this.#audio.state === 'suspended') this.#audio.resume().catch(() => {});
  }

  incoming(name) {
    this.#play(tunes.incoming);
    document.title = `☎ ${name} is calling · ${this.#title}`;
    this.#notify(`${name} is calling`);
  }

  outgoing() { this.#play(tunes.outgoing); }

  stop() {
    clearInterval(this.#timer);
    this.#output?.disconnect(); // silent at once, whatever is still scheduled
    this.#output = null;
    this.#notification?.close();
    this.#notification = null;
    document.title = this.#title;
  }

  #play(tune) {
    this.stop();
    this.unlock();
    this.#output = this.#audio.createGain();
    this.#output.gain.value = tune.volume;
    this.#output.connect(this.#audio.destination);
    const round = () => tune.notes.forEach((pitch, i) => this.#note(pitch, i * 0.22));
    round();
    this.#timer = setInterval(round, tune.every);
  }

  #note(pitch, delay) {
    const start = this.#audio.currentTime + delay;
    const tone = new OscillatorNode(this.#audio, { frequency: pitch, type: 'triangle' });
    const envelope = new GainNode(this.#audio, { gain: 0 });
    envelope.gain.setValueAtTime(0, start);
    envelope.gain.linearRampToValueAtTime(1, start + 0.03);
    envelope.gain.exponentialRampToValueAtTime(0.001, start + 0.6);
    tone.connect(envelope).connect(this.#output);
    tone.start(start);
    tone.stop(start + 0.65);
  }

  #notify(text) {
    if (!canNotify() || Notification.permission !== 'granted' || document.hasFocus()) return;
    try {
      this.#notification = new Notification(text, { body: 'Click to answer.', icon: 'icon.svg', tag: 'call' });
      this.#notification.onclick = () => window.focus();
    } catch {
      // Chrome on Android has the constructor but refuses it; title and sound remain.
    }
  }
}

export function canNotify() {
  return isSecureContext && 'Notification' in window;
}
