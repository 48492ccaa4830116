// Plays rejoin.mjs with an npm package as it comes, and prints the outcomes.
//
//   node node.mjs <folder of ws or a socket.io-client> <url> <options> <order> <rounds>
import { createRequire } from "node:module";
import { rejoin, socketIO, webSocket } from "./rejoin.mjs";

const [folder, url, options, order, rounds] = process.argv.slice(2);
const { Manager, WebSocket } = createRequire(import.meta.url)(folder);
const client = Manager ? socketIO(Manager, url, JSON.parse(options)) : webSocket(WebSocket, url);
console.log(JSON.stringify(await rejoin(client, order, Number(rounds))));
process.exit();
