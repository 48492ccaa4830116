// A link to this page may say who one is, in which role, and whom to call. It fills
// in and offers: any page of the web can lead somebody here, so what a link asks for
// is done at a click, and never before.

const parameters = new URLSearchParams(location.search);
const [name, role, call] = ['name', 'role', 'call'].map((key) => (parameters.get(key) ?? '').trim());

export const link = { name, role, call };

/** Returns the token in the page's address, or ''. It is taken out of the bar and the
 * history, for nobody else to see; the server never does, as it stands behind #. */
export function takeToken() {
  const token = new URLSearchParams(location.hash.slice(1)).get('token') ?? '';
  if (token) history.replaceState(null, '', location.pathname + location.search);
  return token;
}

/** @type {Record<string, string>} */
const counterparts = { teacher: 'student', student: 'teacher' };

/** Returns the link for somebody else. Whoever opens it is to call us, unless it is for
 * us to call. A guest is to be called something already.
 * @param {{ name: string, role: string }} me */
export function invitation(me, guest = '') {
  const url = new URL(document.baseURI);
  url.hash = url.search = '';
  if (guest) url.searchParams.set('name', guest);
  if (!me.role || counterparts[me.role]) url.searchParams.set('role', counterparts[me.role] ?? '');
  if (!guest && me.role !== 'teacher') url.searchParams.set('call', me.name);
  return url.href;
}
