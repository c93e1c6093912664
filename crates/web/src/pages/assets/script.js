// What pages do beyond links and forms: parts that load late, the slider over past weeks, and the filter of the catalogue.
// Everything here has a way without it: a link where a part would load, a date field, the whole list.
"use strict";

async function load(place) {
  place.setAttribute("aria-busy", "true");
  try {
    const answer = await fetch(place.dataset.load, { headers: { "X-Plimsoll-Fragment": "1", Accept: "text/html" } });
    if (!answer.ok) throw new Error(answer.status);
    place.innerHTML = await answer.text();
    for (const inner of place.querySelectorAll("[data-load]")) load(inner);
  } catch {
    const link = document.createElement("a");
    link.href = place.dataset.load;
    link.textContent = "This part could not be loaded; open it on its own";
    place.replaceChildren(link);
  }
  place.removeAttribute("aria-busy");
}

// One after the other: the server evaluates one range at a time anyway, and the first one is the one in view.
async function loadAll() {
  for (const place of document.querySelectorAll("[data-load]")) await load(place);
}

function slide(slider) {
  const form = slider.form;
  const date = form.elements[slider.dataset.slides];
  const shown = document.getElementById(slider.dataset.shows);
  const day = () => {
    const at = new Date(slider.dataset.today + "T00:00:00Z");
    at.setUTCDate(at.getUTCDate() + 7 * Number(slider.value));
    return at.toISOString().slice(0, 10);
  };
  slider.addEventListener("input", () => {
    date.value = slider.value === "0" ? "" : day();
    shown.textContent = slider.value === "0" ? "now" : day();
    slider.setAttribute("aria-valuetext", shown.textContent);
  });
  // The arrow keys change it week by week; the page follows when they rest.
  let rest;
  slider.addEventListener("change", () => {
    clearTimeout(rest);
    rest = setTimeout(() => form.requestSubmit(), 600);
  });
}

// Empty fields say nothing, so they need not stand in the address.
function tidy(form) {
  form.addEventListener("formdata", (event) => {
    for (const [name, value] of [...event.formData]) if (value === "") event.formData.delete(name);
  });
}

function filter(field) {
  const rows = [...document.querySelectorAll(field.dataset.filters)];
  const told = document.getElementById(field.dataset.tells);
  field.closest("[hidden]")?.removeAttribute("hidden");
  field.addEventListener("input", () => {
    const words = field.value.toLowerCase().split(/\s+/);
    let left = 0;
    for (const row of rows) {
      const found = words.every((word) => row.textContent.toLowerCase().includes(word));
      row.hidden = !found;
      left += found;
    }
    for (const group of document.querySelectorAll("[data-group]"))
      group.hidden = ![...group.querySelectorAll(field.dataset.filters)].some((row) => !row.hidden);
    told.textContent = left + " of " + rows.length;
  });
}

for (const slider of document.querySelectorAll("input[data-slides]")) slide(slider);
for (const form of document.querySelectorAll("form[method=get]")) tidy(form);
for (const field of document.querySelectorAll("input[data-filters]")) filter(field);
loadAll();
