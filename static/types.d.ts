// What client.js tells and takes, and the messages that it and the server send each
// other, as types for editors and for the check of .ci/run. The browser does not load it.

/** The events of a client by name, and the facts that each has in its `detail`. */
export interface Events {
  state: Standing;
  signedin: { name: string, role: string, iceServers: RTCIceServer[] };
  /** Who may call us or be called; at most 200 of the total. */
  users: { users: User[], total: number };
  /** Somebody calls: answer with accept or decline. */
  incoming: Party;
  /** Somebody called during a call, and was told that we are busy. */
  missed: Party;
  /** The other side has been rung: told to callers with a role. */
  ringing: Party;
  answered: Party;
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
  state: 'offline' | 'connecting' | 'waiting' | 'open' | 'signed-in';
  /** When waiting: milliseconds until the next try. */
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
   * forbidden, ...); or `lost`: our own connection to the server went, and with it the call.
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

/** The other side of a call, and the call's id. */
export interface Party { name: string, callID: string }

/** Which call a message is about, or who is meant. */
export type Address = Partial<Party>;

export interface User { name: string, role?: string, state: 'free' | 'ringing' | 'in-call' }

/** Some pages send the bare SDP. */
export type Description = RTCSessionDescriptionInit | string;

/** Some pages send its text alone. */
export type Candidate = RTCIceCandidateInit | string;

export interface Login { type: 'login', name: string, role?: string }

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

export type LoginReply = { type: 'login', success: true, name: string, role?: string, iceServers?: RTCIceServer[] }
  | { type: 'login', success: false } & Refusal;

export type Offer = ({ type: 'offer', offer: Description } | { type: 'request-call', sdp: Description }) & Party;
export type Answer = ({ type: 'answer', answer: Description } | { type: 'respond-call', sdp: Description }) & Party;
export type Failure = { type: 'error', request?: string } & Refusal & Address;

/** What a client may hear. */
export type Received = LoginReply | Offer | Answer | Failure
  | { type: 'ice-servers', iceServers: RTCIceServer[] }
  | { type: 'users', users: User[], total: number }
  | { type: 'ringing' | 'call-created' } & Party
  | { type: 'candidate', candidate: Candidate } & Party
  | { type: 'new-ice-candidate', callID: string } & RTCIceCandidateInit
  | { type: 'leave', reason: string } & Party
  | { type: 'pong' };

/** What call.js is given by client.js: what a call is, and whom to tell what becomes of it. */
export interface CallFacts { name: string, callID?: string, vocabulary: Offer['type'], outgoing: boolean }
export interface CallHooks {
  /** Those of now: their credentials may be renewed during a call. */
  iceServers(): RTCIceServer[];
  send(message: CallMessage): void;
  emit: Emit;
  /** The call cannot be made or go on; the message says why, if the browser does. */
  fail(message?: string): void;
}

/** How a call's messages are worded. */
export type Vocabularies = Record<Offer['type'], {
  offer(description: Description): CallMessage;
  answer(description: Description): CallMessage;
  candidate(candidate: Candidate): CallMessage;
}>;
