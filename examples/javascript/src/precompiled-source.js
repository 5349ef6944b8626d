// What takes time. Handoff posts each task here; docs/guide/handlers.md says what it sends, and what answers mean.

addEventListener("fetch", (event) => event.respondWith(answer(event.request)));

const tasks = { mail, thumbnails };

async function answer(request) {
  // /readyz looks whether somebody is here.
  if (request.method !== "POST") return new Response(null, { status: 204 });
  // Tasks of kind http.request can't send this header.
  if (!request.headers.has("handoff-protocol")) return problem(403, "only Handoff calls this");
  const task = await request.json();
  const run = tasks[task.task];
  if (!run) return problem(404, `there is no task ${task.task}`);
  return run(task);
}

// The first attempt fails here, to show a retry: a mail server that is not there for a moment.
function mail({ args, attempt }) {
  if (!args.to) return problem(422, "there is nobody to write to");
  if (attempt === 1) return problem(503, "the mail server does not answer");
  return Response.json({ sent: args.to, order: args.order });
}

// Reports each picture as it goes: the answer is read line by line.
function thumbnails({ args }) {
  const pictures = args.pictures ?? [];
  const lines = new TextEncoder();
  const body = new ReadableStream({
    async start(stream) {
      const line = (line) => stream.enqueue(lines.encode(JSON.stringify(line) + "\n"));
      for (const [i, picture] of pictures.entries()) {
        line({ progress: i / pictures.length, message: picture });
        await new Promise((done) => setTimeout(done, 300));
        line({ log: `${picture} is small now` });
      }
      line({ result: { thumbnails: pictures.length } });
      stream.close();
    },
  });
  return new Response(body, { headers: { "content-type": "application/x-ndjson" } });
}

// 4xx fails the task for good, 5xx this attempt.
function problem(status, detail) {
  const headers = { "content-type": "application/problem+json" };
  return new Response(JSON.stringify({ title: "The task failed", detail }), { status, headers });
}
