// What can be copied. The command line prints the same: avatar-gateway url --html, --markdown, --email.

import { DENSITIES, LARGEST, densities, pictureUrl, srcset } from "./address.js";

const RADII = { square: "0", rounded: "20%", circle: "50%" };
const MARKS = /([\\`*_{}[\]()#+\-.!<>&|~])/g;
const ESCAPES = { "&": "&amp;", "<": "&lt;", ">": "&gt;", '"': "&quot;", "'": "&#x27;" };

/**
 * The snippets by form. `subject` is {id} or {pinned, srcset}, `options` the query in its order,
 * `shape` and `size` what they come to.
 */
export function snippets(subject, options, { format, shape, size, alt }) {
  const { dpr: _, ...plain } = options;
  const side = { width: size, height: size };
  if (subject.pinned) {
    const several = subject.srcset ? { srcset: subject.srcset } : {};
    return {
      url: subject.pinned,
      html: element({ src: subject.pinned, ...several, ...side, alt, loading: "lazy" }),
      markdown: markdown(subject.pinned, alt),
      email: element({ src: subject.pinned, ...side, alt, border: 0, style: flat(size, shape) }),
      element: "",
    };
  }
  const { id } = subject;
  const url = pictureUrl(id, options, format);
  const sized = { ...plain, size };
  const several = densities(size).length > 1 ? { srcset: srcset(id, sized, format) } : {};
  const mailed = { bg: "ffffff", ...sized, dpr: densityOfMail(size) };
  return {
    url,
    html: element(
      { src: pictureUrl(id, sized, format), ...several, ...side, alt, loading: "lazy" }),
    markdown: markdown(url, alt),
    email: element({
      src: pictureUrl(id, mailed, format || "png"), ...side, alt, border: 0, style: flat(size, shape),
    }),
    element: component(id, sized, alt),
  };
}

function densityOfMail(size) {
  return DENSITIES.filter((density) => density <= 2 && size * density <= LARGEST).at(-1);
}

function flat(size, shape) {
  return `display:block;width:${size}px;height:${size}px;border:0;outline:none;` +
    `text-decoration:none;border-radius:${RADII[shape]}`;
}

function component(id, { size, shape, fallback, name, ring, bg }, alt) {
  const script = new URL("static/wa-avatar.js", document.baseURI).href;
  const attributes = { contact: id, size, shape, fallback, name: name ?? alt, ring, bg };
  const given = Object.entries(attributes).filter(([, value]) => value);
  return `<script src="${escaped(script)}" defer></script>\n` +
    `<wa-avatar ${written(given)}></wa-avatar>`;
}

function markdown(url, alt) {
  return `![${alt.replace(MARKS, "\\$1")}](${url.replaceAll("(", "%28").replaceAll(")", "%29")})`;
}

function element(attributes) {
  return `<img ${written(Object.entries(attributes))}>`;
}

function written(pairs) {
  return pairs.map(([name, value]) => `${name}="${escaped(value)}"`).join(" ");
}

function escaped(text) {
  return String(text).replace(/[&<>"']/g, (mark) => ESCAPES[mark]);
}
