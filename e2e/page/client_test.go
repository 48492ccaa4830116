package page

import (
	"fmt"
	"testing"

	"switchboard/e2e"
)

// openClients opens a page whose scripts make clients of their own, with these helpers.
func openClients(t *testing.T, flags ...string) *e2e.Page {
	t.Helper()
	p := e2e.OpenPage(t, e2e.Start(t, flags...).URL)
	p.Name = "client.js"
	e2e.Value[bool](p, `import(new URL("client.js", document.baseURI)).then(({ SwitchboardClient }) => {
		const url = new URL("ws", document.baseURI.replace("http", "ws"));
		window.sockets = [];
		window.WebSocket = class extends WebSocket { constructor(url) { super(url); sockets.push(this); } };
		window.make = (options) => new SwitchboardClient(url, options);
		window.heard = (client, event, test = () => true) => new Promise((resolve) => client.addEventListener(event, function once({ detail }) {
			if (!test(detail)) return;
			client.removeEventListener(event, once);
			resolve(detail);
		}));
		window.signIn = async (name, role) => {
			const client = make();
			await client.signIn(name, { role });
			return client;
		};
		// endBy has the client that connected last hear that the server closes its socket.
		window.endBy = (code) => {
			const socket = sockets.at(-1), { onclose } = socket;
			socket.onmessage = socket.onclose = null;
			socket.close(1000);
			onclose({ code });
		};
		// refusal is the message of what a promise is rejected with.
		window.refusal = (promise) => promise.then(() => "done", (error) => error instanceof Error ? error.message : "no Error");
		return true;
	})`)
	return p
}

// A page may send the bare SDP in place of an object. What it changes in a call is a
// change all the same, and no reason to begin with a new connection.
func TestClientBareSDP(t *testing.T) {
	p := openClients(t)
	if !e2e.Value[bool](p, `(async () => {
		const [ann, bob] = [await signIn("ann"), await signIn("bob")];
		const send = ann.send.bind(ann);
		ann.send = (message) => send(message.offer ? { ...message, offer: message.offer.sdp } : message);
		const rung = heard(bob, "incoming");
		await ann.call("bob");
		await rung;
		const connected = heard(ann, "connection", ({ state }) => state === "connected");
		await bob.currentCall.accept();
		await connected;
		const { pc } = bob, screen = heard(bob, "track", ({ screen }) => screen);
		await ann.currentCall.share(document.createElement("canvas").captureStream().getTracks()[0]);
		await screen;
		const same = pc === bob.pc;
		ann.signOut(), bob.signOut();
		return same;
	})()`) {
		t.Error("a changed offer began a new connection")
	}
}

// What client.js cannot do it says: in an Error whose message is for people, and never
// by doing nothing. Three clients in one page play it; calls need no camera here.
func TestClientRefusals(t *testing.T) {
	p := openClients(t, "-may-call", "teacher:student,student:teacher,-:-")
	tests := []struct{ name, play, want string }{
		{"call when signed out", `refusal(make().call("bob"))`, "You are not signed in."},
		{"call while connecting", `(async () => { const ann = make(); const signing = refusal(ann.signIn("ann")); const said = await refusal(ann.call("bob")); ann.signOut(); return said + " " + await signing; })()`,
			"You are not signed in yet: there is no connection to the server. The connection to the server has ended."},
		{"call in a call", `(async () => {
			const [ann, bob] = [await signIn("ann"), await signIn("bob")];
			const rung = heard(bob, "incoming");
			await ann.call("bob");
			await rung;
			const said = await refusal(ann.call("cat"));
			const ended = heard(bob, "ended");
			ann.signOut();
			await ended;
			bob.signOut();
			return said;
		})()`, "You are in a call with bob."},
		{"accept after the call has ended", `(async () => {
			const [ann, bob] = [await signIn("ann"), await signIn("bob")];
			const rung = heard(bob, "incoming"), ended = heard(bob, "ended");
			await ann.call("bob");
			const { call } = await rung;
			ann.hangUp();
			await ended;
			const said = await refusal(call.accept());
			ann.signOut(), bob.signOut();
			return said;
		})()`, "The call has ended before it was answered."},
		{"accept of one call while another rings", `(async () => {
			const [ann, bob, cat] = [await signIn("ann"), await signIn("bob"), await signIn("cat")];
			const rung = heard(bob, "incoming"), ended = heard(bob, "ended");
			await ann.call("bob");
			const { call } = await rung;
			ann.hangUp();
			await ended;
			const again = heard(bob, "incoming");
			await cat.call("bob");
			await again;
			const said = await refusal(call.accept());
			const state = bob.currentCall.state;
			const over = heard(bob, "ended");
			cat.signOut();
			await over;
			ann.signOut(), bob.signOut();
			return said + " " + state;
		})()`, "The call has ended before it was answered. incoming"},
		{"a track after the end", `(async () => {
			const [ann, bob] = [await signIn("ann"), await signIn("bob")];
			const call = await ann.call("bob");
			call.hangUp();
			const { reason } = await call.closed;
			const said = [reason, await refusal(call.setTrack("video", null)), await refusal(call.share(null))];
			ann.signOut(), bob.signOut();
			return said.join(" ");
		})()`, "cancelled There is no call in which to send it. There is no call in which to send it."},
		{"ends of nothing", `(async () => { const ann = make(); ann.hangUp(); return "nothing"; })()`, "nothing"},
		{"signing in when signed in", `(async () => {
			const ann = await signIn("ann");
			const code = await ann.signIn("bob").catch((error) => error.code);
			const said = [code, ann.name, ann.state].join(" ");
			ann.signOut();
			return said;
		})()`, "already-logged-in ann signed-in"},
		{"a caller during a call", `(async () => {
			const [tess, sam, sue] = [await signIn("tess", "teacher"), await signIn("sam", "student"), await signIn("sue", "student")];
			const missed = heard(tess, "missed"), left = heard(sue, "message", ({ text }) => text.includes('"leave"'));
			await tess.call("sam"); // the offer is not out yet, and sue's comes before it
			sue.send({ type: "offer", name: "tess", offer: { type: "offer", sdp: "v=0" } });
			const said = (await missed).name + " " + JSON.parse((await left).text).reason;
			for (const client of [tess, sam, sue]) client.signOut();
			return said;
		})()`, "sue busy"},
	}
	for _, tt := range tests {
		if got := e2e.Value[string](p, tt.play); got != tt.want {
			t.Errorf("%s: %q, expected %q", tt.name, got, tt.want)
		}
	}
}

// media may be a function: it is called when it is needed, and what it opens goes off with
// the call, however that ends. A stream belongs to its owner.
func TestClientMedia(t *testing.T) {
	p := openClients(t)
	const helpers = `
		const opened = [];
		const media = async () => {
			const stream = await navigator.mediaDevices.getUserMedia({ video: true });
			opened.push(...stream.getTracks());
			return stream;
		};
		const live = () => opened.filter((track) => track.readyState === "live").length;
		const [ann, bob] = [await signIn("ann"), await signIn("bob")];
		const out = () => (ann.signOut(), bob.signOut());
	`
	tests := []struct{ name, play, want string }{
		{"a call", `
			const rung = heard(bob, "incoming");
			const call = await ann.call("bob", { media });
			const ringing = opened.length;
			const connected = heard(ann, "connection", ({ state }) => state === "connected");
			const theirs = await (await rung).call.accept({ media });
			await connected;
			const said = [ringing, live(), call === ann.currentCall, call.state];
			theirs.hangUp();
			const ends = [await call.closed, await theirs.closed];
			return [...said, live(), ...ends.map(({ reason, by }) => reason + " " + by)].join();`,
			"1,2,true,active,0,hangup them,hangup us"},
		{"nobody is there", `
			const call = await ann.call("cat", { media });
			const { reason } = await call.closed;
			return [reason, opened.length, live()].join();`, "no-such-user,1,0"},
		{"no camera", `
			const said = await refusal(ann.call("bob", { media: async () => { throw new Error("no camera"); } }));
			return [said, ann.currentCall].join();`, "no camera,"},
		{"no camera to answer with", `
			const rung = heard(bob, "incoming");
			await ann.call("bob");
			const { call } = await rung;
			const said = await refusal(call.accept({ media: async () => { throw new Error("no camera"); } }));
			const state = call.state;
			await call.accept({ media });
			return [said, state, call.state].join();`, "no camera,incoming,active"},
		{"the end while it opens", `
			const rung = heard(bob, "incoming"), ended = heard(bob, "ended");
			const mine = await ann.call("bob");
			const { call } = await rung;
			const said = refusal(call.accept({ media: async () => { const stream = await media(); mine.hangUp(); await ended; return stream; } }));
			return [await said, opened.length, live()].join();`, "The call has ended before it was answered.,1,0"},
		{"two answers", `
			const rung = heard(bob, "incoming");
			await ann.call("bob");
			const { call } = await rung;
			const answers = await Promise.all([call.accept({ media }).then(() => "done"), refusal(call.accept({ media }))]);
			return [...answers, opened.length].join();`, "done,The call is being answered already.,1"},
		{"both call while it opens", `
			const answered = Promise.all([heard(ann, "answered"), heard(bob, "answered")]);
			const calls = await Promise.all([ann.call("bob", { media }), bob.call("ann", { media })]);
			await answered;
			const ids = calls.map((call) => call.callID), outgoing = calls.filter((call) => call.outgoing).length;
			calls[0].hangUp();
			await calls[1].closed;
			return [ids[0] === ids[1], outgoing, opened.length, live()].join();`, "true,1,2,0"},
		{"a stream", `
			const stream = await media();
			const call = await ann.call("cat", { media: stream });
			await call.closed;
			const said = live();
			stream.getTracks()[0].stop();
			return said;`, "1"},
		{"rtcConfig", `
			const cat = make({ rtcConfig: { bundlePolicy: "max-bundle", iceServers: [{ urls: "stun:192.0.2.1:3478" }] } });
			await cat.signIn("cat");
			await cat.call("bob");
			const { bundlePolicy, iceServers } = cat.pc.getConfiguration();
			cat.signOut();
			return [bundlePolicy, iceServers[0].urls].join();`, "max-bundle,stun:192.0.2.1:3478"},
	}
	for _, tt := range tests {
		got := e2e.Value[any](p, "(async () => {"+helpers+"try {"+tt.play+"} finally { out(); } })()")
		if fmt.Sprint(got) != tt.want {
			t.Errorf("%s: %v, expected %s", tt.name, got, tt.want)
		}
	}
}

// tokens stands between a page and a server without tokens: a sign-in by the token
// "good" becomes one of tess, any other token is refused.
const tokens = `
window.shown = [];
window.WebSocket = class extends WebSocket {
	send(text) {
		const { token, ...message } = JSON.parse(text);
		if (token === undefined) return super.send(text);
		shown.push(token);
		if (token === "good") return super.send(JSON.stringify({ ...message, name: "tess" }));
		const reply = message.resume ? { success: false, code: "bad-token", message: "a valid token is needed to sign in" } : { success: true, name: "tess" };
		this.onmessage({ data: JSON.stringify({ type: "login", ...reply }) });
	}
};
`

// A token is shown, asked for when it is refused or expires, and renewed in place.
func TestClientTokens(t *testing.T) {
	p := openClients(t)
	got := e2e.Value[string](p, `(async () => {`+tokens+`
		const tess = make();
		const needed = heard(tess, "tokenneeded");
		const code = await tess.signIn("", { token: "stale" }).catch((error) => error.code);
		await needed;
		const { name } = await tess.renew("good");
		const expiring = heard(tess, "tokenneeded");
		sockets.at(-1).onmessage({ data: '{"type":"token-expiring","expiresIn":60,"seq":1}' });
		const { expiresIn } = await expiring;
		await tess.renew("newer");
		const state = tess.state;
		const expired = heard(tess, "tokenneeded");
		endBy(4002);
		await expired;
		const offline = tess.state;
		await tess.renew("good");
		tess.signOut();
		return [code, name, expiresIn, state, offline, ...shown].join();
	})()`)
	if want := "bad-token,tess,60,signed-in,offline,stale,good,newer,good"; got != want {
		t.Errorf("%s, expected %s", got, want)
	}
}

// After these close codes a client does not come back, and its call is over if it is another's now.
func TestClientStaysAway(t *testing.T) {
	p := openClients(t)
	got := e2e.Value[string](p, `(async () => {
		const said = [];
		for (const code of [1008, 4000, 4003, 4900]) {
			const ann = await signIn("ann" + code);
			endBy(code);
			said.push(code, ann.state);
			ann.signOut();
		}
		return said.join();
	})()`)
	if want := "1008,offline,4000,offline,4003,offline,4900,resuming"; got != want {
		t.Errorf("%s, expected %s", got, want)
	}
}

// A server that restarts says when to come back, and refuses whoever comes before that.
func TestClientHeedsARestart(t *testing.T) {
	p := openClients(t)
	got := e2e.Value[string](p, `(async () => {
		const ann = await signIn("ann");
		const waits = heard(ann, "state", ({ state }) => state === "waiting");
		sockets.at(-1).onmessage({ data: '{"type":"restart","reconnectIn":1234,"seq":1}' });
		endBy(1012);
		const { retryIn } = await waits;
		ann.signOut();
		const real = WebSocket.prototype.send;
		WebSocket.prototype.send = () => {};
		const opened = heard(ann, "state", ({ state }) => state === "open"), signing = ann.signIn("ann");
		await opened;
		WebSocket.prototype.send = real;
		sockets.at(-1).onmessage({ data: '{"type":"login","success":false,"code":"unavailable","message":"the server restarts"}' });
		endBy(1012);
		const { name } = await signing;
		ann.signOut();
		return [retryIn, name].join();
	})()`)
	if want := "1234,ann"; got != want {
		t.Errorf("%s, expected %s", got, want)
	}
}
