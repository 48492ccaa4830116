// What client.js tells and takes, and the messages that it and the server send each
// other, as types for editors and for the check of .ci/run. The browser does not load it.

import type { Call } from './call.js';

/** The events of a client by name, and the facts that each has in its `detail`. */
export interface Events {
  state: Standing;
  signedin: SignedIn;
  /** A token is needed, for `renew`: none was good enough, the last has expired, or will in so many seconds. */
  tokenneeded: { expiresIn?: number };
  /** The connection is lost, and may come back within so many seconds as if nothing had been; or it has. */
  resuming: { seconds: number };
  resumed: {};
  /** Who may call us or be called; at most 200 of the total. */
  users: { users: User[], total: number };
  /** Somebody calls: answer with call.accept or call.hangUp. */
  incoming: Party & { call: Call };
  /** Somebody called during a call, and was told that we are busy. */
  missed: Party;
  /** The other side has been rung: told to callers with a role. */
  ringing: Party;
  answered: Party;
  /** The server does not know of the call any more, which goes on as long as media flows; or it does again. */
  detached: { name: string };
  attached: Party;
  /** The state of the RTCPeerConnection has changed. */
  connection: { state: RTCPeerConnectionState };
  /** Something to play; screen is true for a shared screen. */
  track: { track: MediaStreamTrack, stream: MediaStream, screen: boolean };
  /** The call is over: told once for each. */
  ended: End;
  /**
   * What the server did not do. With change it was a change of the running call, which
   * goes on as it was.
   */
  refused: Refusal & { request?: string, change?: boolean };
  /** Every frame, as it is. */
  message: { direction: 'in' | 'out', text: string };
}

/** How the client stands with the server. */
export interface Standing {
  /** resuming: lost, connecting or connected again, with a session that may go on. */
  state: 'offline' | 'connecting' | 'waiting' | 'open' | 'signed-in' | 'resuming';
  /** When waiting or resuming: milliseconds until the next try. */
  retryIn?: number;
  /** After the loss of a socket: its close code, and whether it had ever been open. */
  code?: number;
  opened?: boolean;
}

export interface End {
  name: string;
  callID: string | null;
  /**
   * One of the protocol (hangup, declined, cancelled, busy, no-answer, gone, failed,
   * shutdown); the code of the refusal if the call could not be made (no-such-user,
   * forbidden, ...); or `lost`: our own connection to the server went, and the call with it
   * or afterwards.
   */
  reason: string;
  by: 'us' | 'them' | 'server';
  outgoing: boolean;
  answered: boolean;
  seconds: number;
  /** What else there is to say. */
  message?: string;
}

export type Emit = <K extends keyof Events>(event: K, detail: Events[K]) => void;

type Listen = <K extends keyof Events>(event: K, act: (event: CustomEvent<Events[K]>) => void) => void;

/** An EventTarget that knows which events there are. */
export interface Target extends Pick<EventTarget, 'dispatchEvent'> {
  addEventListener: Listen;
  removeEventListener: Listen;
}

export interface SignedIn { name: string, role: string, iceServers: RTCIceServer[] }

/** What to send in a call: a stream, which stays its owner's to stop; or a function that opens
 * one when it is needed, whose tracks are stopped when the call ends. */
export type Media = MediaStream | (() => MediaStream | Promise<MediaStream>);

/** The other side of a call, and the call's id. */
export interface Party { name: string, callID: string }

/** Which call a message is about, or who is meant. */
export type Address = Partial<Party>;

export interface User { name: string, role?: string, state: 'free' | 'ringing' | 'in-call' }

/** Some pages send the bare SDP. */
export type Description = RTCSessionDescriptionInit | string;

/** Some pages send its text alone. */
export type Candidate = RTCIceCandidateInit | string;

export interface Login { type: 'login', name?: string, role?: string, token?: string, resume?: boolean }

/** What a client says of a call. */
export type CallMessage = Address & (
  | { type: 'offer', offer: Description }
  | { type: 'answer', answer: Description }
  | { type: 'request-call' | 'respond-call', sdp: Description }
  | { type: 'candidate' | 'new-ice-candidate', candidate: Candidate }
  | { type: 'leave' | 'end-call', reason?: string });

/** What a client may send. */
export type Sent = Login | CallMessage | { type: 'users' } | { type: 'ping' };

export interface Refusal { code: string, message: string }

export type LoginReply = { type: 'login', success: true, name: string, role?: string, iceServers?: RTCIceServer[],
    session?: string, resumeWindow?: number, resumed?: boolean, received?: number }
  | { type: 'login', success: false } & Refusal;

export type Offer = ({ type: 'offer', offer: Description } | { type: 'request-call', sdp: Description }) & Party;
export type Answer = ({ type: 'answer', answer: Description } | { type: 'respond-call', sdp: Description }) & Party;
export type Failure = { type: 'error', request?: string } & Refusal & Address;

/** What a client may hear. */
export type Received = LoginReply | Offer | Answer | Failure
  | { type: 'ice-servers', iceServers: RTCIceServer[] }
  | { type: 'token-expiring', expiresIn: number }
  | { type: 'restart', reconnectIn: number }
  | { type: 'users', users: User[], total: number }
  | { type: 'ringing' | 'call-created' } & Party
  | { type: 'candidate', candidate: Candidate } & Party
  | { type: 'new-ice-candidate', callID: string } & RTCIceCandidateInit
  | { type: 'leave', reason: string } & Party
  | { type: 'pong' };

/** What call.js is given by client.js: what a call is, and whom to tell what becomes of it. */
export interface CallFacts { name: string, callID?: string, vocabulary: Offer['type'], outgoing: boolean }
export interface CallHooks {
  /** That of now: credentials may be renewed during a call. */
  config(): RTCConfiguration;
  /** Whether the server hears us. */
  online(): boolean;
  send(message: CallMessage): void;
  emit: Emit;
  /** Ends the call, and says so to the server; the message says why, if the browser does. */
  hangUp(reason?: string, message?: string): void;
  /** The call has ended without a word to the server. */
  over(reason: string, by: End['by'], message?: string): void;
}

/** What socket.js is given by client.js. */
export interface SocketHooks {
  emit: Emit;
  hear(message: Received): void;
  /** The server knows nothing of us any more: the connection has ended with this code, and no session is left. */
  forgotten(code: number): void;
}

/** How a call's messages are worded. */
export type Vocabularies = Record<Offer['type'], {
  offer(description: Description): CallMessage;
  answer(description: Description): CallMessage;
  candidate(candidate: Candidate): CallMessage;
}>;
