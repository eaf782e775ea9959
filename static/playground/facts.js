// What an answer says about itself, in words.

export const REASONS = {
  none: "The photo is hidden, was never set, or the number is not on WhatsApp. Nobody can tell which.",
  timeout: "WhatsApp did not answer in time. The gateway goes on asking: look again in a moment.",
  upstream: "The API failed. It is asked again later.",
  disconnected: "The API has lost its phone. It is asked again later.",
  budget: "The gateway has asked as often as it may. The face comes when the budget allows.",
  blocked: "The picture’s URL is not one that may be fetched.",
  undecodable: "What came is no picture that the gateway takes.",
  unsupported: "No picture exists for such an id.",
  forced: "You asked for the fallback. Nobody was asked for a photo.",
  invalid: "The gateway knows no such form of an id, or no such option.",
  forbidden: "The URL is not signed, its signature is wrong, or it is no longer good.",
  busy: "The gateway has too much to do. Look again in a moment.",
  internal: "A fault of the gateway. Its log says how it came about.",
};

const UNITS = [["day", 86400], ["hour", 3600], ["minute", 60], ["second", 1]];

/** Ask for `url` past the browser's own cache; {answer, blob, took} or throws if nobody answers. */
export async function ask(url, signal) {
  const started = performance.now();
  const headers = { Accept: "image/avif,image/webp,image/png,image/*;q=0.8" };
  const answer = await fetch(url, { signal, headers, cache: "reload", credentials: "omit" });
  const blob = await answer.blob();
  return { answer, blob, took: Math.round(performance.now() - started) };
}

/** What is known of the contact, as JSON; null if nobody tells. */
export async function known(url, signal) {
  const answer = await fetch(url, { signal, cache: "reload", credentials: "omit" });
  return answer.ok ? answer.json() : null;
}

/** Whether an answer is the photo, and why not: {photo, reason, title, text}. */
export function verdict({ headers, status }) {
  const reason = headers.get("Avatar-Reason") ?? "";
  if (headers.get("Avatar-Source") === "photo") {
    return { photo: true, reason, title: "Photo", text: "This is the contact’s photo." };
  }
  const nothing = status === 404 ? " No picture is sent, as fallback=404 asks." : "";
  const text = `${REASONS[reason] ?? ""}${nothing}`;
  return { photo: false, reason, title: status < 400 || nothing ? "Fallback" : "Refused", text };
}

/**
 * Rows of {name, value, note, colour} about an answer, its document if there is one, and the
 * picture it turned out to be.
 */
export function facts({ answer, blob, took }, found, { pixels, shrunk }) {
  const { headers } = answer;
  const now = Date.parse(headers.get("Date")) || Date.now();
  const since = (text) => (text ? `${span((now - Date.parse(text)) / 1000, 1)} ago` : "");
  const left = (text) => (text ? span((Date.parse(text) - now) / 1000) : "");
  const photo = headers.get("Avatar-Source") === "photo";
  const rows = [
    { name: "Age", value: since(found?.fetched_at), note: photo ? "since it was fetched" : "" },
    { name: "Good for", value: left(found?.fresh_until), note: "then asked about again" },
    { name: "Photo since", value: since(headers.get("Last-Modified")) },
    { name: "Cache", ...cache(headers.get("Cache-Status") ?? "") },
    { name: "Browsers keep it", value: life(headers.get("Cache-Control") ?? "") },
    { name: "Version", value: found?.version },
    { name: "Colour", value: found?.color, colour: found?.color },
    { name: "File", value: blob.size ? `${blob.type.replace("image/", "").toUpperCase()}, ${size(blob.size)}` : "",
      note: pixels ? `${pixels} × ${pixels} pixels${shrunk ? ", shown smaller" : ""}` : "" },
    { name: "Took", value: `${took} ms` },
  ];
  return rows.filter(({ value }) => value);
}

function cache(status) {
  const ttl = /ttl=(-?\d+)/.exec(status)?.[1];
  if (/;\s*hit/.test(status)) {
    return ttl < 0
      ? { value: "Hit, stale", note: "shown at once, asked about behind you" }
      : { value: "Hit", note: `good for ${span(Number(ttl))}` };
  }
  if (!/fwd=miss/.test(status)) return { value: "" };
  return { value: "Miss", note: /collapsed/.test(status) ? "shared with another viewer" : "made for you" };
}

function life(control) {
  if (/no-store/.test(control)) return "not at all";
  const age = /max-age=(\d+)/.exec(control)?.[1];
  return age ? `for ${span(Number(age))}` : "";
}

/** A time in its largest units: "24 hours 3 minutes". */
export function span(seconds, units = 2) {
  let left = Math.max(0, Math.floor(seconds));
  const words = [];
  for (const [unit, length] of UNITS) {
    const number = Math.floor(left / length);
    left -= number * length;
    if (number) words.push(`${number} ${unit}${number > 1 ? "s" : ""}`);
    else if (words.length) break;
    if (words.length === units) break;
  }
  return words.join(" ") || "less than a second";
}

function size(bytes) {
  return bytes < 1024 ? `${bytes} bytes` : `${(bytes / 1024).toFixed(1)} KB`;
}
