// One Socket.IO client on a string: it does what it is told on its standard
// input, a line of JSON each, and says what happens to it on its standard
// output. The client itself is the npm package as it comes.
//
//   node client.mjs <folder of the package> <url> <options>
//
//   {"emit":["join",{"room":1}]}               emits
//   {"emit":["request-call",{...}],"ack":true} emits, and tells of the ack
//   {"disconnect":true}                        leaves
//   {"connect":true}                           comes back
import { createRequire } from "node:module";
import { createInterface } from "node:readline";

const [folder, url, options] = process.argv.slice(2);
const { io } = createRequire(import.meta.url)(folder);
const socket = io(url, JSON.parse(options));

const tell = (event, ...args) => console.log(JSON.stringify({ event, args }));

socket.on("connect", () => tell("connect", socket.id, socket.io.engine.transport.name));
socket.on("connect_error", (error) => tell("connect_error", error.message, error.data));
socket.on("disconnect", (reason) => tell("disconnect", reason));
socket.io.on("ping", () => tell("ping"));
socket.onAny((event, ...args) => tell(event, ...args));

for await (const line of createInterface({ input: process.stdin })) {
  const order = JSON.parse(line);
  if (order.emit && order.ack) {
    socket.emit(...order.emit, (...args) => tell("ack", ...args));
  } else if (order.emit) {
    socket.emit(...order.emit);
  } else if (order.disconnect) {
    socket.disconnect();
  } else if (order.connect) {
    socket.connect();
  }
}
process.exit();
