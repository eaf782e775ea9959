// The contact's field and the options: what they say, and how they are set.

import { LARGEST, OPTIONS } from "./address.js";
import { $ } from "./page.js";

const SMALLEST = 16;
const LONGEST_NAME = 64;
const USUAL = 128;

export const fields = $("form").elements;

/** The options as the query has them, in the command line's order; `defaults` are left out. */
export function options(defaults) {
  const fallback = fields.fallback.value;
  const given = {
    size: size(),
    dpr: fields.dpr.value === "1" ? "" : fields.dpr.value,
    shape: fields.shape.value === defaults.shape ? "" : fields.shape.value,
    bg: fields["bg-on"].checked ? fields.bg.value.slice(1) : "",
    ring: fields["ring-on"].checked ? fields.ring.value.slice(1) : "",
    fallback: fallback === defaults.fallback ? "" : fallback,
    name: fallback === "initials" ? fields.name.value.trim() : "",
    force: fields.force.checked ? "y" : "",
  };
  return Object.fromEntries(OPTIONS.map((name) => [name, given[name]]).filter(([, value]) => value));
}

export function format() {
  return fields.format.value;
}

/** Size and shape of what is shown: those of `pinned`, a signed URL, or what is `wanted`. */
export function measures(pinned, wanted, defaults) {
  const query = pinned ? new URL(pinned).searchParams : new URLSearchParams(wanted);
  return {
    size: Number(query.get("size") ?? query.get("s")) || defaults.size || USUAL,
    shape: query.get("shape") ?? defaults.shape ?? "square",
  };
}

/** Turn the options to what a pasted URL says; what it says wrong stays as it was. */
export function turn(given, kind) {
  for (const name of ["shape", "dpr"]) if (given[name]) fields[name].value = given[name];
  if (Number(given.size)) fields.size.value = within(Number(given.size));
  if (given.fallback) fields.fallback.value = offered(given.fallback) ? given.fallback : "silhouette";
  if (given.name) fields.name.value = given.name.slice(0, LONGEST_NAME);
  for (const name of ["ring", "bg"]) {
    if (!/^[0-9a-f]{6}$/i.test(given[name] ?? "")) continue;
    fields[`${name}-on`].checked = true;
    fields[name].value = `#${given[name].toLowerCase()}`;
  }
  if (given.force) fields.force.checked = given.force === "y";
  if (kind != null && kind !== "json") fields.format.value = kind === "jpeg" ? "jpg" : kind;
  fit();
}

/** Let the slider follow the size, and offer no density that it leaves no room for. */
export function fit() {
  fields.slider.value = size();
  for (const radio of fields.dpr) radio.disabled = size() * Number(radio.value) > LARGEST;
  const taken = [...fields.dpr].find((radio) => radio.checked);
  if (taken.disabled) [...fields.dpr].findLast((radio) => !radio.disabled).checked = true;
}

/** A signed URL is used word for word: nothing of it can be turned. */
export function pin(pinned) {
  $("fields").disabled = pinned;
  $("pinned-help").hidden = !pinned;
}

/** Say what is wrong with the contact as it is typed; "" for nothing. */
export function problem(text) {
  $("contact-problem").textContent = text;
  $("contact-problem").hidden = !text;
  $("contact").setAttribute("aria-invalid", String(Boolean(text)));
}

/** Ask for what a gateway with keys answers. */
export function askForSigned() {
  $("contact-help").textContent = "This gateway answers signed URLs and tokens: paste one. " +
    "On the server, avatar-gateway url CONTACT makes it.";
  $("contact").placeholder = "Signed URL or token";
  $("why").textContent = "Paste a signed URL or a token and press Show.";
}

function size() {
  return within(Number(fields.size.value));
}

function within(side) {
  return Math.min(LARGEST, Math.max(SMALLEST, Math.round(side) || SMALLEST));
}

/** Whether a fallback is one of ours: Gravatar's others come to the silhouette. */
function offered(fallback) {
  return [...fields.fallback.options].some(({ value }) => value === fallback);
}
