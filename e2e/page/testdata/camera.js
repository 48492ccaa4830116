// Puts a drawn portrait in place of the camera's picture. It nods: a canvas that
// does not change sends no frames.
(name) => {
  const colours = {
    sam: { wall: '#d9e2dc', frame: '#8fa89b', shirt: '#2f6f8f', hair: '#3b2a20', skin: '#d9a27c', ink: '#2b1d16' },
    tess: { wall: '#efe3cf', frame: '#c79a5b', shirt: '#7a3b52', hair: '#8a4b22', skin: '#f0c3a0', ink: '#3a2317' },
  }[name];
  const canvas = document.createElement('canvas');
  canvas.width = 640;
  canvas.height = 480;
  const g = canvas.getContext('2d');

  function fill(colour, shape) {
    g.fillStyle = colour;
    g.beginPath();
    shape();
    g.fill();
  }

  function ellipse(colour, x, y, width, height, from = 0, to = 2 * Math.PI) {
    fill(colour, () => g.ellipse(x, y, width, height, 0, from, to));
  }

  function draw() {
    const nod = 4 * Math.sin(performance.now() / 500);
    fill(colours.wall, () => g.rect(0, 0, 640, 480));
    fill(colours.frame, () => g.rect(472, 60, 120, 150));
    fill(colours.wall, () => g.rect(484, 72, 96, 126));
    ellipse(colours.frame, 532, 140, 26, 34);
    ellipse(colours.shirt, 320, 530, 200, 200);
    if (name === 'tess') ellipse(colours.hair, 320, 222 + nod, 118, 160);
    else ellipse(colours.hair, 320, 186 + nod, 102, 106);
    fill(colours.skin, () => g.roundRect(284, 290, 72, 76, 32));
    ellipse(colours.skin, 320, 222 + nod, 90, 110);
    ellipse(colours.hair, 320, 164 + nod, 92, 62, Math.PI, 0);
    for (const x of [286, 354]) ellipse(colours.ink, x, 220 + nod, 7, 9);
    g.strokeStyle = colours.ink;
    g.lineWidth = 7;
    g.lineCap = 'round';
    g.beginPath();
    g.arc(320, 248 + nod, 34, 0.2 * Math.PI, 0.8 * Math.PI);
    g.stroke();
  }

  draw();
  setInterval(draw, 100);
  const [picture] = canvas.captureStream(10).getVideoTracks();
  const open = navigator.mediaDevices.getUserMedia.bind(navigator.mediaDevices);
  navigator.mediaDevices.getUserMedia = async (wanted) => {
    const sound = await open({ audio: wanted.audio });
    return new MediaStream([...sound.getTracks(), picture]);
  };
  return true;
}
