// Small things that every part of the page needs.

export const $ = (id) => document.getElementById(id);
export const narrow = matchMedia("(width < 60rem)"); // one column, as in the style sheet

/** An element with properties and children; never from a text with markup in it. */
export function make(tag, properties = {}, ...children) {
  const element = document.createElement(tag);
  for (const [name, value] of Object.entries(properties)) {
    if (name in element) element[name] = value;
    else element.setAttribute(name, value);
  }
  element.append(...children);
  return element;
}

/** Tell those who do not see the page. */
export function say(text) {
  $("status").textContent = text;
}

/** Light, dark, or as the machine is set; the choice stays on this machine. */
export function startTheme() {
  const choices = ["auto", "light", "dark"];
  const apply = (choice) => {
    document.documentElement.dataset.theme = choice;
    $("theme-name").textContent = choice[0].toUpperCase() + choice.slice(1);
  };
  let chosen = choices.find((choice) => choice === remembered()) ?? "auto";
  apply(chosen);
  $("theme").addEventListener("click", () => {
    chosen = choices[(choices.indexOf(chosen) + 1) % choices.length];
    apply(chosen);
    try {
      localStorage.setItem("theme", chosen);
    } catch { /* a browser that keeps nothing */ }
  });
}

function remembered() {
  try {
    return localStorage.getItem("theme");
  } catch {
    return null;
  }
}

/** Tabs as screen readers know them: arrows move, one stop for Tab; `chosen` is told the id. */
export function startTabs(chosen) {
  const tabs = [...document.querySelectorAll("[role=tab]")];
  const select = (tab) => {
    for (const each of tabs) {
      each.setAttribute("aria-selected", String(each === tab));
      each.tabIndex = each === tab ? 0 : -1;
    }
    $("panel").setAttribute("aria-labelledby", tab.id);
    chosen(tab.id.replace("tab-", ""));
  };
  for (const tab of tabs) {
    tab.addEventListener("click", () => select(tab));
    tab.addEventListener("keydown", ({ key }) => {
      const shown = tabs.filter((each) => !each.hidden);
      const at = shown.indexOf(tab);
      const next = {
        ArrowRight: shown[(at + 1) % shown.length],
        ArrowLeft: shown.at(at - 1),
        Home: shown[0],
        End: shown.at(-1),
      }[key];
      if (!next) return;
      next.focus();
      select(next);
    });
  }
  return { reset: () => select(tabs[0]) };
}

/** Let the button copy what `text` returns. */
export function startCopying(text) {
  $("copy").addEventListener("click", async () => {
    const done = await copy(text(), $("snippet"));
    $("copy").textContent = done ? "Copied" : "Selected";
    say(done ? "Copied." : "The code is selected: copy it with your keyboard.");
    setTimeout(() => { $("copy").textContent = "Copy"; }, 2000);
  });
}

/** Copy `text`; where the browser forbids that, select it in `element`. */
async function copy(text, element) {
  try {
    await navigator.clipboard.writeText(text);
    return true;
  } catch {
    getSelection().selectAllChildren(element);
    return false;
  }
}
