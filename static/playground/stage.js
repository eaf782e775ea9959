// The stage: the avatar large, on light and dark, and what was said about it.

import { $, make, narrow, say } from "./page.js";

const CALM = new Set(["none", "unsupported", "forced"]);
const ROOM = 140; // CSS pixels there are for a picture beside the words

let shown = ""; // the URL of the blob on the stage

/**
 * Put the bytes of an answer on the stage. {pixels, shrunk}: how many it is wide, 0 if they are no
 * picture, and whether the page has too little room for it.
 */
export async function hero(blob, side) {
  URL.revokeObjectURL(shown);
  shown = blob.size ? URL.createObjectURL(blob) : "";
  $("stage").classList.toggle("large", side > ROOM);
  const images = [$("hero-light"), $("hero-dark")];
  for (const image of images) {
    image.hidden = !shown;
    image.width = image.height = side;
    if (shown) image.src = shown;
    else image.removeAttribute("src");
  }
  try {
    if (shown) await images[0].decode();
  } catch {
    return { pixels: 0, shrunk: false };
  }
  return { pixels: shown ? images[0].naturalWidth : 0, shrunk: images[0].clientWidth < side };
}

/** Say who it is, and what came of asking. */
export function tell(who, { photo, title, reason, text }) {
  $("who").textContent = who;
  $("badge").textContent = photo || !reason ? title : `${title} · ${reason}`;
  $("badge").className = `badge ${photo ? "good" : CALM.has(reason) ? "calm" : "bad"}`;
  $("badge").hidden = false;
  $("why").textContent = text;
  $("after").hidden = false;
  say(`${who}: ${title}. ${text}`);
}

/** Show rows of {name, value, note, colour}, and all headers as they came. */
export function list(rows, headers) {
  $("facts").replaceChildren(...rows.map(({ name, value, note, colour }) => {
    const said = make("dd", {}, value);
    if (colour) {
      const swatch = make("span", { className: "swatch" });
      swatch.style.backgroundColor = colour;
      said.prepend(swatch);
    }
    if (note) said.append(make("small", { textContent: note }));
    return make("div", {}, make("dt", { textContent: name }), said);
  }));
  $("headers").textContent = [...headers].map(([name, value]) => `${name}: ${value}`).join("\n");
}

/** Say that there is nothing to show. */
export function refuse(title, text) {
  $("who").textContent = title;
  $("badge").hidden = true;
  $("why").textContent = text;
  $("facts").replaceChildren();
  for (const id of ["after", "code", "gallery", "mocks"]) $(id).hidden = true;
  say(`${title} ${text}`);
}

/** On a phone the avatar is below what was pressed. */
export function reveal() {
  if (narrow.matches && !$("result").contains(document.activeElement)) $("result").scrollIntoView();
}
