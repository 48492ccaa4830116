// A link to this page may say who one is, in which role, and whom to call. It fills
// in and offers: any page of the web can lead somebody here, so what a link asks for
// is done at a click, and never before.

const parameters = new URLSearchParams(location.search);
const parameter = (key) => (parameters.get(key) ?? '').trim();

export const link = { name: parameter('name'), role: parameter('role'), call: parameter('call') };

const counterparts = { teacher: 'student', student: 'teacher' };

// invitation is the link for somebody else. Whoever opens it is to call us, unless
// it is for us to call. A guest is to be called something already.
export function invitation({ name, role }, guest = '') {
  const url = new URL(document.baseURI);
  url.hash = url.search = '';
  if (guest) url.searchParams.set('name', guest);
  if (!role || counterparts[role]) url.searchParams.set('role', counterparts[role] ?? '');
  if (!guest && role !== 'teacher') url.searchParams.set('call', name);
  return url.href;
}
