"use strict";
const data = JSON.parse(document.getElementById("data").textContent);
const { clusters, pictures } = data;
const names = clusters.map((c) => c.name);
let unsaved = false;

// All text enters the page as text, never as HTML: file names may hold anything.
function element(tag, properties = {}, ...children) {
  const made = Object.assign(document.createElement(tag), properties);
  made.append(...children);
  return made;
}
const find = (selector, within = document) => within.querySelector(selector);
const count = (number, word) => `${number.toLocaleString("en")} ${word}${number === 1 ? "" : "s"}`;
const isCluster = (c) => c.numbers[0] >= 0;
const title = (cluster) => names[cluster] || clusters[cluster].label;
const dot = (cluster) => {
  const made = element("span", { className: "dot" });
  made.style.background = clusters[cluster].color;
  return made;
};
const image = (picture, alt = pictures.name[picture]) => element("img", {
  src: `data:image/webp;base64,${pictures.thumbnail[picture]}`,
  alt,
  title: alt,
  loading: "lazy",
});
const figure = (picture, note = "") => element("figure", {}, image(picture),
  element("figcaption", {}, pictures.name[picture].split("/").pop() + note));

// Where each point's thumbnail is, -1 for none, and the pictures of each cluster, most typical first.
const points = new Uint16Array(Uint8Array.from(atob(data.points.xy), (c) => c.charCodeAt(0)).buffer);
const clusterOf = new Uint16Array(
  Uint8Array.from(atob(data.points.cluster), (c) => c.charCodeAt(0)).buffer,
);
const pictureOf = new Int32Array(clusterOf.length).fill(-1);
pictures.row.forEach((row, picture) => { pictureOf[row] = picture; });
const members = clusters.map(() => []);
pictures.row.forEach((row, picture) => members[clusterOf[row]].push(picture));
members.forEach((list) => list.sort((a, b) => pictures.confidence[b] - pictures.confidence[a]));

// Names. Everything that shows a name has the attribute data-name with its cluster.
function nameField(cluster) {
  const field = element("input", {
    value: names[cluster],
    placeholder: "Give it a name",
    autocomplete: "off",
    ariaLabel: `Name of ${clusters[cluster].label}`,
    oninput: () => { names[cluster] = field.value.trim(); unsaved = true; showNames(field); },
  });
  field.setAttribute("list", "names");
  field.dataset.field = cluster;
  return field;
}
function named(tag, cluster) {
  const made = element(tag, {}, title(cluster));
  made.dataset.name = cluster;
  return made;
}
function mergedWith(cluster) {
  const same = clusters.filter((_, i) => i !== cluster && names[i] && names[i] === names[cluster]);
  return same.length ? `merged with ${same.map((c) => c.label).join(", ")}` : "";
}
function showNames(typedIn) {
  document.querySelectorAll("[data-name]").forEach((e) => { e.textContent = title(+e.dataset.name); });
  document.querySelectorAll("[data-field]").forEach((e) => {
    if (e !== typedIn) e.value = names[+e.dataset.field];
  });
  document.querySelectorAll("[data-note]").forEach((e) => {
    const cluster = +e.dataset.note;
    e.textContent = [names[cluster] && clusters[cluster].label, mergedWith(cluster)].filter(Boolean).join(", ");
  });
  const given = [...new Set(names.filter(Boolean))].sort();
  find("#names").replaceChildren(...given.map((value) => element("option", { value })));
  const nNamed = names.filter(Boolean).length;
  const nAll = clusters.filter(isCluster).length;
  find("#status").textContent = nNamed ? `${nNamed} of ${nAll} named${unsaved ? "" : ", saved"}` : "";
  find("#save").disabled = !unsaved;
}
function saveNames() {
  const quoted = (text) => (/[",\r\n]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text);
  const lines = clusters.flatMap((c, i) =>
    (names[i] ? c.numbers.map((number) => `${number},${quoted(names[i])},${data.clustering}`) : []));
  const file = new Blob([["cluster,name,clustering", ...lines, ""].join("\n")], { type: "text/csv" });
  const link = element("a", { href: URL.createObjectURL(file), download: "cluster_names.csv" });
  link.click();
  URL.revokeObjectURL(link.href);
  unsaved = false;
  showNames();
}
find("#save").onclick = saveNames;
window.onbeforeunload = () => (unsaved ? "" : undefined);

// Cards, and the dialog that one opens.
clusters.forEach((c, cluster) => {
  const share = Math.round((100 * c.size) / clusterOf.length);
  const heading = element("span", { className: "title", id: `title-${cluster}` }, dot(cluster),
    named("strong", cluster), element("span", {}, `${c.size.toLocaleString("en")} · ${share}%`));
  const best = c.typical.length ? c.typical : c.odd;
  const mosaic = best.slice(0, 8).map((picture) => image(picture, ""));
  const open = element("button", { className: "open", onclick: () => openCluster(cluster) }, heading,
    element("span", { className: "mosaic" }, ...mosaic));
  open.setAttribute("aria-labelledby", heading.id);
  const card = element("article", { className: "card" }, open);
  if (isCluster(c)) {
    const note = element("p", { className: "note" });
    note.dataset.note = cluster;
    card.append(nameField(cluster), note);
  }
  find(".cards").append(card);
});
const dialog = find("dialog");
function openCluster(cluster) {
  const c = clusters[cluster];
  const step = (by) => openCluster((cluster + by + clusters.length) % clusters.length);
  const button = (text, label, onclick) => element("button", { onclick, ariaLabel: label }, text);
  const heading = named("span", cluster);
  const head = element("div", { className: "head" },
    // The heading gets the focus: in the field of the name a phone would open its keyboard.
    element("h2", { id: "dialog-title", tabIndex: -1, autofocus: true }, dot(cluster), heading),
    ...(isCluster(c) ? [nameField(cluster)] : []),
    button("←", "Previous cluster", () => step(-1)), button("→", "Next cluster", () => step(1)),
    element("button", { className: "close", onclick: () => dialog.close() }, "Close"));
  const here = members[cluster].length;
  const elsewhere = here < c.size ? `, ${here.toLocaleString("en")} of them on this page` : "";
  const about = element("p", { className: "hint" }, `${count(c.size, "image")}${elsewhere}`);
  const body = element("div", { className: "body" }, about);
  const show = (words, list) => {
    if (!list.length) return;
    body.append(element("h3", {}, words),
      element("div", { className: "pictures" }, ...list.map((picture) => figure(picture))));
  };
  show("Typical", c.typical);
  show("Borderline, the least certain first", c.borderline);
  show("Odd: outliers in this cluster", c.odd);
  const shown = new Set([...c.typical, ...c.borderline, ...c.odd]);
  const others = members[cluster].filter((picture) => !shown.has(picture));
  if (others.length) {
    const more = element("button", {}, `Show ${count(others.length, "more image")}`);
    more.onclick = () => { more.remove(); show("More, from typical to borderline", others); };
    body.append(element("p", {}, more));
  }
  dialog.replaceChildren(head, body);
  if (!dialog.open) dialog.showModal();
  dialog.scrollTop = 0;
}
dialog.onclick = (event) => { if (event.target === dialog) dialog.close(); };

// The map.
const canvas = find("canvas");
const tip = find("#tip");
const ring = find("#ring");
const view = { x: 0.5, y: 0.5, zoom: 1 };
let highlighted = -1;
let current = -1;
const size = { width: 0, height: 0 };
const screenX = (i) => size.width * (0.5 + 0.94 * view.zoom * (points[2 * i] / 65535 - view.x));
const screenY = (i) => size.height * (0.5 - 0.94 * view.zoom * (points[2 * i + 1] / 65535 - view.y));
const LAYERS = 16;
let frame = 0;
function draw() {
  cancelAnimationFrame(frame);
  frame = requestAnimationFrame(() => {
    const ratio = window.devicePixelRatio || 1;
    canvas.width = size.width * ratio;
    canvas.height = size.height * ratio;
    const context = canvas.getContext("2d");
    context.scale(ratio, ratio);
    const radius = Math.max(0.8, Math.min(5, (160 / Math.sqrt(clusterOf.length)) * Math.sqrt(view.zoom)));
    // In layers of every cluster, so that none lies on top of the others.
    for (let layer = 0; layer < LAYERS; layer += 1) {
      const paths = clusters.map(() => new Path2D());
      for (let i = layer; i < clusterOf.length; i += LAYERS) {
        const [x, y, path] = [screenX(i), screenY(i), paths[clusterOf[i]]];
        if (x < 0 || y < 0 || x > size.width || y > size.height) continue;
        if (radius < 2) {
          path.rect(x - radius, y - radius, 2 * radius, 2 * radius);
        } else {
          path.moveTo(x + radius, y);
          path.arc(x, y, radius, 0, 2 * Math.PI);
        }
      }
      paths.forEach((path, cluster) => {
        context.globalAlpha = highlighted >= 0 && cluster !== highlighted ? 0.08 : 0.75;
        context.fillStyle = clusters[cluster].color;
        context.fill(path);
      });
    }
  });
}
// The point nearest to a place. With a direction only what lies there counts, the current one does not.
function nearest(x, y, limit, direction) {
  let best = -1;
  let closest = limit ** 2;
  for (let i = 0; i < clusterOf.length; i += 1) {
    if (highlighted >= 0 && clusterOf[i] !== highlighted) continue;
    const dx = screenX(i) - x;
    const dy = screenY(i) - y;
    const distance = dx * dx + dy * dy;
    if (distance >= closest) continue;
    if (direction) {
      const along = dx * direction[0] + dy * direction[1];
      if (i === current || along < 0.7 * Math.sqrt(distance)) continue;
    }
    best = i;
    closest = distance;
  }
  return best;
}
function point(i) {
  if (i === current) return;
  current = i;
  tip.hidden = i < 0;
  ring.hidden = i < 0;
  if (i < 0) return;
  const picture = pictureOf[i];
  const about = element("div", {}, dot(clusterOf[i]), title(clusterOf[i]));
  if (picture >= 0) {
    const confidence = `confidence ${pictures.confidence[picture].toFixed(2)}`;
    tip.replaceChildren(image(picture), element("div", {}, pictures.name[picture]), about, confidence);
  } else {
    tip.replaceChildren(element("div", {}, `image ${i}, not among the pictures of this page`), about);
  }
  const [x, y] = [screenX(i), screenY(i)];
  const left = x + 14 + tip.offsetWidth < size.width ? x + 14 : x - 14 - tip.offsetWidth;
  const top = Math.min(y - 20, size.height - tip.offsetHeight - 4);
  Object.assign(tip.style, { left: `${Math.max(4, left)}px`, top: `${Math.max(4, top)}px` });
  Object.assign(ring.style, { left: `${x}px`, top: `${y}px` });
}
function zoom(factor) {
  if (factor && current >= 0) {
    view.x = points[2 * current] / 65535;
    view.y = points[2 * current + 1] / 65535;
  }
  const zoomed = Math.min(100, Math.max(1, view.zoom * factor));
  Object.assign(view, factor ? { zoom: zoomed } : { x: 0.5, y: 0.5, zoom: 1 });
  point(-1);
  draw();
}
let dragged = 0;
let touched = -1; // what a finger had pointed at before: a first touch shows a picture, a second opens
canvas.onpointermove = (event) => {
  if (event.buttons && event.pointerType === "mouse") {
    dragged += Math.abs(event.movementX) + Math.abs(event.movementY);
    view.x -= event.movementX / (0.94 * view.zoom * size.width);
    view.y += event.movementY / (0.94 * view.zoom * size.height);
    point(-1);
    draw();
  } else {
    point(nearest(event.offsetX, event.offsetY, 20));
  }
};
canvas.onpointerdown = (event) => {
  dragged = 0;
  touched = current;
  point(nearest(event.offsetX, event.offsetY, 20));
};
canvas.onpointerleave = (event) => { if (event.pointerType === "mouse") point(-1); };
canvas.onclick = (event) => {
  const isFirstTouch = event.pointerType === "touch" && touched !== current;
  if (current >= 0 && dragged < 5 && !isFirstTouch) openCluster(clusterOf[current]);
};
canvas.onkeydown = (event) => {
  const arrows = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1] };
  if (arrows[event.key]) {
    const next = current < 0
      ? nearest(size.width / 2, size.height / 2, Infinity)
      : nearest(screenX(current), screenY(current), Infinity, arrows[event.key]);
    if (next >= 0) point(next);
  } else if (event.key === "Enter" && current >= 0) {
    openCluster(clusterOf[current]);
  } else if (event.key === "+" || event.key === "-") {
    zoom(event.key === "+" ? 1.6 : 0.625);
  } else if (event.key === "Escape") {
    point(-1);
  } else {
    return;
  }
  event.preventDefault();
};
document.querySelectorAll("[data-zoom]").forEach((button) => { button.onclick = () => zoom(+button.dataset.zoom); });
new ResizeObserver(() => {
  Object.assign(size, { width: canvas.clientWidth, height: canvas.clientHeight });
  draw();
}).observe(canvas);
clusters.forEach((c, cluster) => {
  const chip = element("button", { ariaPressed: "false" }, dot(cluster), named("span", cluster));
  chip.onclick = () => {
    highlighted = highlighted === cluster ? -1 : cluster;
    [...chip.parentNode.children].forEach((other, i) => { other.ariaPressed = String(i === highlighted); });
    draw();
  };
  find(".legend").append(chip);
});

// Duplicates and outliers.
const row = (list) => element("div", { className: "pictures" }, ...list.map((picture) => figure(picture)));
const note = (kind, number) => element("p", { className: "note" }, `${kind}: ${count(number, "image")}`);
data.duplicates.forEach(({ kind, size: number, same, pictures: others }) => {
  const framed = same.map((list) =>
    element("div", { className: "same" }, note("the same", list.length), row(list)));
  find(".groups").append(
    element("div", { className: "group" }, note(kind, number), ...framed, row(others)));
});
data.outliers.pictures.forEach((picture, i) =>
  find("#outliers .pictures").append(figure(picture, ` (${data.outliers.distance[i]})`)));
showNames();
