"use strict";
const checks = [...document.querySelectorAll("details.check")];
const form = document.querySelector("form.filter");
const words = document.getElementById("words");
const boxes = [...document.querySelectorAll("input[name=status]")];

function filter() {
  const wanted = words.value.toLowerCase();
  const statuses = new Set(boxes.filter(box => box.checked).map(box => box.value));
  for (const check of checks) {
    check.hidden = !statuses.has(check.dataset.status) || !check.dataset.id.toLowerCase().includes(wanted);
  }
  const shown = checks.filter(check => !check.hidden).length;
  document.getElementById("shown").value = `${shown} of ${checks.length} checks shown`;
}

function reveal() {
  const target = document.getElementById(location.hash.slice(1));
  for (let element = target; element; element = element.parentElement) {
    if (element instanceof HTMLDetailsElement) element.open = true;
  }
  if (target) target.scrollIntoView();
}

form.addEventListener("input", filter);
form.addEventListener("submit", event => event.preventDefault());
window.addEventListener("hashchange", reveal);
form.hidden = false;
filter();
reveal();
