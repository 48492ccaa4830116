// What all parts of the page share: the client, and the way to show what has changed.

import { SwitchboardClient } from './client.js';
/** @import { Events } from './types.d.ts' */

export const client = new SwitchboardClient(socketURL());

/** Shows the state of everything, and may be called at any time. page.js sets it. */
export const view = { render() {} };

Object.assign(window, { switchboard: client }); // for a look around in the browser's console

/** Returns the address beside that of the page, which may be served under any path. */
function socketURL() {
  const url = new URL('ws', document.baseURI);
  url.protocol = url.protocol === 'https:' ? 'wss:' : 'ws:';
  return url;
}

/** Calls act with what each such event of the client tells.
 * @template {keyof Events} K @param {K} event @param {(detail: Events[K]) => void} act */
export function on(event, act) { client.addEventListener(event, ({ detail }) => act(detail)); }
