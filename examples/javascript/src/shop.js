// The shop: it answers at once, and leaves what takes time to Handoff.

addEventListener("fetch", (event) => event.respondWith(answer(event.request)));

async function answer(request) {
  if (request.method !== "POST" || new URL(request.url).pathname !== "/orders") {
    return new Response("POST /orders\n", { status: 404 });
  }
  const order = await request.json();
  const [mail, thumbnails] = await Promise.all([
    enqueue({ task: "mail", args: { to: order.mail, order: order.number } }),
    enqueue({ task: "thumbnails", args: { pictures: order.pictures } }),
  ]);
  return Response.json({ mail: mail.id, thumbnails: thumbnails.id }, { status: 202 });
}

async function enqueue(task) {
  const answer = await fetch("http://handoff.spin.internal/v1/tasks", {
    method: "POST",
    headers: { "content-type": "application/json" },
    body: JSON.stringify(task),
  });
  if (!answer.ok) throw new Error(await answer.text());
  return answer.json();
}
