// Awake keeps the screen of a phone on during a call, and gives the call to the
// system's media keys.

import { calling } from './calling.js';

export class Awake {
  #wanted = false;
  /** @type {Promise<WakeLockSentinel | null> | null} from the moment in which it is asked for */ #lock = null;

  constructor() {
    // The browser takes the lock back from a hidden page.
    document.addEventListener('visibilitychange', () => this.#apply());
  }

  render() {
    const inCall = calling.attempt !== null;
    if (inCall === this.#wanted) return;
    this.#wanted = inCall;
    this.#apply();
    try {
      // TypeScript does not list this key yet.
      const hangup = /** @type {MediaSessionAction} */ (/** @type {string} */ ('hangup'));
      navigator.mediaSession.setActionHandler(hangup, inCall ? () => calling.hangUp() : null);
    } catch {
      // a browser without media session, or without this key
    }
  }

  async #apply() {
    if (this.#wanted && !document.hidden) {
      this.#lock ??= navigator.wakeLock?.request('screen').catch(() => null); // none, if the battery is low
      return;
    }
    const lock = this.#lock;
    this.#lock = null;
    (await lock)?.release();
  }
}
