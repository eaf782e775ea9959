// The cast of a sandbox: contacts that can be picked.

import { pictureUrl, srcset } from "./address.js";
import { $, make } from "./page.js";

const SMALL = { size: 36, shape: "circle" };

/** Offer `examples`, {id, name, shows}; `picked` is told an id. */
export function introduce(examples, picked) {
  $("cast").hidden = examples.length === 0;
  $("cast-list").replaceChildren(...examples.map(({ id, name, shows }) => {
    const image = make("img", { alt: "", width: 36, height: 36, loading: "lazy", fetchPriority: "low" });
    image.srcset = srcset(id, SMALL);
    image.src = pictureUrl(id, SMALL);
    const words = make("span", {},
      make("strong", { textContent: name }), make("small", { textContent: shows }));
    const button = make("button", { type: "button", value: id, ariaPressed: "false" }, image, words);
    button.addEventListener("click", () => picked(id));
    return make("li", {}, button);
  }));
}

/** Show which of them is chosen. */
export function press(id) {
  for (const button of $("cast-list").querySelectorAll("button")) {
    button.setAttribute("aria-pressed", String(button.value === id));
  }
}
