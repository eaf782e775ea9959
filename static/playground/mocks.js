// The avatar at work: on walls of shapes and sizes, in a chat list, a mail and a dashboard.

import { $, make } from "./page.js";

const SIZES = [96, 64, 48, 32, 24, 16];
const SHAPES = ["circle", "rounded", "square"];
const OTHERS = 4;
const CHATS = [
  ["Are we still on for tomorrow?", "9:41", "2"], ["Sounds good, see you there", "9:12", ""],
  ["Photo", "8:57", ""], ["Thanks!", "Yesterday", ""], ["The train is ten minutes late", "Yesterday", ""],
];
const BOARD = [
  ["Online", [3, 5, 4, 7, 6, 8, 9], "214"], ["Away", [6, 5, 6, 4, 5, 3, 4], "163"],
  ["Online", [1, 2, 4, 3, 5, 6, 5], "98"], ["Offline", [4, 4, 3, 3, 2, 2, 1], "57"],
  ["Away", [2, 1, 2, 2, 1, 3, 2], "12"],
];
const SVG = "http://www.w3.org/2000/svg";

/** Light and dark walls with every shape in every size; `face` sets an image up. */
export function hang(face) {
  $("walls").replaceChildren(...["light", "dark"].map((theme) =>
    make("div", { className: `wall ${theme}`, role: "group", ariaLabel: `On ${theme}` },
      ...SHAPES.map((shape) => make("div", { className: "shelf" },
        ...SIZES.map((side) => face(make("img", { alt: "" }), { side, shape })))))));
}

/** Fill the mock-ups: the chosen contact first, then `others`, {name, id}; bones where nobody is. */
export function furnish(who, others, face) {
  const company = [null, ...others.slice(0, OTHERS)];
  while (company.length <= OTHERS) company.push(undefined);
  const picture = (one, side, shape) => one === undefined
    ? make("span", { className: `bone face f${side}` })
    : face(make("img", { alt: "" }), { side, shape, other: one });
  const name = (one) => one === undefined
    ? make("span", { className: "bone word" })
    : make("strong", { textContent: one?.name ?? who });
  $("chat").replaceChildren(...company.map((one, row) => chat(one, row, picture, name)));
  $("board").replaceChildren(...company.map((one, row) => line(one, row, picture, name)));
  for (const image of document.querySelectorAll(".mail img")) {
    face(image, { side: Number(image.dataset.side), shape: image.dataset.shape });
  }
  for (const each of document.querySelectorAll("[data-who]")) each.textContent = who;
}

function chat(one, row, picture, name) {
  const [text, time, unread] = CHATS[row];
  const said = one === undefined
    ? make("span", { className: "bone line" }) : make("span", { className: "soft", textContent: text });
  return make("li", { ariaHidden: one === undefined ? "true" : null },
    picture(one, 48, "circle"),
    make("p", {}, name(one), make("br"), said),
    make("p", { className: "when" }, make("span", { className: "soft", textContent: one === undefined ? "" : time }),
      ...(unread ? [make("br"), make("span", { className: "unread", textContent: unread, ariaLabel: `${unread} unread` })] : [])));
}

function line(one, row, picture, name) {
  const [status, week, number] = BOARD[row];
  const cell = (...children) => make("td", {}, ...children);
  if (one === undefined) {
    return make("tr", { ariaHidden: "true" },
      cell(make("div", { className: "person" }, picture(one, 32, "rounded"), name(one))),
      cell(make("span", { className: "bone word" })), cell(), cell());
  }
  return make("tr", {},
    make("th", { scope: "row" },
      make("div", { className: "person" }, picture(one, 32, "rounded"), name(one))),
    cell(make("span", { className: `pill ${status.toLowerCase()}`, textContent: status })),
    cell(bars(week)),
    make("td", { className: "number", textContent: number }));
}

function bars(week) {
  const drawing = document.createElementNS(SVG, "svg");
  drawing.setAttribute("viewBox", "0 0 62 24");
  drawing.setAttribute("class", "bars");
  drawing.setAttribute("aria-hidden", "true");
  week.forEach((height, day) => {
    const bar = document.createElementNS(SVG, "rect");
    const place = { x: day * 9, y: 24 - height * 2.6, width: 6, height: height * 2.6, rx: 1.5 };
    for (const [name, value] of Object.entries(place)) bar.setAttribute(name, value);
    drawing.append(bar);
  });
  return drawing;
}
