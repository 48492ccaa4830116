// What makes a call noticed: a sound, a buzz and, if allowed, a notification.

import { calling } from './calling.js';

// Two notes and a pause, synthesised, so that there is no sound file to load.
const tunes = {
  incoming: { notes: [659, 880, 659, 880], volume: 0.18, every: 2400, buzz: [400, 200, 400] },
  outgoing: { notes: [440], volume: 0.05, every: 3200, buzz: [] },
};

export class Attention {
  /** @type {AudioContext | null} */ #audio = null;
  /** @type {GainNode | null} */ #output = null;
  /** @type {Notification | null} */ #notification = null;
  #due = ''; // the tune that was asked for last, silenced or not
  #timer = 0;

  /** Whether the browser lets nothing sound before a gesture. */
  get locked() { return navigator.userActivation?.hasBeenActive === false; }

  /** Returns what plays sound, and allows it to: browsers do so after a gesture only. */
  unlock() {
    this.#audio ??= new AudioContext();
    if (this.#audio.state === 'suspended') this.#audio.resume().catch(() => {});
    return this.#audio;
  }

  /** Plays the tune that is due until it no longer is, and notifies when somebody calls. */
  render() {
    const { tune: due, ringing } = calling;
    if (due === this.#due) return;
    this.#due = due;
    this.silence();
    this.#notification?.close();
    this.#notification = null;
    if (due) this.#play(tunes[due]);
    if (ringing) this.#notify(`${ringing} is calling`);
  }

  /** Ends sound and buzz; a notification stays. */
  silence() {
    if (this.#timer && !this.locked) navigator.vibrate?.(0);
    clearInterval(this.#timer);
    this.#timer = 0;
    this.#output?.disconnect(); // silent at once, whatever is still scheduled
    this.#output = null;
  }

  /** @param {{ notes: number[], volume: number, every: number, buzz: number[] }} tune */
  #play({ notes, volume, every, buzz }) {
    const audio = this.unlock();
    const output = new GainNode(audio, { gain: volume });
    output.connect(audio.destination);
    this.#output = output;
    const round = () => {
      notes.forEach((pitch, i) => note(output, pitch, audio.currentTime + i * 0.22));
      if (buzz.length > 0 && !this.locked) navigator.vibrate?.(buzz);
    };
    round();
    this.#timer = setInterval(round, every);
  }

  /** @param {string} text */
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

/** @param {AudioNode} output @param {number} pitch @param {number} start */
function note(output, pitch, start) {
  const tone = new OscillatorNode(output.context, { frequency: pitch, type: 'triangle' });
  const envelope = new GainNode(output.context, { gain: 0 });
  envelope.gain.setValueAtTime(0, start);
  envelope.gain.linearRampToValueAtTime(1, start + 0.03);
  envelope.gain.exponentialRampToValueAtTime(0.001, start + 0.6);
  tone.connect(envelope).connect(output);
  tone.start(start);
  tone.stop(start + 0.65);
}

export function canNotify() { return isSecureContext && 'Notification' in window; }
