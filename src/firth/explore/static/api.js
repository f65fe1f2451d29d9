// Requests to the server of this page.

/** An answer that the server refused, with its reason. */
export class Refused extends Error {}

/** @type {Map<string, Promise<Response>>} the responses to requests that were made early, by address */
const early = new Map();

/** @param {string} name @param {Values} parameters */
function addressOf(name, parameters) {
  return `/api/${name}?${new URLSearchParams(Object.entries(parameters).map(([key, value]) => [key, String(value)]))}`;
}

/** Make a request that will be needed in a moment. @param {string} name @param {Values} parameters */
export function prefetch(name, parameters) {
  const response = fetch(addressOf(name, parameters));
  response.catch(() => {}); // reported to whoever needs it
  early.set(addressOf(name, parameters), response);
}

/**
 * Return the response of the server; throw `Refused` if it has none, or is an error.
 * @param {string} name @param {Values} parameters @param {AbortSignal | null} signal
 */
export async function request(name, parameters, signal = null) {
  const address = addressOf(name, parameters);
  const asked = early.get(address) ?? fetch(address, { signal });
  early.delete(address);
  const response = await asked.catch((error) => {
    if (error instanceof DOMException && error.name === "AbortError") throw error;
    throw new Refused("the explorer has stopped: start it again with firth explore");
  });
  if (response.ok) return response;
  const reason = await response.text();
  throw new Refused(response.headers.get("content-type")?.includes("json") ? JSON.parse(reason).error : reason);
}

/**
 * Return an answer in JSON.
 * @param {string} name @param {Values} [parameters] @param {AbortSignal} [signal]
 * @returns {Promise<any>}
 */
export async function ask(name, parameters = {}, signal) {
  return (await request(name, parameters, signal)).json();
}

/**
 * Return binary data, waiting until the server has computed it; `progress` is called with the share that is done.
 * @param {string} name @param {Values} parameters @param {(share: number) => void} progress
 * @returns {Promise<{bytes: ArrayBuffer, headers: Headers}>}
 */
export async function download(name, parameters, progress = () => {}) {
  for (;;) {
    const response = await request(name, parameters);
    if (response.status !== 202) return { bytes: await response.arrayBuffer(), headers: response.headers };
    progress((await response.json()).progress);
    await new Promise((resolve) => setTimeout(resolve, 300));
  }
}
