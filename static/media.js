// Camera, microphone and screen, and clear words where the browser gives none of them.

// Each opener resolves to { stream, problem }; a Capture asks them and owns the tracks.

// openMedia opens what there is: camera and microphone, else one of them, else
// nothing. A call goes on without, so it never fails; `problem` says what is missing.
export async function openMedia(signal) {
  if (!navigator.mediaDevices) return { stream: new MediaStream(), problem: insecure() };
  let first = null;
  for (const wanted of [{ audio: true, video: true }, { audio: true }, { video: true }]) {
    if (signal.aborted) break;
    try {
      const stream = await navigator.mediaDevices.getUserMedia(wanted);
      return { stream, problem: first && missing(wanted.audio ? 'camera' : 'microphone', first) };
    } catch (error) {
      first ??= error;
    }
  }
  return { stream: new MediaStream(), problem: first && missing('camera and microphone', first) };
}

export async function openCamera() {
  return { stream: await navigator.mediaDevices.getUserMedia({ video: true }) };
}

// openScreen brings no track if the person changed their mind.
export async function openScreen() {
  try {
    return { stream: await navigator.mediaDevices.getDisplayMedia({ video: true }) };
  } catch (error) {
    if (error.name === 'NotAllowedError') return { stream: new MediaStream() };
    throw error;
  }
}

// allGranted reports whether camera and microphone may be opened without a question,
// as far as the browser says.
export async function allGranted() {
  const ask = (name) => navigator.permissions?.query({ name }).catch(() => null);
  return (await Promise.all(['camera', 'microphone'].map(ask))).every((answer) => answer?.state === 'granted');
}

// unplugged says which of camera and microphone are not there, or returns null.
export async function unplugged() {
  const kinds = (await navigator.mediaDevices.enumerateDevices()).map((device) => device.kind);
  const absent = [];
  if (!kinds.includes('videoinput')) absent.push('camera');
  if (!kinds.includes('audioinput')) absent.push('microphone');
  return absent.length ? missing(absent.join(' and '), { name: 'NotFoundError' }) : null;
}

export function stop(stream) {
  for (const track of stream?.getTracks() ?? []) track.stop();
}

function insecure() {
  return {
    title: 'No camera and microphone on this address.',
    text: 'The browser gives them only to secure pages. Open this page by https, or as http://localhost on '
      + 'the same machine, or start the server with -tls-self-signed. Until then calls go on without: you '
      + 'see and hear the other side.',
  };
}

export function missing(what, error) {
  const goesOn = {
    'camera': 'Calls go on with sound only from your side.',
    'microphone': 'Calls go on with your picture, but without your sound.',
  }[what] ?? 'Calls go on without: you see and hear the other side.';
  const several = what.includes(' and ');
  switch (error.name) {
    case 'NotAllowedError': return {
      title: `The ${what} ${several ? 'are' : 'is'} not allowed.`,
      text: `${goesOn} To change this, allow ${several ? 'them' : 'it'} for this page in the browser's `
        + 'address bar or in the system\'s privacy settings, then call again.',
    };
    case 'NotFoundError': return {
      title: `No ${what.replace(' and ', ' or ')} found.`,
      text: `${goesOn} Plug one in and call again.`,
    };
    case 'NotReadableError': return {
      title: `The ${what} cannot be opened.`,
      text: `${goesOn} Another program or tab is probably using ${several ? 'them' : 'it'}: close that and call again.`,
    };
    default: return { title: `The ${what} cannot be used.`, text: `${goesOn} The browser says: ${error.message}` };
  }
}
