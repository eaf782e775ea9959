// The playground: one contact, its options, and everything that shows them.

import { OPTIONS, LARGEST, pictureUrl, read, srcset } from "./address.js";
import { REASONS, ask, facts, known, verdict } from "./facts.js";
import { furnish, hang } from "./mocks.js";
import { $, copy, make, say, startTabs, startTheme } from "./page.js";
import { snippets } from "./snippets.js";

const SMALLEST = 16;
const PAUSE = 250; // milliseconds after the last turn of an option
const CALM = new Set(["none", "unsupported", "forced"]);

let house = { signed: false, defaults: {}, examples: [] };
let subject = null; // {id} or {pinned, srcset}: who is shown
let form = "url";
let texts = {};
let shown = ""; // the URL of the blob on the stage
let life = new AbortController();
let timer = 0;

const fields = $("form").elements;
const narrow = matchMedia("(width < 60rem)");

// ---- what is wanted ----

/** The options as the query has them, in the command line's order; our defaults are left out. */
function options() {
  const { defaults } = house;
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

function size() {
  return Math.min(LARGEST, Math.max(SMALLEST, Math.round(Number(fields.size.value)) || SMALLEST));
}

function format() {
  return fields.format.value;
}

/** What the contact is called on this page: never a token, and no number where there is a name. */
function called() {
  const name = alt();
  if (name || !subject) return name || "Nobody yet";
  if (subject.token || subject.id?.startsWith("~")) return "Somebody behind a token";
  return subject.id ?? "A signed URL";
}

function alt() {
  const example = house.examples.find(({ id }) => id === subject?.id);
  return (fields.name.value.trim() || example?.name || "").replace(/\s+/g, " ");
}

/** Set an image up to show a face: the chosen contact's, or that of another example. */
function face(image, { side, shape, other }) {
  image.width = image.height = side;
  if (subject.pinned && !other) {
    image.removeAttribute("srcset");
    image.src = subject.pinned;
    return image;
  }
  const { dpr: _, name, ...rest } = options();
  const wanted = {
    ...rest, size: side, shape: shape === house.defaults.shape ? "" : shape,
    name: rest.fallback === "initials" ? other?.name ?? name : "",
  };
  const id = other?.id ?? subject.id;
  image.srcset = srcset(id, wanted, format());
  image.src = pictureUrl(id, wanted, format());
  return image;
}

// ---- showing it ----

async function show() {
  life.abort();
  life = new AbortController();
  const { signal } = life;
  $("halves").classList.add("waiting");
  try {
    if (subject.document && !await opened(signal)) return;
    await staged(signal);
  } catch (error) {
    if (signal.aborted) return;
    refuse("The gateway cannot be reached.", "It did not answer. Is it still running?");
    console.info(error);
  } finally {
    if (!signal.aborted) $("halves").classList.remove("waiting");
  }
}

/** A signed document names signed URLs of the picture: from here on those are used. */
async function opened(signal) {
  const found = await known(subject.pinned, signal);
  if (!found) {
    refuse("Refused", REASONS.forbidden);
    return false;
  }
  const home = (url) => new URL(url, document.baseURI).href;
  subject = { pinned: home(found.url), found, token: found.id.startsWith("~"),
    srcset: found.srcset.replace(/\S*\/avatar\/\S+/g, home) };
  return true;
}

async function staged(signal) {
  const wanted = options();
  const url = subject.pinned ?? pictureUrl(subject.id, wanted, format());
  const answered = await ask(url, signal);
  const told = verdict(answered.answer);
  const found = subject.pinned || answered.answer.status >= 400
    ? subject.found : await known(pictureUrl(subject.id, wanted, "json"), signal);
  if (found && subject.id) subject.id = found.id; // its one canonical spelling
  const pixels = await hero(answered.blob, measures(wanted).size);
  $("who").textContent = called();
  $("badge").textContent = told.photo ? "Photo" : `${told.title}${told.reason ? ` · ${told.reason}` : ""}`;
  $("badge").className = `badge ${told.photo ? "good" : CALM.has(told.reason) ? "calm" : "bad"}`;
  $("badge").hidden = false;
  $("why").textContent = told.text;
  list(facts(answered, found, pixels));
  $("headers").textContent = [...answered.answer.headers].map(([name, value]) => `${name}: ${value}`).join("\n");
  $("after").hidden = false;
  texts = snippets(subject, wanted, { format: format(), ...measures(wanted), alt: alt() });
  write();
  const refused = answered.answer.status === 400 || answered.answer.status === 403;
  $("gallery").hidden = refused || Boolean(subject.pinned);
  $("mocks").hidden = refused;
  $("code").hidden = refused;
  if (!$("gallery").hidden) hang(face);
  if (!refused) furnish(called(), house.examples.filter(({ id }) => id !== subject.id), face);
  say(`${called()}: ${told.title}. ${told.text}`);
}

/** Size and shape of what is shown: a pinned URL's own. */
function measures(wanted) {
  const query = subject.pinned ? new URL(subject.pinned).searchParams : new URLSearchParams(wanted);
  const { defaults } = house;
  return {
    size: Number(query.get("size") ?? query.get("s")) || defaults.size || 128,
    shape: query.get("shape") ?? defaults.shape ?? "square",
  };
}

/** Put the bytes of the answer on the stage; how many pixels wide they are, 0 if they are none. */
async function hero(blob, side) {
  URL.revokeObjectURL(shown);
  shown = blob.size ? URL.createObjectURL(blob) : "";
  const images = [$("hero-light"), $("hero-dark")];
  for (const image of images) {
    image.hidden = !shown;
    image.width = image.height = side;
    if (shown) image.src = shown;
    else image.removeAttribute("src");
  }
  if (!shown) return 0;
  try {
    await images[0].decode();
  } catch {
    return 0;
  }
  return images[0].naturalWidth;
}

function list(rows) {
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
}

function refuse(title, text) {
  $("who").textContent = title;
  $("badge").hidden = true;
  $("why").textContent = text;
  $("facts").replaceChildren();
  for (const id of ["after", "code", "gallery", "mocks"]) $(id).hidden = true;
  say(`${title} ${text}`);
}

function write() {
  $("snippet").firstChild.textContent = texts[form] ?? "";
  $("tab-element").hidden = texts.element === "";
  $("copy").disabled = !texts[form];
}

// ---- whom ----

function choose(text) {
  const found = read(text, { signs: house.signed });
  if (!text.trim()) return problem("Type a contact first.");
  if (!found) return problem("That is not the URL of an avatar.");
  if (house.signed && found.id && !found.id.startsWith("~")) {
    return problem("This gateway answers signed URLs and tokens only. Paste one: " +
      "avatar-gateway url CONTACT makes it, with --opaque as a token.");
  }
  problem("");
  subject = found;
  turn(found.options ?? {}, found.format);
  if (found.id) $("contact").value = found.id; // of a pasted URL, what counts and nothing else
  else $("contact").value = "";
  pin(Boolean(found.pinned));
  mark();
  show();
}

function problem(text) {
  $("contact-problem").textContent = text;
  $("contact-problem").hidden = !text;
  $("contact").setAttribute("aria-invalid", String(Boolean(text)));
}

function pin(pinned) {
  $("fields").disabled = pinned;
  $("pinned-help").hidden = !pinned;
}

/** Turn the options to what a pasted URL says. */
function turn(given, kind) {
  for (const name of ["shape", "dpr"]) if (given[name]) fields[name].value = given[name];
  if (given.size) fields.size.value = given.size;
  if (given.fallback) fields.fallback.value = given.fallback;
  if (given.name) fields.name.value = given.name;
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
function fit() {
  fields.slider.value = size();
  for (const radio of fields.dpr) radio.disabled = size() * Number(radio.value) > LARGEST;
  const taken = [...fields.dpr].find((radio) => radio.checked);
  if (taken.disabled) [...fields.dpr].findLast((radio) => !radio.disabled).checked = true;
}

/** On a phone the avatar is below what was pressed. */
function reveal() {
  if (narrow.matches && !$("result").contains(document.activeElement)) $("result").scrollIntoView();
}

function mark() {
  for (const button of $("cast-list").querySelectorAll("button")) {
    button.setAttribute("aria-pressed", String(button.value === subject?.id));
  }
}

function introduce(examples) {
  $("cast").hidden = examples.length === 0;
  $("cast-list").replaceChildren(...examples.map(({ id, name, shows }) => {
    const image = make("img", { alt: "", width: 36, height: 36, loading: "lazy", fetchPriority: "low" });
    const small = { size: 36, shape: "circle" };
    image.srcset = srcset(id, small);
    image.src = pictureUrl(id, small);
    const button = make("button", { type: "button", value: id, ariaPressed: "false" },
      image, make("span", {}, make("strong", { textContent: name }), make("small", { textContent: shows })));
    button.addEventListener("click", () => {
      fields.name.value = name;
      choose(id);
      reveal();
    });
    return make("li", {}, button);
  }));
}

// ---- the beginning ----

$("ask").addEventListener("submit", (event) => {
  event.preventDefault();
  const example = house.examples.find(({ id }) => id === subject?.id);
  const typed = $("contact").value;
  // An example's name goes with it; one that was typed stays.
  if (example && example.id !== typed.trim() && fields.name.value === example.name) fields.name.value = "";
  choose(typed);
  if ($("contact-problem").hidden) reveal();
});
$("form").addEventListener("submit", (event) => event.preventDefault());
$("form").addEventListener("input", ({ target }) => {
  if (target === fields.slider) fields.size.value = target.value;
  fit();
  clearTimeout(timer);
  if (subject) timer = setTimeout(show, PAUSE);
});
$("again").addEventListener("click", show);
$("copy").addEventListener("click", async () => {
  const done = await copy(texts[form], $("snippet"));
  $("copy").textContent = done ? "Copied" : "Selected";
  say(done ? "Copied." : "The code is selected: copy it with your keyboard.");
  setTimeout(() => { $("copy").textContent = "Copy"; }, 2000);
});
addEventListener("hashchange", named);

/** A link to this page may name a contact behind #. */
function named() {
  const text = location.hash.slice(1);
  if (!text) return false;
  try {
    choose(decodeURIComponent(text));
  } catch {
    choose(text);
  }
  return true;
}

startTheme();
startTabs((chosen) => {
  form = chosen;
  write();
});
if (narrow.matches) $("options").open = false;
fit();
house = await (await fetch("playground.json", { credentials: "omit" })).json();
if (house.signed) {
  house.examples = []; // nobody signs for a page
  $("contact-help").textContent = "This gateway answers signed URLs and tokens: paste one. " +
    "On the server, avatar-gateway url CONTACT makes it.";
  $("contact").placeholder = "Signed URL or token";
}
introduce(house.examples);
if (!named() && house.examples.length) {
  const [{ id, name }] = house.examples;
  fields.name.value = name;
  choose(id);
}
