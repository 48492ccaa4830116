package page

import (
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
		window.make = () => new SwitchboardClient(url);
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
