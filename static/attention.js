// What makes a call noticed: a sound, a buzz and, if allowed, a notification.

// Two notes and a pause, synthesised, so that there is no sound file to load.
const tunes = {
  incoming: { notes: [659, 880, 659, 880], volume: 0.18, every: 2400, buzz: [400, 200, 400] },
  outgoing: { notes: [440], volume: 0.05, every: 3200, buzz: [] },
};

export class Attention {
  #audio = null;
  #output = null;
  #timer = 0;
  #notification = null;

  // locked says that the browser lets nothing sound before a gesture.
  get locked() { return navigator.userActivation?.hasBeenActive === false; }

  // unlock may be called at any time: browsers let a page sound only after a gesture.
  unlock() {
    this.#audio ??= new AudioContext();
    if (this.#audio.state === 'suspended') this.#audio.resume().catch(() => {});
  }

  incoming(name) {
    this.#play(tunes.incoming);
    this.#notify(`${name} is calling`);
  }

  outgoing() { this.#play(tunes.outgoing); }

  // silence ends sound and buzz; a notification stays.
  silence() {
    if (this.#timer && !this.locked) navigator.vibrate?.(0);
    clearInterval(this.#timer);
    this.#timer = 0;
    this.#output?.disconnect(); // silent at once, whatever is still scheduled
    this.#output = null;
  }

  stop() {
    this.silence();
    this.#notification?.close();
    this.#notification = null;
  }

  #play(tune) {
    this.stop();
    this.unlock();
    this.#output = this.#audio.createGain();
    this.#output.gain.value = tune.volume;
    this.#output.connect(this.#audio.destination);
    const round = () => {
      tune.notes.forEach((pitch, i) => this.#note(pitch, i * 0.22));
      if (tune.buzz.length > 0 && !this.locked) navigator.vibrate?.(tune.buzz);
    };
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
      // Chrome on Android has the constructor but refuses it; the sound remains.
    }
  }
}

export function canNotify() {
  return isSecureContext && 'Notification' in window;
}
