// Questions to the API that the page's own server answers. /api/ is described in package api.

// In milliseconds. The server bounds its own work to less than the longer: a redrive pauses between messages.
const patience = { GET: 30_000, POST: 150_000 };

// Refusal is an answer that says why something was not done. Anything else that fails means that the server is not reached.
export class Refusal extends Error {
  constructor(text, status) {
    super(text);
    this.status = status;
  }
}

export function get(path) {
  return call(path, { method: "GET" });
}

export function post(path, asked) {
  return call(path, { method: "POST", headers: { "Content-Type": "application/json" }, body: JSON.stringify(asked ?? {}) });
}

async function call(path, options) {
  const response = await fetch(`/api/${path}`, { ...options, cache: "no-store", signal: AbortSignal.timeout(patience[options.method]) });
  const answer = await response.json().catch(() => null);
  if (response.ok && answer !== null) return answer;
  throw new Refusal(answer?.error ?? `the server answered ${response.status} without saying why`, response.status);
}
