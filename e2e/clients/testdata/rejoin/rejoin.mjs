// Signs in under one name again and again, each time on a new connection while
// the one before it closes. It runs in pages and in node.

// rejoin takes a client, which says how its connections are opened, how they
// sign in and how they close, and returns what each sign-in brought.
export async function rejoin(client, order, rounds) {
  const outcomes = [];
  let holder = await client.open();
  outcomes.push(await client.signIn(holder));
  for (let round = 1; round < rounds; round++) {
    const next = await client.open();
    if (order === "close first") client.close(holder);
    const outcome = client.signIn(next);
    if (order === "login first") client.close(holder);
    outcomes.push(await outcome);
    holder = next;
  }
  client.close(holder);
  return outcomes;
}

// webSocket is the client of a WebSocket class: the browser's, or that of ws.
export const webSocket = (WebSocket, url) => ({
  open: () => new Promise((resolve, reject) => {
    const socket = new WebSocket(url);
    socket.onopen = () => resolve(socket);
    socket.onerror = () => reject(new Error("it does not open"));
  }),
  signIn: (socket) => new Promise((resolve) => {
    socket.onmessage = ({ data }) => resolve(data);
    socket.onclose = ({ code, reason }) => resolve(`closed ${code} ${reason}`);
    socket.send(JSON.stringify({ type: "login", name: "ann" }));
  }),
  close: (socket) => socket.close(),
});

// socketIO is the client of Socket.IO, which signs in with what it says of
// itself when it connects. It is open as soon as its packets can go out.
export const socketIO = (Manager, url, options) => ({
  open: () => new Promise((resolve, reject) => {
    const manager = new Manager(url, { ...options, autoConnect: false, reconnection: false });
    manager.open((error) => (error ? reject(error) : resolve(manager)));
  }),
  signIn: (manager) => new Promise((resolve) => {
    manager.ours = manager.socket("/", { auth: { name: "ann" } });
    manager.ours.on("login", (answer) => resolve(JSON.stringify({ type: "login", ...answer })));
    manager.ours.on("connect_error", (error) => resolve(`connect_error ${error.message}`));
    manager.ours.on("disconnect", (reason) => resolve(`disconnect ${reason}`));
    manager.ours.connect();
  }),
  close: (manager) => manager.ours.disconnect(),
});
