// The playground: one contact, its options, and everything that shows them.

import { pictureUrl, read, srcset } from "./address.js";
import { introduce, press } from "./cast.js";
import { askForSigned, fields, fit, format, measures, options, pin, problem, turn } from "./controls.js";
import { REASONS, ask, facts, known, verdict } from "./facts.js";
import { furnish, hang } from "./mocks.js";
import { $, narrow, startCopying, startTabs, startTheme } from "./page.js";
import { snippets } from "./snippets.js";
import { hero, list, refuse, reveal, tell } from "./stage.js";

const PAUSE = 250; // milliseconds after the last turn of an option

let house = { signed: false, defaults: {}, examples: [] };
let subject = null; // {id} or {pinned, srcset}: who is shown
let form = "url";
let texts = {};
let life = new AbortController();
let timer = 0;

/** What the contact is called on this page: never a token, and no number where there is a name. */
function called() {
  const name = alt();
  if (name || !subject) return name || "Nobody yet";
  if (subject.token || subject.id?.startsWith("~")) return "Somebody behind a token";
  return subject.id ?? "A signed URL";
}

function alt() {
  const name = fields.name.value.trim() || example(subject?.id)?.name;
  return (name ?? "").replace(/\s+/g, " ");
}

/** Set an image up to show a face: the chosen contact's, or that of another example. */
function face(image, { side, shape, other }) {
  image.width = image.height = side;
  if (subject.pinned && !other) {
    image.removeAttribute("srcset");
    image.src = subject.pinned;
    return image;
  }
  const { dpr: _, name, ...rest } = options(house.defaults);
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
  const wanted = options(house.defaults);
  const url = subject.pinned ?? pictureUrl(subject.id, wanted, format());
  const answered = await ask(url, signal);
  const { status, headers } = answered.answer;
  const found = subject.pinned || status >= 400
    ? subject.found : await known(pictureUrl(subject.id, wanted, "json"), signal);
  if (found && subject.id) subject.id = found.id; // its one canonical spelling
  press(subject.id);
  const measured = measures(subject.pinned, wanted, house.defaults);
  const picture = await hero(answered.blob, measured.size);
  signal.throwIfAborted(); // somebody else is wanted by now
  list(facts(answered, found, picture), headers);
  texts = snippets(subject, wanted, { format: format(), ...measured, alt: alt() });
  write();
  reach(status === 400 || status === 403);
  tell(called(), verdict(answered.answer));
}

/** Show everything below the stage, or with a refusal nothing of it. */
function reach(refused) {
  $("gallery").hidden = refused || Boolean(subject.pinned);
  $("mocks").hidden = $("code").hidden = refused;
  if (!$("gallery").hidden) hang(face);
  if (!refused) furnish(called(), house.examples.filter(({ id }) => id !== subject.id), face);
}

function write() {
  $("tab-element").hidden = texts.element === "";
  if (texts[form] === "") return tabs.reset(); // what was looked at last is not for this one
  $("snippet").firstChild.textContent = texts[form] ?? "";
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
  rename(found.id);
  subject = found;
  turn(found.options ?? {}, found.format);
  $("contact").value = found.id ?? ""; // of a pasted URL, what counts and nothing else
  pin(Boolean(found.pinned));
  press(subject.id);
  show();
}

function example(id) {
  return house.examples.find((each) => each.id === id);
}

/** An example's name goes with it; one that was typed stays. */
function rename(id) {
  const name = fields.name.value;
  if (!name || name === example(subject?.id)?.name) fields.name.value = example(id)?.name ?? "";
}

// ---- the beginning ----

$("ask").addEventListener("submit", (event) => {
  event.preventDefault();
  choose($("contact").value);
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
startCopying(() => texts[form]);
addEventListener("hashchange", named);

/** A link to this page may name a contact behind #. */
function named() {
  const text = location.hash.slice(1);
  if (!text || $(text)) return false; // or a part of the page
  try {
    choose(decodeURIComponent(text));
  } catch {
    choose(text);
  }
  return true;
}

startTheme();
const tabs = startTabs((chosen) => {
  form = chosen;
  write();
});
if (narrow.matches) $("options").open = false;
fit();
house = await (await fetch("playground.json", { credentials: "omit" })).json();
if (house.signed) {
  house.examples = []; // nobody signs for a page
  askForSigned();
}
const pick = (id) => {
  fields.name.value = ""; // it brings its own
  choose(id);
};
introduce(house.examples, (id) => {
  pick(id);
  reveal();
});
if (!named() && house.examples.length) pick(house.examples[0].id);
