// Awake keeps the screen of a phone on during a call, and gives the call to the
// system's media keys.

export class Awake {
  #wanted = false;
  #lock = null; // a promise, from the moment in which it is asked for
  #hangUp;

  constructor(hangUp) {
    this.#hangUp = hangUp;
    // The browser takes the lock back from a hidden page.
    document.addEventListener('visibilitychange', () => this.#apply());
  }

  render(inCall) {
    if (inCall === this.#wanted) return;
    this.#wanted = inCall;
    this.#apply();
    try {
      navigator.mediaSession.setActionHandler('hangup', inCall ? this.#hangUp : null);
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
