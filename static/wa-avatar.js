// <wa-avatar contact="15551234567" size="48" name="Ada Lovelace"></wa-avatar>
//
// An image of the gateway that comes to life: it is loaded when it comes near the screen, in the
// density of the screen, and while the gateway says that a photo is missing for a passing reason
// it asks again after 15 seconds, a minute and five minutes. What stands inside the element shows
// until there is a picture. Attributes: contact, base, size, shape, fallback, name, ring, bg, alt;
// with a name the fallback is its initials unless told otherwise.
// Events: "wa-avatar" with {source, reason} each time the gateway has answered.
"use strict";
{
  const PASSING = new Set(["timeout", "upstream", "disconnected", "budget", "busy"]);
  const PAUSES = [15_000, 60_000, 300_000];
  const DENSITIES = [1, 1.5, 2, 3];
  const LARGEST = 1024;
  const OPTIONS = ["shape", "fallback", "name", "ring", "bg"];
  const LONGEST_NAME = 64;
  const ROUNDING = { circle: "50%", rounded: "20%" };
  // The gateway that this file came from.
  const HOME = new URL("..", document.currentScript?.src || document.baseURI);

  const STYLE = `
    :host { display: inline-grid; place-items: center; position: relative; overflow: hidden;
            vertical-align: middle; background: var(--wa-avatar-placeholder, #9baaba); }
    :host([hidden]) { display: none; }
    :host([data-source]) { background: none; overflow: visible; }
    :host([data-source]) slot { display: none; }
    img { position: absolute; inset: 0; width: 100%; height: 100%; opacity: 0; }
    :host([data-source]) img { opacity: 1; }
    @media (prefers-reduced-motion: no-preference) {
      img { transition: opacity .2s; }
      /* The placeholder stays beneath until the picture is there: no flash of the page. */
      :host([data-source]) { transition: background-color 0s .2s; }
    }`;

  class WaAvatar extends HTMLElement {
    static observedAttributes = ["contact", "base", "size", "alt", ...OPTIONS];

    #image = document.createElement("img");
    #sheet = new CSSStyleSheet(); // unlike <style>, no content security policy forbids it
    #life = null; // ends what is under way when the element leaves or changes
    #due = false;

    constructor() {
      super();
      const root = this.attachShadow({ mode: "open" });
      root.adoptedStyleSheets = [this.#sheet];
      root.append(document.createElement("slot"), this.#image);
      // In this order: what is set after "src" comes too late for it.
      this.#image.loading = "lazy";
      this.#image.decoding = "async";
      this.#image.crossOrigin = "anonymous"; // so that the answer is shared with fetch()
    }

    connectedCallback() {
      this.#begin();
    }

    disconnectedCallback() {
      this.#end();
    }

    attributeChangedCallback(name, before, after) {
      if (before === after || this.#due) return;
      // A framework sets attributes one by one: begin once, when it is done.
      this.#due = true;
      queueMicrotask(() => {
        this.#due = false;
        if (this.isConnected) this.#begin();
      });
    }

    get size() {
      const size = Math.round(Number(this.getAttribute("size") || 48));
      return size >= 16 && size <= LARGEST ? size : 48;
    }

    /** The picture's URL at a density; `asked` sets a repeated question apart in all caches. */
    url(density = 1, asked = 0) {
      const base = new URL(this.getAttribute("base") || HOME, document.baseURI);
      if (!base.pathname.endsWith("/")) base.pathname += "/";
      const contact = encodeURIComponent(this.getAttribute("contact") ?? "");
      const url = new URL(`avatar/${contact}.webp`, base);
      url.searchParams.set("size", this.size);
      if (density !== 1) url.searchParams.set("dpr", density);
      for (const [option, value] of Object.entries(this.#options())) {
        if (value) url.searchParams.set(option, value);
      }
      if (asked) url.searchParams.set("asked", asked);
      return url.href;
    }

    #options() {
      const given = Object.fromEntries(OPTIONS.map((name) => [name, this.getAttribute(name)]));
      const fallback = given.fallback ?? (given.name ? "initials" : null);
      return {
        shape: given.shape ?? "circle",
        fallback,
        // A name goes no further than it has to.
        name: fallback === "initials" ? [...(given.name ?? "")].slice(0, LONGEST_NAME).join("") : null,
        ring: given.ring?.replace(/^#/, ""),
        bg: given.bg?.replace(/^#/, ""),
      };
    }

    #begin() {
      this.#end();
      const side = `${this.size}px`, radius = ROUNDING[this.#options().shape] ?? "0";
      this.#sheet.replaceSync(
        `${STYLE} :host { width: ${side}; height: ${side}; border-radius: ${radius}; }`);
      this.#image.alt = this.getAttribute("alt") ?? this.getAttribute("name") ?? "";
      if (!this.getAttribute("contact")) return;
      this.#life = new AbortController();
      this.#watch(this.#life.signal);
    }

    #end() {
      this.#life?.abort();
      this.#life = null;
      this.#image.removeAttribute("srcset");
      this.#image.removeAttribute("src");
      delete this.dataset.source;
      delete this.dataset.reason;
    }

    /** Show the picture; as long as a photo is missing for a passing reason, ask again. */
    async #watch(signal) {
      try {
        await this.#show(0, signal);
        for (const [number, pause] of PAUSES.entries()) {
          // Without data-reason and data-source nothing was answered: the network is away.
          const { source, reason } = this.dataset;
          if (source === "photo" || (reason && !PASSING.has(reason))) return;
          await visible(signal, pause);
          const answer = await this.#ask(this.url(this.#density(), number + 1), signal);
          if (answer && !PASSING.has(answer.reason)) await this.#show(number + 1, signal);
        }
      } catch (error) {
        if (!signal.aborted) throw error;
      }
    }

    async #show(asked, signal) {
      const loaded = settled(this.#image, signal);
      this.#image.srcset = this.#densities()
        .map((each) => `${this.url(each, asked)} ${each}x`).join(", ");
      this.#image.src = this.url(1, asked);
      const shown = await loaded;
      if (shown) this.dataset.source ||= "unknown"; // it is seen at once
      // The answer's head tells why; it is in the browser's cache by now.
      const { currentSrc, src } = this.#image;
      const answer = await this.#ask(currentSrc || src, signal, "force-cache");
      if (answer?.reason) this.dataset.reason = answer.reason;
      else delete this.dataset.reason;
      if (shown && answer?.source) this.dataset.source = answer.source;
      const detail = { source: answer?.source ?? null, reason: answer?.reason || null };
      this.dispatchEvent(new CustomEvent("wa-avatar", { detail, bubbles: true, composed: true }));
    }

    /** What the gateway says about a picture; null if it cannot be reached. */
    async #ask(url, signal, cache = "default") {
      try {
        const answer = await fetch(url, { signal, cache, mode: "cors", credentials: "omit" });
        await answer.arrayBuffer(); // a body that is read is kept for the image
        const { headers } = answer;
        return {
          source: headers.get("Avatar-Source") ?? "",
          reason: headers.get("Avatar-Reason") ?? "",
        };
      } catch (error) {
        if (signal.aborted) throw error;
        return null;
      }
    }

    #densities() {
      return DENSITIES.filter((density) => this.size * density <= LARGEST);
    }

    /** The one that the browser chooses from them, or the next better. */
    #density() {
      const densities = this.#densities();
      return densities.find((density) => density >= devicePixelRatio) ?? densities.at(-1);
    }
  }

  /** Resolves with whether the image that is set next has loaded. */
  function settled(image, signal) {
    return new Promise((resolve, reject) => {
      image.addEventListener("load", () => resolve(true), { once: true, signal });
      image.addEventListener("error", () => resolve(false), { once: true, signal });
      signal.addEventListener("abort", () => reject(signal.reason), { once: true });
    });
  }

  /** Resolves when `pause` milliseconds have passed and somebody can see the page. */
  function visible(signal, pause) {
    return new Promise((resolve, reject) => {
      const look = () => {
        if (document.hidden) document.addEventListener("visibilitychange", look, { once: true, signal });
        else resolve();
      };
      const timer = setTimeout(look, pause);
      signal.addEventListener("abort", () => {
        clearTimeout(timer);
        reject(signal.reason);
      }, { once: true });
    });
  }

  if (!customElements.get("wa-avatar")) customElements.define("wa-avatar", WaAvatar);
}
