// What somebody typed or pasted becomes a contact, and a contact with options becomes a URL.

export const DENSITIES = [1, 1.5, 2, 3];
export const LARGEST = 1024;
export const OPTIONS = ["size", "dpr", "shape", "bg", "ring", "fallback", "name", "force"];

const ALIASES = { s: "size", d: "fallback", default: "fallback", f: "force", forcedefault: "force" };
const SIGNED = new Set([...OPTIONS, ...Object.keys(ALIASES), "refresh", "v", "exp", "sig"]);
const URL_OF_AVATAR = /\/avatar\/([^\s"'<>?#/]+)(?=[\s"'<>?#]|$)(?:\?([^\s"'<>#]*))?/;
const EXTENSION = /(?:\.|%2e)(png|jpe?g|webp|avif|json)$/i;

/**
 * Read an id, a token, a URL or a snippet with one; null if it is a URL of something else.
 *
 * Returns {id, options, format}, or {pinned} for a URL with a signature: that one is used word for
 * word. Of a URL only what the gateway knows is kept: whatever else was in it is not shown again.
 */
export function read(text, { signs }) {
  const found = URL_OF_AVATAR.exec(text.replaceAll("&amp;", "&"));
  if (!found) return text.includes("://") ? null : { id: text.trim(), options: {}, format: null };
  const [, segment, query = ""] = found;
  const pairs = query.split("&").filter((pair) => SIGNED.has(decoded(pair.split("=", 1)[0])));
  const extension = EXTENSION.exec(segment)?.[1].toLowerCase() ?? "";
  if (signs && pairs.some((pair) => decoded(pair).startsWith("sig="))) {
    const pinned = new URL(`avatar/${segment}?${pairs.join("&")}`, document.baseURI).href;
    return { pinned, document: extension === "json", token: /^(~|%7e)/i.test(segment) };
  }
  const options = {};
  for (const [name, value] of new URLSearchParams(pairs.join("&"))) {
    const own = ALIASES[name] ?? name;
    if (OPTIONS.includes(own)) options[own] ??= value;
  }
  return { id: decoded(segment.replace(EXTENSION, "")), options, format: extension };
}

function decoded(text) {
  try {
    return decodeURIComponent(text.replaceAll("+", " "));
  } catch {
    return text;
  }
}

/** Percent-encode as the command line does. */
function encoded(text) {
  return encodeURIComponent(text).replace(
    /[!'()*]/g, (mark) => `%${mark.charCodeAt(0).toString(16).toUpperCase()}`);
}

/** The URL of a contact's picture; `format` "" leaves it to Accept. */
export function pictureUrl(id, options, format = "png") {
  const name = encoded(id).replaceAll("%40", "@");
  const pairs = Object.entries(options)
    .filter(([, value]) => value !== "" && value != null)
    .map(([key, value]) => `${key}=${encoded(String(value))}`);
  const query = pairs.length ? `?${pairs.join("&")}` : "";
  return new URL(`avatar/${name}${format && `.${format}`}${query}`, document.baseURI).href;
}

/** The whole densities that a picture of `size` CSS pixels has room for. */
export function densities(size) {
  return DENSITIES.filter((density) => Number.isInteger(density) && size * density <= LARGEST);
}

/** The same picture for every density of screen, as `srcset` takes it. */
export function srcset(id, options, format = "png") {
  const { dpr: _, ...rest } = options;
  return densities(options.size)
    .map((dpr) => `${pictureUrl(id, dpr === 1 ? rest : { ...rest, dpr }, format)} ${dpr}x`)
    .join(", ");
}
